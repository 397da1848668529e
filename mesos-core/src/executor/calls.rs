//! Builds the call messages. No state, no I/O.

use bytes::Bytes;
use mesos_proto::v1::executor::Call;
use mesos_proto::v1::executor::call::{self, Type};
use mesos_proto::v1::{ExecutorId, FrameworkId, TaskInfo};

/// The ids of the caller, which are in every call.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Caller {
    pub(super) framework_id: FrameworkId,
    pub(super) executor_id: ExecutorId,
}

impl Caller {
    fn call(&self, call_type: Type) -> Call {
        Call {
            executor_id: self.executor_id.clone(),
            framework_id: self.framework_id.clone(),
            r#type: Some(call_type as i32),
            ..Default::default()
        }
    }

    pub(super) fn subscribe(&self, tasks: Vec<TaskInfo>, updates: Vec<call::Update>) -> Call {
        Call {
            subscribe: Some(call::Subscribe {
                unacknowledged_tasks: tasks,
                unacknowledged_updates: updates,
            }),
            ..self.call(Type::Subscribe)
        }
    }

    pub(super) fn update(&self, update: call::Update) -> Call {
        Call {
            update: Some(update),
            ..self.call(Type::Update)
        }
    }

    pub(super) fn message(&self, data: Bytes) -> Call {
        Call {
            message: Some(call::Message { data }),
            ..self.call(Type::Message)
        }
    }

    pub(super) fn heartbeat(&self) -> Call {
        self.call(Type::Heartbeat)
    }
}
