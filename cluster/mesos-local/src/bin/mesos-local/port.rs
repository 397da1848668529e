//! Keeps the cluster's port reserved, also while the cluster is down.

use std::io;
use std::net::{Ipv4Addr, TcpListener};

use tokio::net::TcpSocket;

/// A port that the kernel does not assign to others that request any port, neither connections nor
/// listeners. Otherwise a killed cluster might not get its port back.
pub(crate) struct Port {
    /// Bound, and never listens. A socket with SO_REUSEADDR, which libprocess sets
    /// (3rdparty/libprocess/src/process.cpp), can bind the same port and listen on it.
    _held: TcpSocket,
    number: u16,
}

impl Port {
    /// Reserves the port `number` of 127.0.0.1, or for 0 a free one.
    pub(crate) fn reserve(number: u16) -> io::Result<Self> {
        let held = TcpSocket::new_v4()?;
        held.set_reuseaddr(true)?;
        held.bind((Ipv4Addr::LOCALHOST, number).into())?;
        let number = held.local_addr()?.port();
        Ok(Self {
            _held: held,
            number,
        })
    }

    pub(crate) fn number(&self) -> u16 {
        self.number
    }

    /// Fails if a cluster cannot listen on the port now: a process that requests this very port can
    /// get it too.
    pub(crate) fn check(&self) -> io::Result<()> {
        TcpListener::bind((Ipv4Addr::LOCALHOST, self.number)).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_reserved_port_can_be_listened_on_repeatedly() {
        let port = Port::reserve(0).expect("a port");
        for _ in 0..3 {
            port.check().expect("free");
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.number())).expect("free");
            let client = std::net::TcpStream::connect(("127.0.0.1", port.number()));
            let accepted = listener.accept().expect("a connection");
            assert!(port.check().is_err(), "a listener has the port");
            // The listener closes first, so that its port is in TIME_WAIT.
            drop((accepted, listener, client));
        }
    }

    #[tokio::test]
    async fn a_reserved_port_is_not_assigned_to_connections() {
        let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range");
        let range: Vec<u32> = range
            .expect("the range of Linux")
            .split_whitespace()
            .map(|number| number.parse().expect("a number"))
            .collect();
        let ports: Vec<_> = (0..100).filter_map(|_| Port::reserve(0).ok()).collect();
        let mut numbers: Vec<_> = ports.iter().map(Port::number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 100, "a port twice");
        // Enough connections to get one of a hundred ports, if the ports were not reserved.
        let server = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = server.local_addr().expect("an address");
        let tries = (range[1] - range[0]) / 10;
        for _ in 0..tries {
            let client = std::net::TcpStream::connect(address).expect("a connection");
            let own = client.local_addr().expect("an address").port();
            assert!(numbers.binary_search(&own).is_err(), "{own} is reserved");
            drop(server.accept());
        }
    }
}
