//! Checks the settings for which libmesos would end the process at startup
//! (`3rdparty/libprocess/src/process.cpp`, `src/logging/logging.cpp`).

use std::env;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, ToSocketAddrs};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{LibraryError, LibraryErrorKind, Result};

/// Whether a check has succeeded. libmesos reads its settings once.
static DONE: AtomicBool = AtomicBool::new(false);

/// Checks the settings in the environment, until a check has succeeded. Blocks while the machine
/// resolves its host name.
///
/// # Errors
/// [`LibraryErrorKind::Refused`]: the text names the setting and says what to change.
pub(crate) fn check() -> Result<()> {
    if DONE.load(Ordering::Acquire) {
        return Ok(());
    }
    settings(&|name| env::var(name).ok())?;
    DONE.store(true, Ordering::Release);
    Ok(())
}

fn settings(get: &dyn Fn(&str) -> Option<String>) -> Result<()> {
    let set = |name: &str| get(name).filter(|value| !value.is_empty());
    let ip: Option<IpAddr> = parsed("LIBPROCESS_IP", get, "an IP address")?;
    let port: Option<u16> = parsed(
        "LIBPROCESS_PORT",
        get,
        "a port number, or 0 for any free port",
    )?;
    let _: Option<IpAddr> = parsed("LIBPROCESS_ADVERTISE_IP", get, "an IP address")?;
    let _: Option<u16> = parsed("LIBPROCESS_ADVERTISE_PORT", get, "a port number")?;
    let threads: Option<u32> = parsed("LIBPROCESS_NUM_WORKER_THREADS", get, "a number")?;
    if threads.is_some_and(|threads| !(1..=1024).contains(&threads)) {
        return Err(refused(
            "LIBPROCESS_NUM_WORKER_THREADS must be between 1 and 1024",
        ));
    }
    can_listen(SocketAddr::new(
        ip.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        port.unwrap_or(0),
    ))?;
    let any = ip.is_none_or(|ip| ip.is_unspecified());
    if any && set("LIBPROCESS_ADVERTISE_IP").is_none() {
        host_name_resolves()?;
    }
    if let Some(level) = set("MESOS_LOGGING_LEVEL")
        && !["INFO", "WARNING", "ERROR"].contains(&level.as_str())
    {
        return Err(refused(format_args!(
            "MESOS_LOGGING_LEVEL is {level:?}; it must be INFO, WARNING or ERROR"
        )));
    }
    if let Some(directory) = set("MESOS_LOG_DIR") {
        fs::create_dir_all(&directory).map_err(|error| {
            refused(format_args!(
                "cannot create MESOS_LOG_DIR {directory}: {error}"
            ))
        })?;
    }
    let tls = ["LIBPROCESS_SSL_ENABLED", "SSL_ENABLED"].iter();
    if tls
        .filter_map(|name| set(name))
        .any(|on| on == "1" || on == "true")
    {
        for file in ["KEY_FILE", "CERT_FILE"] {
            readable(file, &set)?;
        }
    }
    Ok(())
}

fn parsed<T: std::str::FromStr>(
    name: &str,
    get: &dyn Fn(&str) -> Option<String>,
    expected: &str,
) -> Result<Option<T>> {
    get(name)
        .map(|text| {
            text.parse()
                .map_err(|_| refused(format_args!("{name} is {text:?}; it must be {expected}")))
        })
        .transpose()
}

/// Another process may still take the port first. Then the reason is only on stderr.
fn can_listen(address: SocketAddr) -> Result<()> {
    match TcpListener::bind(address) {
        Ok(_) => Ok(()),
        Err(error) => Err(refused(format_args!(
            "libmesos cannot listen on {address}: {error}; choose another LIBPROCESS_IP or \
             LIBPROCESS_PORT (0 means any free port)"
        ))),
    }
}

