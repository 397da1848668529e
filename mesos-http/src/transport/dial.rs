//! The transport below HTTP: TCP, TLS over it, or a unix socket; the one place
//! that knows more than one kind.

use std::io;

use mesos_core::{Delivery, Error, ErrorKind, Result};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::io::Transport;
use super::settings::Settings;
use mesos_core::{Endpoint, Scheme};

/// Connects to `endpoint`, in whatever way the settings say and as fast as they demand.
pub(crate) async fn dial(endpoint: &Endpoint, settings: &Settings) -> Result<Box<dyn Transport>> {
    let limit = settings.connect_timeout;
    let Ok(opened) = timeout(limit, open(endpoint, settings)).await else {
        return Err(Error::new(
            ErrorKind::Timeout,
            format!("connecting to {endpoint} took longer than {limit:?}"),
        )
        .with_delivery(Delivery::NotSent));
    };
    let transport = opened?;
    tracing::debug!(%endpoint, "connected");
    Ok(transport)
}

async fn open(endpoint: &Endpoint, settings: &Settings) -> Result<Box<dyn Transport>> {
    if let Some(path) = &settings.unix_socket {
        return unix(path).await;
    }
    match endpoint.scheme() {
        Scheme::Http => Ok(Box::new(tcp(endpoint).await?)),
        #[cfg(feature = "tls")]
        Scheme::Https => super::tls::connect(&settings.tls, endpoint, tcp(endpoint).await?).await,
        #[cfg(not(feature = "tls"))]
        Scheme::Https => Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "cannot connect to {endpoint}: this program was built without TLS; build it with \
                 the feature `tls` of mesos or mesos-http"
            ),
        )),
    }
}

async fn tcp(endpoint: &Endpoint) -> Result<TcpStream> {
    let connecting = async {
        let stream = TcpStream::connect((endpoint.host().as_str(), endpoint.port())).await?;
        // Calls are small, and each waits for its answer.
        stream.set_nodelay(true)?;
        Ok(stream)
    };
    connecting.await.map_err(|source: io::Error| {
        Error::new(ErrorKind::Transport, unreachable(endpoint)).with_source(source)
    })
}

#[cfg(unix)]
async fn unix(path: &std::path::Path) -> Result<Box<dyn Transport>> {
    match tokio::net::UnixStream::connect(path).await {
        Ok(stream) => Ok(Box::new(stream)),
        Err(source) => {
            let message = format!("cannot connect to the unix socket {}", path.display());
            Err(Error::new(ErrorKind::Transport, message).with_source(source))
        }
    }
}

#[cfg(not(unix))]
async fn unix(path: &std::path::Path) -> Result<Box<dyn Transport>> {
    let message = format!(
        "cannot connect to {}: this system has no unix sockets",
        path.display()
    );
    Err(Error::new(ErrorKind::Unsupported, message))
}

/// What is said when nobody answers; why not is in the cause.
fn unreachable(endpoint: &Endpoint) -> String {
    if endpoint.port() == endpoint.scheme().default_port() {
        format!("cannot connect to {endpoint}; note that a master usually listens on port 5050")
    } else {
        format!("cannot connect to {endpoint}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forgotten_port_is_hinted_at_when_nobody_answers() {
        let message = |text: &str| unreachable(&text.parse().expect("an address"));
        assert_eq!(
            message("http://h/master"),
            "cannot connect to http://h:80/master; note that a master usually listens on port 5050"
        );
        assert_eq!(message("h:5051"), "cannot connect to http://h:5051");
    }
}
