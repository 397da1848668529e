//! Requests for `http://` through a proxy.
//!
//! `ureq` sends CONNECT to a proxy for every scheme. curl sends a GET with the whole URI instead for
//! `http://`, and proxies such as Squid refuse CONNECT to port 80. So the first bytes to the proxy
//! are changed here. `ureq` marks its transports as unversioned: an update can need a change.

use std::fmt::{self, Debug};
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;

use anyhow::{Context as _, Result};
use ureq::Agent;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport,
};
use url::{Position, Url};

/// An agent that sends requests for the host of `url` to the proxy.
pub(super) fn agent(config: Config, url: &Url, proxy: &Url) -> Result<Agent> {
    let host = proxy.host_str().context("the proxy has no host")?;
    let connector = ToProxy {
        host: host.trim_matches(['[', ']']).to_owned(),
        port: proxy.port_or_known_default().unwrap_or(80),
        prefix: url[..Position::BeforePath].to_owned(),
    };
    Ok(Agent::with_parts(config, connector, NoResolver))
}

#[derive(Debug)]
struct ToProxy {
    host: String,
    port: u16,
    /// What is missing in the first line of a request: `http://HOST:PORT`.
    prefix: String,
}

impl<In: Transport> Connector<In> for ToProxy {
    type Out = Connection;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        _: Option<In>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        let socket = TcpStream::connect((self.host.as_str(), self.port))?;
        let (input, output) = (
            details.config.input_buffer_size(),
            details.config.output_buffer_size(),
        );
        Ok(Some(Connection {
            socket,
            buffers: LazyBuffers::new(input, output),
            prefix: Some(self.prefix.clone()),
        }))
    }
}

/// The proxy finds the host, which this machine may not know.
#[derive(Debug)]
struct NoResolver;

impl Resolver for NoResolver {
    fn resolve(
        &self,
        _: &Uri,
        _: &Config,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut addresses = self.empty();
        addresses.push(([0, 0, 0, 0], 0).into());
        Ok(addresses)
    }
}

/// A connection without timeouts: the download has its own.
struct Connection {
    socket: TcpStream,
    buffers: LazyBuffers,
    /// Until the first line is sent.
    prefix: Option<String>,
}

impl Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("socket", &self.socket)
            .finish()
    }
}

impl Transport for Connection {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), ureq::Error> {
        let mut output = &self.buffers.output()[..amount];
        let method = b"GET ";
        if let Some(path) = output.strip_prefix(method)
            && let Some(prefix) = self.prefix.take()
        {
            self.socket
                .write_all(&[method, prefix.as_bytes()].concat())?;
            output = path;
        }
        self.socket.write_all(output)?;
        Ok(())
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, ureq::Error> {
        loop {
            match self.socket.read(self.buffers.input_append_buf()) {
                Ok(read) => {
                    self.buffers.input_appended(read);
                    return Ok(read > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// No connection is used again: each request has its own agent.
    fn is_open(&mut self) -> bool {
        false
    }
}
