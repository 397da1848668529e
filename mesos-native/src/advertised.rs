//! The address at which masters connect back to libmesos (`initialize` in
//! `3rdparty/libprocess/src/process.cpp`), and the warning if a master cannot reach it.

use std::env;
use std::net::{IpAddr, Ipv4Addr, ToSocketAddrs as _, UdpSocket};

/// Logs a warning if the master is on another host, and would have to connect to the loopback
/// address of that host. The driver would then wait for its registration indefinitely.
pub(crate) fn warn_if_loopback(master: IpAddr) {
    if let Some(warning) = warning(&|name| env::var(name).ok(), host_address, master) {
        tracing::warn!("{warning}");
    }
}

fn warning(
    get: &dyn Fn(&str) -> Option<String>,
    host_address: impl FnOnce() -> Option<IpAddr>,
    master: IpAddr,
) -> Option<String> {
    if is_this_host(master) {
        return None;
    }
    let set = |name| get(name)?.parse::<IpAddr>().ok();
    let advertised = set("LIBPROCESS_ADVERTISE_IP");
    let bound = || set("LIBPROCESS_IP").filter(|ip| !ip.is_unspecified());
    let (ip, origin) = if let Some(ip) = advertised {
        (ip, "LIBPROCESS_ADVERTISE_IP")
    } else if let Some(ip) = bound() {
        (ip, "LIBPROCESS_IP")
    } else {
        (host_address()?, "the address of this machine's host name")
    };
    ip.is_loopback().then(|| {
        format!(
            "the master at {master} cannot connect back to libmesos at {ip}, {origin}; set \
             LIBPROCESS_IP (or LIBPROCESS_ADVERTISE_IP, behind NAT) to an address that the master \
             can reach"
        )
    })
}

/// The first IPv4 address of the host name, which libmesos uses without a setting.
fn host_address() -> Option<IpAddr> {
    let name = nix::unistd::gethostname().ok()?.into_string().ok()?;
    let mut found = (name.as_str(), 0).to_socket_addrs().ok()?;
    found.find_map(|address| Some(address.ip()).filter(IpAddr::is_ipv4))
}

/// Whether `ip` is an address of this host: the system then sends from the same address.
fn is_this_host(ip: IpAddr) -> bool {
    let local = || {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
        // This sends nothing.
        socket.connect((ip, 9)).ok()?;
        Some(socket.local_addr().ok()?.ip())
    };
    ip.is_loopback() || local().is_some_and(|local| local == ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An address for documentation, which no host has.
    const REMOTE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn warned(settings: &[(&str, &str)], host: IpAddr, master: IpAddr) -> Option<String> {
        let get = |name: &str| {
            let found = settings.iter().find(|(set, _)| *set == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        warning(&get, || Some(host), master)
    }

    #[test]
    fn a_loopback_address_for_a_master_on_another_host_is_a_warning_that_names_the_setting() {
        let debian = IpAddr::V4(Ipv4Addr::new(127, 0, 1, 1));
        for (settings, host, named) in [
            (
                &[("LIBPROCESS_IP", "127.0.0.1")][..],
                REMOTE,
                "LIBPROCESS_IP;",
            ),
            (
                &[("LIBPROCESS_ADVERTISE_IP", "127.0.0.1")],
                REMOTE,
                "LIBPROCESS_ADVERTISE_IP;",
            ),
            (
                &[("LIBPROCESS_IP", "0.0.0.0")],
                debian,
                "127.0.1.1, the address of this machine",
            ),
            (&[], debian, "127.0.1.1, the address of this machine"),
        ] {
            let text = warned(settings, host, REMOTE).expect("a warning");
            assert!(text.contains(named), "{settings:?}: {text}");
        }
    }

    #[test]
    fn an_address_that_the_master_may_reach_is_not_a_warning() {
        for (settings, host, master) in [
            (&[][..], REMOTE, REMOTE),
            (&[("LIBPROCESS_IP", "127.0.0.1")], LOOPBACK, LOOPBACK),
            (
                &[
                    ("LIBPROCESS_IP", "127.0.0.1"),
                    ("LIBPROCESS_ADVERTISE_IP", "192.0.2.7"),
                ],
                LOOPBACK,
                REMOTE,
            ),
        ] {
            assert_eq!(warned(settings, host, master), None, "{settings:?}");
        }
    }

    #[test]
    fn an_address_of_this_host_is_recognized() {
        assert!(is_this_host(LOOPBACK));
        assert!(!is_this_host(REMOTE));
        if let Some(host) = host_address() {
            assert!(is_this_host(host), "{host}");
        }
    }
}
