//! What the drivers of schedulers and executors promise, whatever the backend: one function for
//! each promise. `docs/conformance.md` in the repository lists all promises.
//!
//! A [`Case`] runs with a [`Harness`], which connects a backend, in a [`World`]: on a
//! [`FakeMaster`](mesos_testing::FakeMaster), or on a real Mesos. The cases name neither. Each case
//! lists its [`Requirement`]s and the worlds in which it can run.
//!
//! On a real Mesos, every event comes from a real master or agent. The proxy between them and the
//! driver may inject faults of a network: it loses, delays, cuts and garbles bytes, or answers in
//! place of the master. It never makes up an event.
//!
//! To test a backend outside this workspace, use [`conformance_tests!`] with a harness of the
//! backend.

#![forbid(unsafe_code)]

mod case;
mod cases;
mod harness;
mod lock;
mod mesos;
mod requirement;
pub mod runner;
mod stage;
mod steps;
mod timeout;
mod world;

pub use case::{Case, Failure, RunsOn, Verdict};
pub use cases::CASES;
pub use harness::{Harness, Known, Tuning};
pub use requirement::Requirement;
pub use world::{Cluster, ClusterKind, Clusters, World};

/// The case with this id.
pub fn case(id: &str) -> Option<&'static Case> {
    CASES.iter().find(|case| case.id == id)
}

/// One test of [`conformance_tests!`]; empty for a case that needs a real Mesos.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_test {
    (real $id:ident, $harness:expr) => {};
    (fake $id:ident, $harness:expr) => {
        $crate::conformance_test!($id, $harness);
    };
    ($id:ident, $harness:expr) => {
        #[test]
        fn $id() {
            let case = $crate::case(stringify!($id));
            let case = case.expect("the case is in the registry");
            case.run_as_test(&$harness, &$crate::World::Fake);
        }
    };
}
