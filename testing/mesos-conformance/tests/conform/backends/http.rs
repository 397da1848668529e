//! The HTTP backend, as the cases see it.

use mesos_conformance::{Harness, Tuning};
use mesos_core::executor::ExecutorEnvironment;
use mesos_http::{Codec, Credentials, HttpBackend, Master, TlsConfig};
use mesos_testing::Encoding;

/// The HTTP backend.
pub(crate) fn http(encoding: Encoding) -> Harness {
    Harness::new("http", encoding, connect_http).executors(connect_executor)
}

fn codec(tuning: &Tuning) -> Codec {
    match tuning.encoding {
        Encoding::Json => Codec::Json,
        Encoding::Protobuf => Codec::Protobuf,
    }
}

fn connect_executor(environment: &ExecutorEnvironment, tuning: &Tuning) -> HttpBackend {
    let backend = match HttpBackend::for_executor(environment) {
        Ok(backend) => backend,
        Err(error) => panic!("{error}"),
    };
    backend
        .codec(codec(tuning))
        .response_timeout(tuning.response_timeout)
        .missed_heartbeats(tuning.missed_heartbeats)
        .max_record_size(tuning.max_record_size)
}

fn connect_http(url: &str, tuning: &Tuning) -> HttpBackend {
    let master: Master = match url.parse() {
        Ok(master) => master,
        Err(error) => panic!("invalid address of a master {url}: {error}"),
    };
    let mut backend = HttpBackend::new(master)
        .codec(codec(tuning))
        .response_timeout(tuning.response_timeout)
        .missed_heartbeats(tuning.missed_heartbeats)
        .max_record_size(tuning.max_record_size);
    if let Some((principal, secret)) = &tuning.credential {
        backend = match Credentials::basic(principal, secret) {
            Ok(credentials) => backend.credentials(credentials),
            Err(error) => panic!("{error}"),
        };
    }
    if let Some(authority) = &tuning.authority {
        backend = backend.tls(TlsConfig::new().ca_file(authority));
    }
    backend
}
