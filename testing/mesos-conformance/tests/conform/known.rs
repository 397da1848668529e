//! What does not work yet, with the reason. A case that passes after all fails
//! the run until it is taken off.

use mesos_conformance::Known;

/// Of the HTTP backend.
pub(crate) const HTTP: &[Known] = &[Known {
    case: "a_suppressed_role_gets_offers_again_after_revive",
    encoding: None,
    world: Some("real"),
    before: Some("1.5"),
    reason: "masters before 1.5 do not heed the suppressed roles of a SUBSCRIBE (MESOS-8200)",
}];

/// Of the native backend: what libmesos cannot do.
pub(crate) const NATIVE: &[Known] = &[
    lacks(
        "inverse_offers_arrive_and_are_answered",
        "libmesos' driver has no callback for inverse offers and no call to answer them",
    ),
    lacks(
        "an_executor_is_shut_down_with_its_tasks",
        "libmesos' driver has no call SHUTDOWN; kill the tasks, or send the executor a message",
    ),
    lacks(
        "resources_are_reserved_used_and_given_back_with_feedback",
        "libmesos' driver ends the process for an operation with an id; without one operations work",
    ),
    lacks(
        "an_operation_update_without_uuid_is_not_acknowledged",
        "libmesos' driver has no callback for the status of an operation",
    ),
    lacks(
        "an_operation_that_nobody_knows_is_answered_as_unknown",
        "libmesos' driver has no call RECONCILE_OPERATIONS",
    ),
    lacks(
        "a_framework_that_was_removed_stops",
        "a master that removes a framework tells libmesos' driver nothing, and drops its calls \
         (src/master/master.cpp, removeFramework)",
    ),
    lacks(
        "a_framework_that_stays_away_too_long_is_told_so",
        "one connection serves all drivers of a process, so the master counts a framework's \
         failover timeout from the end of the process, and not of the driver",
    ),
];

/// Of any backend whose executors are over libmesos.
pub(crate) const NATIVE_EXECUTORS: &[Known] = &[lacks(
    "a_group_of_tasks_is_launched_as_one",
    "libmesos' executor driver does not know the agent's message with a group of tasks \
     (RunTaskGroupMessage), and drops it",
)];

const fn lacks(case: &'static str, reason: &'static str) -> Known {
    Known {
        case,
        encoding: None,
        world: Some("real"),
        before: None,
        reason,
    }
}
