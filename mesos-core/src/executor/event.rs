//! Converts the protobuf union of event types to a Rust enum.

use bytes::Bytes;
use mesos_proto::v1::executor::event::{self, Type};
use mesos_proto::v1::{self, KillPolicy, TaskGroupInfo, TaskId, TaskInfo};

use crate::error::{Error, ErrorKind, Result};
use crate::unknown::UnknownEvent;

/// An event of the executor API (`include/mesos/v1/executor/executor.proto`).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// The subscription was granted.
    Subscribed(Box<event::Subscribed>),
    /// Run a task.
    Launch(Box<TaskInfo>),
    /// Run several tasks.
    LaunchGroup(TaskGroupInfo),
    /// Kill a task.
    Kill {
        /// The task.
        task_id: TaskId,
        /// Overrides the kill policy of the task.
        kill_policy: Option<KillPolicy>,
    },
    /// The agent has stored an update.
    Acknowledged {
        /// The task.
        task_id: TaskId,
        /// The uuid of the update.
        uuid: Bytes,
    },
    /// Bytes from the scheduler.
    Message(Bytes),
    /// Kill all tasks and end.
    Shutdown,
    /// The agent ended the subscription. Do not subscribe again.
    Error(String),
    /// Sent every 30 min, to keep the connection open.
    Heartbeat,
    /// An event of a type that this version does not know.
    Unknown(UnknownEvent),
}

impl Event {
    /// Converts `event`, which was decoded from `record`.
    ///
    /// An event of an unknown type becomes [`Event::Unknown`].
    ///
    /// # Errors
    /// [`ErrorKind::Decode`] if the body of an event of a known type is missing.
    pub fn lift(event: v1::executor::Event, record: Bytes) -> Result<Self> {
        let type_number = event.r#type.unwrap_or_default();
        let unknown = || {
            Self::Unknown(UnknownEvent {
                type_number,
                record,
            })
        };
        let Ok(event_type) = Type::try_from(type_number) else {
            return Ok(unknown());
        };
        Ok(match event_type {
            Type::Unknown => unknown(),
            Type::Subscribed => Self::Subscribed(Box::new(body(event.subscribed, "subscribed")?)),
            Type::Launch => Self::Launch(Box::new(body(event.launch, "launch")?.task)),
            Type::LaunchGroup => {
                Self::LaunchGroup(body(event.launch_group, "launch_group")?.task_group)
            }
            Type::Kill => {
                let kill = body(event.kill, "kill")?;
                Self::Kill {
                    task_id: kill.task_id,
                    kill_policy: kill.kill_policy,
                }
            }
            Type::Acknowledged => {
                let acknowledged = body(event.acknowledged, "acknowledged")?;
                Self::Acknowledged {
                    task_id: acknowledged.task_id,
                    uuid: acknowledged.uuid,
                }
            }
            Type::Message => Self::Message(body(event.message, "message")?.data),
            Type::Shutdown => Self::Shutdown,
            Type::Error => Self::Error(body(event.error, "error")?.message),
            Type::Heartbeat => Self::Heartbeat,
        })
    }
}

fn body<T>(body: Option<T>, name: &str) -> Result<T> {
    body.ok_or_else(|| {
        Error::new(
            ErrorKind::Decode,
            format!("cannot decode event of the agent: the field `{name}` is missing"),
        )
    })
}
