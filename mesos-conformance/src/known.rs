//! What does not work yet, with the reason. A case that passes after all fails
//! the run until it is taken off.

use mesos_testing::conformance::Known;

/// Of the HTTP backend.
pub(crate) const HTTP: &[Known] = &[
    Known {
        case: "tasks_run_on_while_the_whole_cluster_crashes",
        encoding: None,
        world: Some("real"),
        reason: "LocalCluster::restart waits for an offer of every agent",
    },
    Known {
        case: "a_cluster_that_is_full_comes_back_full",
        encoding: None,
        world: Some("real"),
        reason: "LocalCluster::restart waits for an offer of every agent",
    },
];
