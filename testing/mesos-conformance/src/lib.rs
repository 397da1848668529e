//! What a scheduler's and an executor's driver promise, whatever the backend:
//! one function for each promise.
//!
//! A [`Case`] is played with a [`Harness`], which knows how to connect a
//! backend, in a [`World`]: on a [`FakeMaster`](mesos_testing::FakeMaster), or on a
//! real Mesos. The cases name neither. What a case needs that one of the worlds
//! does not have is said beside it, and shown.
//!
//! On a real Mesos everything that comes from a master or an agent is their
//! own. What stands between them and the driver may do what networks do (lose,
//! delay, cut, garble, answer in place of another), and never makes up an event.
//!
//! A backend outside this workspace proves itself with one line; see
//! [`conformance_tests!`].

#![forbid(unsafe_code)]

mod case;
mod cases;
mod harness;
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

/// The case of this name.
pub fn case(id: &str) -> Option<&'static Case> {
    CASES.iter().find(|case| case.id == id)
}

/// One test of [`conformance_tests!`](crate::conformance_tests); none for what
/// only a real Mesos can be asked.
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
            let case = case.expect("it is in the registry");
            case.run_as_test(&$harness, &$crate::World::Fake);
        }
    };
}
