//! The status of a task's update: a message, or bytes that are decoded when they are needed.

use std::sync::OnceLock;

use bytes::Bytes;
use mesos_proto::encoded::{self, EncodedUpdate, Encoding};
use mesos_proto::v1::scheduler::call::Acknowledge;
use mesos_proto::v1::task_status::Reason;
use mesos_proto::v1::{TaskState, TaskStatus};

use super::reconcile::ObservedStatus;

/// See the module.
#[derive(Debug)]
pub(super) enum Status {
    Message(Box<TaskStatus>),
    Encoded {
        update: EncodedUpdate,
        message: OnceLock<Box<TaskStatus>>,
    },
}

impl From<Box<TaskStatus>> for Status {
    fn from(message: Box<TaskStatus>) -> Self {
        Self::Message(message)
    }
}

impl From<EncodedUpdate> for Status {
    fn from(update: EncodedUpdate) -> Self {
        let message = OnceLock::new();
        Self::Encoded { update, message }
    }
}

impl Status {
    pub(super) fn message(&self) -> &TaskStatus {
        match self {
            Self::Message(message) => message,
            Self::Encoded { update, message } => message.get_or_init(|| decode(update)),
        }
    }

    pub(super) fn task_id(&self) -> &str {
        match self {
            Self::Message(message) => &message.task_id.value,
            Self::Encoded { update, .. } => update.task_id(),
        }
    }

    pub(super) fn agent_id(&self) -> Option<&str> {
        match self {
            Self::Message(message) => message.agent_id.as_ref().map(|id| id.value.as_str()),
            Self::Encoded { update, .. } => update.agent_id(),
        }
    }

    /// The id of the agent as bytes, which costs less.
    pub(super) fn agent_id_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Message(message) => message.agent_id.as_ref().map(|id| id.value.as_bytes()),
            Self::Encoded { update, .. } => update.agent_id_bytes(),
        }
    }

    fn task_id_bytes(&self) -> &[u8] {
        match self {
            Self::Message(message) => message.task_id.value.as_bytes(),
            Self::Encoded { update, .. } => update.task_id_bytes(),
        }
    }

    pub(super) fn uuid(&self) -> Option<Bytes> {
        match self {
            Self::Message(message) => message.uuid.clone(),
            Self::Encoded { update, .. } => update.uuid(),
        }
    }

    pub(super) fn uuid_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Message(message) => message.uuid.as_deref(),
            Self::Encoded { update, .. } => update.uuid_bytes(),
        }
    }

    /// The number of the state.
    pub(super) fn state(&self) -> i32 {
        match self {
            Self::Message(message) => message.state,
            Self::Encoded { update, .. } => update.state(),
        }
    }

    /// The number of the reason.
    pub(super) fn reason(&self) -> Option<i32> {
        match self {
            Self::Message(message) => message.reason,
            Self::Encoded { update, .. } => update.reason(),
        }
    }

    /// The parts that reconciliation needs.
    pub(super) fn observed(&self) -> ObservedStatus<'_> {
        let reason = self
            .reason()
            .and_then(|reason| Reason::try_from(reason).ok());
        ObservedStatus {
            task_id: self.task_id(),
            agent_id: self.agent_id(),
            state: TaskState::try_from(self.state()).unwrap_or_default(),
            reason: reason.unwrap_or_default(),
        }
    }

    /// The acknowledgement as a call of this framework. The update needs one.
    pub(super) fn encode_acknowledge(&self, encoding: Encoding, framework_id: &str) -> Bytes {
        let agent_id = self.agent_id_bytes().unwrap_or_default();
        let uuid = self.uuid_bytes().unwrap_or_default();
        encoded::acknowledge(encoding, framework_id, agent_id, self.task_id_bytes(), uuid)
    }

    /// Writes the acknowledgement of an update that needs one into `body`, whose memory is used
    /// again. Returns whether the update has what an acknowledgement needs.
    pub(super) fn acknowledge(&self, body: &mut Acknowledge) -> bool {
        let (Some(agent_id), Some(uuid)) = (self.agent_id(), self.uuid()) else {
            return false;
        };
        let replace = |text: &mut String, with: &str| {
            text.clear();
            text.push_str(with);
        };
        replace(&mut body.task_id.value, self.task_id());
        replace(&mut body.agent_id.value, agent_id);
        body.uuid = uuid;
        true
    }
}

fn decode(update: &EncodedUpdate) -> Box<TaskStatus> {
    let (message, replaced) = update.decode();
    if !replaced.is_empty() {
        let fields = replaced.join(", ");
        let task_id = update.task_id();
        tracing::warn!(
            fields,
            "replaced invalid UTF-8 in an update of task {task_id}"
        );
    }
    Box::new(message)
}

#[cfg(test)]
mod tests {
    use mesos_proto::encoded::JsonEvents;
    use mesos_proto::v1::scheduler::{Call, Event, event};
    use prost::Message as _;

    use super::*;

    #[test]
    fn an_encoded_update_has_the_content_of_its_message() {
        let message = TaskStatus {
            agent_id: Some("agent".into()),
            executor_id: Some("executor".into()),
            uuid: Some(Bytes::from_static(b"0123456789abcdef")),
            reason: Some(Reason::Reconciliation as i32),
            ..TaskStatus::new("task", TaskState::TaskRunning)
        };
        let event = Event {
            r#type: Some(event::Type::Update as i32),
            update: Some(event::Update {
                status: message.clone(),
            }),
            ..Default::default()
        };
        let bytes = Bytes::from(event.encode_to_vec());
        let encoded = EncodedUpdate::in_event(&bytes).expect("a usual update");
        let text = Bytes::from(serde_json::to_vec(&event).expect("JSON"));
        let json = JsonEvents::default().update(&text).expect("a usual update");
        for status in [
            Status::from(encoded),
            Status::from(json),
            Status::from(Box::new(message.clone())),
        ] {
            assert_eq!(
                (status.task_id(), status.agent_id()),
                ("task", Some("agent"))
            );
            assert_eq!(status.uuid(), message.uuid);
            let observed = status.observed();
            assert_eq!(observed.state, TaskState::TaskRunning);
            assert_eq!(observed.reason, Reason::Reconciliation);
            // The memory of the body before is used again, and nothing of it is left.
            let mut body = Acknowledge {
                task_id: "another task".into(),
                ..Default::default()
            };
            assert!(status.acknowledge(&mut body));
            let call = Call {
                framework_id: Some("framework".into()),
                ..body.clone().into()
            };
            let encoded = status.encode_acknowledge(Encoding::Protobuf, "framework");
            assert_eq!(encoded, call.encode_to_vec());
            assert_eq!(body.task_id, message.task_id);
            assert_eq!(Some(body.agent_id), message.agent_id);
            assert_eq!(Some(body.uuid), message.uuid);
            assert_eq!(status.message(), &message);
        }
    }
}
