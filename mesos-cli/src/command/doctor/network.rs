//! Checks of names and ports.

use std::fmt::Display;
use std::io;

use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::CONNECT;
use super::check::Check;

/// Connects to `HOST:PORT`.
pub(crate) async fn connect(address: &str) -> io::Result<TcpStream> {
    match timeout(CONNECT, TcpStream::connect(address)).await {
        Ok(result) => result,
        Err(_) => Err(io::Error::other(format!(
            "no answer within {} s",
            CONNECT.as_secs()
        ))),
    }
}

/// `HOST:PORT`, with brackets around an IPv6 address.
pub(crate) fn authority(host: &str, port: impl Display) -> String {
    match host.contains(':') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    }
}

/// Connects to all of the addresses `HOST:PORT` at once. One that fails is a warning, as long as
/// another one works.
pub(super) async fn reach_all(name: &'static str, addresses: &[String], advice: &str) -> Check {
    let mut connections = JoinSet::new();
    for address in addresses {
        let address = address.clone();
        connections.spawn(async move {
            let error = connect(&address).await.err()?;
            Some(format!("{address}: {error}"))
        });
    }
    let mut failures: Vec<_> = connections.join_all().await.into_iter().flatten().collect();
    failures.sort();
    let number = addresses.len() - failures.len();
    let detail = format!("{number} of {} can be reached", addresses.len());
    match failures.as_slice() {
        [] => Check::ok(name, detail),
        _ if number > 0 => {
            Check::warning(name, format!("{detail}; {}", failures.join("; ")), advice)
        }
        _ => Check::failed(name, failures.join("; "), advice),
    }
}

/// The servers of an address `zk://[USER:PASSWORD@]HOST[:PORT],…/PATH`; empty for another address.
pub(super) fn zookeeper_servers(master: &str) -> Vec<String> {
    let Some(rest) = master.strip_prefix("zk://") else {
        return Vec::new();
    };
    let servers = rest.split('/').next().unwrap_or_default();
    let servers = servers.rsplit('@').next().unwrap_or_default();
    let servers = servers.split(',').filter(|server| !server.is_empty());
    servers
        .map(|server| match server.rsplit_once(':') {
            Some((_, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => server.to_owned(),
            _ => format!("{server}:2181"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_of_a_zookeeper_address_have_no_password_and_a_port() {
        let servers = zookeeper_servers("zk://user:secret@z1:2182,z2/mesos");
        assert_eq!(servers, ["z1:2182", "z2:2181"]);
        assert!(zookeeper_servers("http://m1:5050").is_empty());
    }

    #[test]
    fn an_ipv6_address_has_brackets() {
        assert_eq!(authority("::1", 5050), "[::1]:5050");
        assert_eq!(authority("m1", 5050), "m1:5050");
    }
}
