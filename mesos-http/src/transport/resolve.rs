//! Host names: the system's resolver, or a custom function.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;

use mesos_core::backend::blocking;

type Lookup = dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync;

/// Resolves host names.
#[derive(Clone, Default)]
pub(crate) struct Resolver(Option<Arc<Lookup>>);

impl Resolver {
    pub(crate) fn custom(
        lookup: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Self {
        Self(Some(Arc::new(lookup)))
    }

    /// The addresses of `host`, in the order in which they are tried.
    pub(crate) async fn resolve(&self, host: String, port: u16) -> io::Result<Vec<SocketAddr>> {
        match self.0.clone() {
            None => match host.parse::<IpAddr>() {
                Ok(address) => Ok(vec![SocketAddr::new(address, port)]),
                Err(_) => blocking(move || Ok((host, port).to_socket_addrs()?.collect())).await?,
            },
            Some(lookup) => blocking(move || lookup(&host, port)).await?,
        }
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            None => "Resolver(system)",
            Some(_) => "Resolver(custom)",
        })
    }
}
