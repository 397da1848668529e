//! What a task's own settings, and the agent's, mean for the time that the task has.

use std::time::Duration;

use mesos_core::executor::ExecutorEnvironment;
use mesos_proto::v1::{KillPolicy, TaskInfo};

/// The grace of a task that is killed without anyone having set one.
pub(crate) const DEFAULT_GRACE: Duration = Duration::from_secs(3);

/// The grace of a kill policy, if it has one.
pub(crate) fn grace(policy: &KillPolicy) -> Option<Duration> {
    policy.grace_period.map(Duration::from)
}

/// How long the task may take, if that is limited.
pub(crate) fn max_completion_time(task: &TaskInfo) -> Option<Duration> {
    let time = task.max_completion_time.map(Duration::from);
    time.filter(|time| !time.is_zero())
}

/// How long a task may take to end after SHUTDOWN: a second less than the agent waits, for the
/// last update to get through, and another one that Mesos leaves for noticing the end.
pub(crate) fn shutdown_grace(environment: &ExecutorEnvironment) -> Duration {
    let margin = Duration::from_secs(2);
    environment.shutdown_grace_period.saturating_sub(margin)
}
