//! The durations that limit a task: its completion time, and the agent's shutdown.

use std::time::Duration;

use mesos_core::executor::ExecutorEnvironment;
use mesos_proto::v1::TaskInfo;

/// How long the task may run, if that is limited.
pub(crate) fn max_completion_time(task: &TaskInfo) -> Option<Duration> {
    let time = task.max_completion_time.map(Duration::from);
    time.filter(|time| !time.is_zero())
}

/// How long a task may take to end after SHUTDOWN: two seconds less than the agent waits. One second
/// is for the last update to reach the agent, the other one, as in Mesos, for noticing the end.
pub(crate) fn shutdown_grace(environment: &ExecutorEnvironment) -> Duration {
    let margin = Duration::from_secs(2);
    environment.shutdown_grace_period.saturating_sub(margin)
}
