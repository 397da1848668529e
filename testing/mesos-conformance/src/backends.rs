//! The backends, in their encodings: the columns of the table. A further
//! backend is a further function here.

use mesos_core::Capability;
use mesos_core::backend::{Backend, SchedulerApi};
use mesos_core::executor::ExecutorEnvironment;
use mesos_http::{Codec, Credentials, HttpBackend, Master, TlsConfig};
use mesos_local::testing::can_authenticate_drivers;
use mesos_native::{Library, NativeBackend};
use mesos_testing::Encoding;
use mesos_testing::conformance::{Harness, Means, Tuning};

use crate::known;

/// The names of all.
pub const BACKENDS: [&str; 2] = ["http", "native"];

/// All of them; the native one with this libmesos, which is of the release that
/// the clusters are.
pub fn columns(library: Option<Library>) -> Vec<Harness> {
    let http = [Encoding::Protobuf, Encoding::Json].map(http);
    http.into_iter().chain(library.map(native)).collect()
}

/// The native backend. Its messages are protobuf's, in libmesos and on the wire.
pub fn native(library: Library) -> Harness {
    // What the library can do shows in any backend with it; nobody is connected.
    let somewhere = connect_native(&library, "127.0.0.1:1");
    let capabilities = Backend::<SchedulerApi>::capabilities(&somewhere);
    let connect = move |url: &str, tuning: &Tuning| {
        let backend = connect_native(&library, url);
        match &tuning.credential {
            Some((principal, secret)) => backend.credential(principal, secret),
            None => backend,
        }
    };
    let mut harness = Harness::new("native", Encoding::Protobuf, connect)
        .direct()
        .lacking(
            Means::Relay,
            "libmesos speaks libprocess to the master's own address: nothing can stand in between",
        )
        .lacking(
            Means::Heartbeats,
            "libmesos knows no heartbeats: a master that is stopped and goes on is never missed",
        )
        .lacking(
            Means::Answers,
            "libmesos hears nothing of what a master says to a call",
        )
        .lacking(
            Means::Tls,
            "libmesos takes TLS from the environment, once for all of a process",
        )
        .known_failures(known::NATIVE);
    if !capabilities.contains(Capability::PerRoleSuppression) {
        harness = harness.lacking(
            Means::SingleRoles,
            "libmesos had no calls about single roles before Mesos 1.9",
        );
    }
    if !can_authenticate_drivers() {
        harness = harness.lacking(
            Means::Credentials,
            "this machine has no libsasl2 with CRAM-MD5 (libsasl2-2 and libsasl2-modules)",
        );
    }
    harness
}

fn connect_native(library: &Library, url: &str) -> NativeBackend {
    match NativeBackend::new(library.clone(), url) {
        Ok(backend) => backend,
        Err(error) => panic!("{error}"),
    }
}

/// The same backend where the executors of a real Mesos are over libmesos.
pub fn with_native_executors(harness: Harness) -> Harness {
    harness.known_failures(known::NATIVE_EXECUTORS)
}

/// The HTTP backend.
pub fn http(encoding: Encoding) -> Harness {
    Harness::new("http", encoding, connect_http)
        .executors(connect_executor)
        .known_failures(known::HTTP)
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
        .record_limit(tuning.record_limit)
}

fn connect_http(url: &str, tuning: &Tuning) -> HttpBackend {
    let master: Master = match url.parse() {
        Ok(master) => master,
        Err(error) => panic!("{url} is no address of a master: {error}"),
    };
    let mut backend = HttpBackend::detect(master)
        .codec(codec(tuning))
        .response_timeout(tuning.response_timeout)
        .missed_heartbeats(tuning.missed_heartbeats)
        .record_limit(tuning.record_limit);
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
