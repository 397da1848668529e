//! Known failures, with their reasons. A listed case that passes fails the run, until it is removed
//! from the list.

use mesos_conformance::Known;

/// Known failures of the HTTP backend.
pub(crate) const HTTP: &[Known] = &[Known {
    case: "revive_ends_the_suppression_of_a_role",
    encoding: None,
    world: Some("real"),
    before: Some("1.5"),
    reason: "masters before 1.5 ignore the suppressed roles of a SUBSCRIBE (MESOS-8200)",
}];

/// Known failures of the native backend: the limits of libmesos.
pub(crate) const NATIVE: &[Known] = &[
    lacks(
        "inverse_offers_can_be_accepted_and_declined",
        "libmesos's driver has no callback for inverse offers and no call to answer them",
    ),
    lacks(
        "the_end_of_a_maintenance_rescinds_its_inverse_offers",
        "libmesos's driver has no callback for inverse offers",
    ),
    lacks(
        "a_kill_policy_reaches_the_executor",
        "libmesos's driver has no kill policy in its call killTask",
    ),
    lacks(
        "a_persistent_volume_grows_and_shrinks",
        "libmesos's driver ends the process for an operation with an id; operations without an id work",
    ),
    lacks(
        "disk_operations_without_a_resource_provider_are_refused",
        "libmesos's driver has no callback for the status of an operation",
    ),
    lacks(
        "shutdown_ends_an_executor_with_its_tasks",
        "libmesos's driver has no call SHUTDOWN; kill the tasks, or send the executor a message",
    ),
    lacks(
        "reserve_create_destroy_and_unreserve_report_their_status",
        "libmesos's driver ends the process for an operation with an id; operations without an id work",
    ),
    lacks(
        "an_operation_update_without_a_uuid_is_not_acknowledged",
        "libmesos's driver has no callback for the status of an operation",
    ),
    lacks(
        "an_unknown_operation_is_reported_as_unknown",
        "libmesos's driver has no call RECONCILE_OPERATIONS",
    ),
    lacks(
        "a_removed_framework_stops_the_driver",
        "a master that removes a framework sends nothing to libmesos's driver, and drops its calls \
         (src/master/master.cpp, removeFramework)",
    ),
    lacks(
        "a_framework_past_its_failover_timeout_is_removed",
        "one connection serves all drivers of a process, so the master counts a framework's \
         failover timeout from the end of the process instead of the driver",
    ),
];

/// Known failures of any backend with executors over libmesos.
pub(crate) const NATIVE_EXECUTORS: &[Known] = &[
    lacks(
        "a_task_group_is_launched_together",
        "libmesos's executor driver does not know the agent's message with a task group \
         (RunTaskGroupMessage), and drops it",
    ),
    lacks(
        "a_kill_policy_reaches_the_executor",
        "libmesos's executor driver passes the kill policy only to Mesos' own Docker executor \
         (src/exec/exec.cpp, killTask)",
    ),
];

const fn lacks(case: &'static str, reason: &'static str) -> Known {
    Known {
        case,
        encoding: None,
        world: Some("real"),
        before: None,
        reason,
    }
}
