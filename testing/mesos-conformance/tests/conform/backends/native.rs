//! The native backend, as the cases see it.

use mesos_conformance::{Harness, Requirement, Tuning};
use mesos_core::Capability;
use mesos_core::backend::{Backend, SchedulerApi};
use mesos_local::testing::can_authenticate_drivers;
use mesos_native::{Library, NativeBackend};
use mesos_testing::Encoding;

use crate::known;

/// The native backend. Its messages are protobuf, inside libmesos and on the wire.
pub(crate) fn native(library: Library) -> Harness {
    // Any backend shows the capabilities of the library; this one never connects.
    let unconnected = connect_native(&library, "127.0.0.1:1");
    let capabilities = Backend::<SchedulerApi>::capabilities(&unconnected);
    let connect = move |url: &str, tuning: &Tuning| {
        let backend = connect_native(&library, url);
        match &tuning.credential {
            Some((principal, secret)) => backend.credentials(principal, secret),
            None => backend,
        }
    };
    let mut harness = Harness::new("native", Encoding::Protobuf, connect)
        .direct()
        .without(
            Requirement::Relay,
            "libmesos connects to the master's own address by libprocess, so no proxy can stand in between",
        )
        .without(
            Requirement::Heartbeats,
            "libmesos has no heartbeats, so it does not notice a paused master",
        )
        .without(
            Requirement::Answers,
            "libmesos does not receive the master's responses to calls",
        )
        .without(
            Requirement::Tls,
            "libmesos reads its TLS settings from the environment, once per process",
        )
        .known_failures(known::NATIVE);
    if !capabilities.contains(Capability::PerRoleSuppression) {
        harness = harness.without(
            Requirement::SingleRoles,
            "libmesos has no calls for single roles before Mesos 1.9",
        );
    }
    if !can_authenticate_drivers() {
        harness = harness.without(
            Requirement::Credentials,
            "this machine has no libsasl2 with CRAM-MD5 (libsasl2-2 and libsasl2-modules)",
        );
    }
    harness
}

fn connect_native(library: &Library, url: &str) -> NativeBackend {
    let master = url.parse().expect("the address of a master");
    NativeBackend::new(library.clone(), master).expect("an address that libmesos accepts")
}
