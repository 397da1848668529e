//! Host names: the system's resolver, or a custom function.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::lookup_host;
use tokio::task::spawn_blocking;

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
            None => Ok(lookup_host((host, port)).await?.collect()),
            Some(lookup) => spawn_blocking(move || lookup(&host, port))
                .await
                .map_err(io::Error::other)?,
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
