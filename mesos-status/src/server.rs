//! A server of its own for a page.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, Uri, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::StatusPage;

/// A page that is served. Dropping the value closes the server and its connections.
#[derive(Debug)]
#[must_use = "dropping the value closes the server"]
pub struct Listening {
    address: SocketAddr,
    base: String,
    task: JoinHandle<()>,
}

impl StatusPage {
    /// Serves the page on this port of the loopback address. Port 0 selects a free port. Only
    /// requests to `localhost` and to loopback addresses are answered.
    ///
    /// # Errors
    /// The port cannot be bound, for example because another process uses the port.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn listen(self, port: u16) -> io::Result<Listening> {
        self.listen_on(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
            .await
    }

    /// Serves the page on this address. Everyone who can connect to the address can read the page,
    /// with the commands, environments and output of tasks.
    ///
    /// # Errors
    /// As [`listen`](Self::listen).
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn listen_on(self, address: SocketAddr) -> io::Result<Listening> {
        let base = self.base().to_owned();
        let mut router = match base.as_str() {
            "" => self.router(),
            // This also matches the path with a slash at its end.
            _ => Router::new().nest_service(&base, self.router()),
        };
        if address.ip().is_loopback() {
            router = router.layer(from_fn(only_local_names));
        }
        let listener = TcpListener::bind(address).await.map_err(|error| {
            let message = format!("cannot bind the status page to {address}: {error}");
            io::Error::new(error.kind(), message)
        })?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the status page has ended");
            }
        });
        Ok(Listening {
            address,
            base,
            task,
        })
    }
}

impl Listening {
    /// The bound address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of the page. An unspecified address appears as the loopback address.
    pub fn url(&self) -> String {
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip(match address.ip() {
                IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                IpAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
            });
        }
        format!("http://{address}{}/", self.base)
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Refuses names that are not of this machine. A website can let its own name point to the loopback
/// address, and the browser then takes the page for a page of that website.
async fn only_local_names(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST);
    let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
    match is_local(host) {
        true => next.run(request).await,
        false => {
            let message = format!(
                "the status page is bound to the loopback address and does not answer requests \
                 to {host:?}; use localhost\n"
            );
            (StatusCode::FORBIDDEN, message).into_response()
        }
    }
}

fn is_local(host: &str) -> bool {
    let Ok(authority) = Uri::builder()
        .scheme("http")
        .authority(host)
        .path_and_query("/")
        .build()
    else {
        return false;
    };
    let name = authority.host().unwrap_or_default();
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::is_local;

    #[test]
    fn only_names_of_this_machine_are_local() {
        for host in [
            "localhost",
            "LOCALHOST:80",
            "127.0.0.1:8080",
            "127.1.2.3",
            "[::1]:8080",
        ] {
            assert!(is_local(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example:8080",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "[::2]",
            "evil.example@127.0.0.2.example",
            "a b",
        ] {
            assert!(!is_local(host), "{host}");
        }
    }
}