/// libmesos sends masters the address of the machine's host name.
fn host_name_resolves() -> Result<()> {
    let name = nix::unistd::gethostname().map_err(|error| {
        refused(format_args!(
            "cannot read the host name: {error}; set LIBPROCESS_IP"
        ))
    })?;
    let name = name.to_string_lossy().into_owned();
    let found = (name.as_str(), 0).to_socket_addrs();
    if found.is_ok_and(|mut all| all.any(|address| address.is_ipv4())) {
        return Ok(());
    }
    Err(refused(format_args!(
        "the host name {name:?} has no IPv4 address, so masters could not connect back; set \
         LIBPROCESS_IP to an address that masters can reach"
    )))
}

fn readable(file: &str, set: &dyn Fn(&str) -> Option<String>) -> Result<()> {
    let new = format!("LIBPROCESS_SSL_{file}");
    let Some(path) = set(&new).or_else(|| set(&format!("SSL_{file}"))) else {
        return Err(refused(format_args!(
            "TLS is enabled, but {new} is not set"
        )));
    };
    match fs::File::open(Path::new(&path)) {
        Ok(_) => Ok(()),
        Err(error) => Err(refused(format_args!("cannot read {new} {path}: {error}"))),
    }
}

fn refused(reason: impl std::fmt::Display) -> LibraryError {
    LibraryError::new(LibraryErrorKind::Refused, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(values: &[(&str, &str)]) -> Result<()> {
        let mut all = vec![("LIBPROCESS_IP", "127.0.0.1")];
        all.extend(values);
        settings(&|name| {
            let found = all.iter().rev().find(|(set, _)| *set == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn settings_that_libmesos_accepts_pass() {
        checked(&[]).expect("valid");
        checked(&[
            ("LIBPROCESS_PORT", "0"),
            ("LIBPROCESS_NUM_WORKER_THREADS", "8"),
            ("LIBPROCESS_ADVERTISE_IP", "10.0.0.1"),
            ("LIBPROCESS_ADVERTISE_PORT", "9000"),
            ("MESOS_LOGGING_LEVEL", "WARNING"),
            ("LIBPROCESS_SSL_ENABLED", "0"),
        ])
        .expect("valid");
    }

    #[test]
    fn an_error_names_the_setting_that_would_end_the_process() {
        for (name, value) in [
            ("LIBPROCESS_IP", "localhost"),
            ("LIBPROCESS_IP", "192.0.2.1"), // no machine has this address
            ("LIBPROCESS_PORT", "banana"),
            ("LIBPROCESS_PORT", "65536"),
            ("LIBPROCESS_ADVERTISE_IP", "here"),
            ("LIBPROCESS_ADVERTISE_PORT", "-1"),
            ("LIBPROCESS_NUM_WORKER_THREADS", "0"),
            ("LIBPROCESS_NUM_WORKER_THREADS", "1025"),
            ("MESOS_LOGGING_LEVEL", "LOUD"),
            ("MESOS_LOG_DIR", "/proc/no/such/place"),
        ] {
            let error = checked(&[(name, value)]).expect_err(name);
            assert!(error.to_string().contains(name), "{error}");
            assert_eq!(error.kind(), LibraryErrorKind::Refused);
        }
    }

    #[test]
    fn tls_without_its_files_is_refused_and_the_variable_is_named() {
        let on = ("LIBPROCESS_SSL_ENABLED", "true");
        let error = checked(&[on]).expect_err("no key");
        assert!(
            error.to_string().contains("LIBPROCESS_SSL_KEY_FILE"),
            "{error}"
        );
        let key = ("SSL_KEY_FILE", "/dev/null");
        let error = checked(&[on, key]).expect_err("no certificate");
        assert!(
            error.to_string().contains("LIBPROCESS_SSL_CERT_FILE"),
            "{error}"
        );
        let certificate = ("LIBPROCESS_SSL_CERT_FILE", "/no/such/file");
        let error = checked(&[on, key, certificate]).expect_err("no such file");
        assert!(error.to_string().contains("/no/such/file"), "{error}");
    }

    #[test]
    fn a_port_in_use_is_refused() {
        let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = taken.local_addr().expect("its address").port().to_string();
        let error = checked(&[("LIBPROCESS_PORT", &port)]).expect_err("taken");
        assert!(error.to_string().contains(&port), "{error}");
    }
}
