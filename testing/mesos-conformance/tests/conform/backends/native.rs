//! The native backend, as the cases see it.

use mesos_conformance::{Harness, Requirement, Tuning};
use mesos_core::Capability;
use mesos_core::backend::{Backend, SchedulerApi};
use mesos_local::testing::can_authenticate_drivers;
use mesos_native::{Library, NativeBackend};
use mesos_testing::Encoding;

use crate::known;

/// The native backend. Its messages are protobuf's, in libmesos and on the wire.
pub(crate) fn native(library: Library) -> Harness {
    // What the library can do shows in any backend with it; nobody is connected.
    let somewhere = connect_native(&library, "127.0.0.1:1");
    let capabilities = Backend::<SchedulerApi>::capabilities(&somewhere);
    let connect = move |url: &str, tuning: &Tuning| {
        let backend = connect_native(&library, url);
        match &tuning.credential {
            Some((principal, secret)) => backend.credentials(principal, secret),
            None => backend,
        }
    };
    let mut harness = Harness::new("native", Encoding::Protobuf, connect)
        .direct()
        .lacking(
            Requirement::Relay,
            "libmesos speaks libprocess to the master's own address: nothing can stand in between",
        )
        .lacking(
            Requirement::Heartbeats,
            "libmesos knows no heartbeats: a master that is stopped and goes on is never missed",
        )
        .lacking(
            Requirement::Answers,
            "libmesos hears nothing of what a master says to a call",
        )
        .lacking(
            Requirement::Tls,
            "libmesos takes TLS from the environment, once for all of a process",
        )
        .known_failures(known::NATIVE);
    if !capabilities.contains(Capability::PerRoleSuppression) {
        harness = harness.lacking(
            Requirement::SingleRoles,
            "libmesos had no calls about single roles before Mesos 1.9",
        );
    }
    if !can_authenticate_drivers() {
        harness = harness.lacking(
            Requirement::Credentials,
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
