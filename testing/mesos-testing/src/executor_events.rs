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
use mesos_proto::v1::{KillPolicy, TaskGroupInfo, TaskId, TaskInfo, TaskStatus};

fn event(event_type: Type, body: impl FnOnce(&mut Event)) -> Event {
    let mut event = Event {
        r#type: Some(event_type as i32),
        ..Default::default()
    };
    body(&mut event);
    event
}

/// SUBSCRIBED.
pub fn subscribed(subscribed: event::Subscribed) -> Event {
    event(Type::Subscribed, |event| {
        event.subscribed = Some(subscribed)
    })
}

/// LAUNCH.
pub fn launch(task: TaskInfo) -> Event {
    event(Type::Launch, |event| {
        event.launch = Some(event::Launch { task })
    })
}

/// LAUNCH_GROUP.
pub fn launch_group(tasks: impl IntoIterator<Item = TaskInfo>) -> Event {
    event(Type::LaunchGroup, |event| {
        let task_group = TaskGroupInfo {
            tasks: tasks.into_iter().collect(),
        };
        event.launch_group = Some(event::LaunchGroup { task_group });
    })
}

/// KILL, optionally with a policy that overrides the policy of the task.
pub fn kill(task_id: impl Into<TaskId>, kill_policy: Option<KillPolicy>) -> Event {
    event(Type::Kill, |event| {
        event.kill = Some(event::Kill {
            task_id: task_id.into(),
            kill_policy,
        });
    })
}

/// ACKNOWLEDGED, for this status.
pub fn acknowledged(status: &TaskStatus) -> Event {
    event(Type::Acknowledged, |event| {
        event.acknowledged = Some(event::Acknowledged {
            task_id: status.task_id.clone(),
            uuid: status.uuid.clone().unwrap_or_default(),
        });
    })
}

/// MESSAGE.
pub fn message(data: impl Into<Bytes>) -> Event {
    event(Type::Message, |event| {
        event.message = Some(event::Message { data: data.into() });
    })
}

/// SHUTDOWN.
pub fn shutdown() -> Event {
    event(Type::Shutdown, |_| {})
}

/// ERROR.
pub fn error(message: impl Into<String>) -> Event {
    event(Type::Error, |event| {
        event.error = Some(event::Error {
            message: message.into(),
        });
    })
}

/// HEARTBEAT.
pub fn heartbeat() -> Event {
    event(Type::Heartbeat, |_| {})
}
