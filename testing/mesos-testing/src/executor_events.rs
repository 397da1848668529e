//! Events of the executor API, to be sent by a [`FakeAgent`](crate::FakeAgent).
//!
//! ```
//! use mesos_testing::executor_events;
//! use mesos_testing::v1::TaskInfo;
//!
//! let event = executor_events::launch(TaskInfo::builder("web").build());
//! assert!(event.launch.is_some());
//! ```

use bytes::Bytes;
use mesos_proto::v1::executor::Event;
use mesos_proto::v1::executor::event::{self, Type};
use mesos_proto::v1::{KillPolicy, TaskId, TaskInfo, TaskStatus};

/// SUBSCRIBED.
pub fn subscribed(subscribed: event::Subscribed) -> Event {
    subscribed.into()
}

/// LAUNCH.
pub fn launch(task: TaskInfo) -> Event {
    event::Launch { task }.into()
}

/// LAUNCH_GROUP.
pub fn launch_group(tasks: impl IntoIterator<Item = TaskInfo>) -> Event {
    let task_group = tasks.into_iter().collect();
    event::LaunchGroup { task_group }.into()
}

/// KILL, optionally with a policy that overrides the policy of the task.
pub fn kill(task_id: impl Into<TaskId>, kill_policy: Option<KillPolicy>) -> Event {
    event::Kill {
        task_id: task_id.into(),
        kill_policy,
    }
    .into()
}

/// ACKNOWLEDGED, for this status.
pub fn acknowledged(status: &TaskStatus) -> Event {
    event::Acknowledged {
        task_id: status.task_id.clone(),
        uuid: status.uuid.clone().unwrap_or_default(),
    }
    .into()
}

/// MESSAGE.
pub fn message(data: impl Into<Bytes>) -> Event {
    event::Message { data: data.into() }.into()
}

/// SHUTDOWN.
pub fn shutdown() -> Event {
    Type::Shutdown.into()
}

/// ERROR.
pub fn error(message: impl Into<String>) -> Event {
    event::Error {
        message: message.into(),
    }
    .into()
}

/// HEARTBEAT.
pub fn heartbeat() -> Event {
    Type::Heartbeat.into()
}
