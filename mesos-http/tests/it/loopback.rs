//! The IPv6 loopback address, which not every machine has.

use std::io::{ErrorKind, Write as _, stderr};
use std::net::{Ipv6Addr, TcpListener};

use nix::errno::Errno;

/// A port of `[::1]`, or `None` with a notice if this machine does not have that address.
pub(crate) fn loopback() -> Option<TcpListener> {
    match TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) {
        Ok(listener) => Some(listener),
        // EAFNOSUPPORT has the kind Uncategorized or Unsupported, depending on the standard library.
        Err(error)
            if error.kind() == ErrorKind::AddrNotAvailable
                || error.raw_os_error() == Some(Errno::EAFNOSUPPORT as i32) =>
        {
            // Not captured by the test harness.
            let _ = writeln!(
                stderr(),
                "SKIPPED: this machine does not have the address ::1: {error}"
            );
            None
        }
        Err(error) => panic!("cannot listen on [::1]: {error}"),
    }
}
