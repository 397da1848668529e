//! Translates callbacks of libmesos to events of the v1 API. The messages inside are the same on
//! the wire; only the events around them differ.

use bytes::Bytes;
use mesos_core::{Error, ErrorKind, Result};
use mesos_proto::lossy::HasText;
use mesos_proto::v1::executor::Event;
use mesos_proto::v1::executor::event::{self, Subscribed, Type};
use mesos_proto::v1::{AgentInfo, TaskId};

use crate::backend::event as scheduler;
use crate::sys;

/// The event of a callback; `None` for DISCONNECTED. `known` is the last registration, because
/// REREGISTERED contains only the agent.
pub(super) fn lift(callback: sys::Event, known: &mut Option<Subscribed>) -> Result<Option<Event>> {
    let parts: Vec<Bytes> = callback.parts.into_iter().map(Bytes::from).collect();
    let event = match (callback.kind, parts.as_slice()) {
        (sys::MESOS_SHIM_EXECUTOR_REGISTERED, [executor, framework, agent]) => {
            let subscribed = Subscribed {
                executor_info: decode("ExecutorInfo", executor)?,
                framework_info: decode("FrameworkInfo", framework)?,
                agent_info: decode("SlaveInfo", agent)?,
                container_id: None,
            };
            self::subscribed(known.insert(subscribed))
        }
        (sys::MESOS_SHIM_EXECUTOR_REREGISTERED, [agent]) => {
            let agent: AgentInfo = decode("SlaveInfo", agent)?;
            let Some(known) = known else {
                return Err(broken("it called reregistered before registered"));
            };
            known.agent_info = agent;
            subscribed(known)
        }
        (sys::MESOS_SHIM_DISCONNECTED, []) => return Ok(None),
        (sys::MESOS_SHIM_LAUNCH_TASK, [task]) => {
            let task = decode("TaskInfo", task)?;
            event::Launch { task }.into()
        }
        (sys::MESOS_SHIM_KILL_TASK, [task_id]) => {
            let task_id: TaskId = decode("TaskID", task_id)?;
            event::Kill {
                task_id,
                kill_policy: None,
            }
            .into()
        }
        (sys::MESOS_SHIM_EXECUTOR_MESSAGE, [data]) => event::Message { data: data.clone() }.into(),
        (sys::MESOS_SHIM_SHUTDOWN, []) => Type::Shutdown.into(),
        (sys::MESOS_SHIM_ERROR, [text]) => {
            let message = String::from_utf8_lossy(text).into_owned();
            event::Error { message }.into()
        }
        (sys::MESOS_SHIM_SHIM_FAILED, [text]) => {
            let text = String::from_utf8_lossy(text);
            return Err(broken(&format!(
                "it cannot copy a callback of kind {}: {text}",
                callback.value
            )));
        }
        (kind, parts) => {
            return Err(broken(&format!(
                "unexpected callback of kind {kind} with {} parts",
                parts.len()
            )));
        }
    };
    Ok(Some(event))
}

/// An error that is not retryable, because an executor cannot subscribe again.
pub(super) fn broken(text: &str) -> Error {
    Error::new(
        ErrorKind::Backend,
        format!("libmesos cannot continue this executor: {text}"),
    )
}

fn decode<M: HasText>(name: &str, bytes: &Bytes) -> Result<M> {
    scheduler::decode(name, bytes)
        .map_err(|error| broken("a message does not decode").with_source(error))
}

fn subscribed(known: &Subscribed) -> Event {
    known.clone().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use mesos_proto::v1::{ExecutorInfo, FrameworkInfo};
    use prost::Message as _;

    fn callback(kind: u32, parts: &[Vec<u8>]) -> sys::Event {
        sys::Event {
            kind,
            parts: parts.to_vec(),
            value: 0,
        }
    }

    fn agent(hostname: &str) -> Vec<u8> {
        AgentInfo {
            hostname: hostname.to_owned(),
            ..Default::default()
        }
        .encode_to_vec()
    }

    #[test]
    fn a_reregistered_executor_keeps_its_description_and_gets_that_of_the_new_agent() {
        let mut known = None;
        let executor = ExecutorInfo {
            name: Some("e".to_owned()),
            ..Default::default()
        };
        let framework = FrameworkInfo::new("u", "f");
        let parts = [
            executor.encode_to_vec(),
            framework.encode_to_vec(),
            agent("before"),
        ];
        let first = lift(
            callback(sys::MESOS_SHIM_EXECUTOR_REGISTERED, &parts),
            &mut known,
        );
        let first = first.unwrap().unwrap().subscribed.unwrap();
        assert_eq!(first.agent_info.hostname, "before");
        let again = callback(sys::MESOS_SHIM_EXECUTOR_REREGISTERED, &[agent("after")]);
        let again = lift(again, &mut known)
            .unwrap()
            .unwrap()
            .subscribed
            .unwrap();
        assert_eq!(again.executor_info, executor);
        assert_eq!(again.framework_info.name, "f");
        assert_eq!(again.agent_info.hostname, "after");
    }

    #[test]
    fn invalid_callbacks_are_errors_that_are_not_retryable() {
        for (kind, parts) in [
            (sys::MESOS_SHIM_EXECUTOR_REREGISTERED, vec![agent("a")]),
            (sys::MESOS_SHIM_LAUNCH_TASK, vec![]),
            (sys::MESOS_SHIM_KILL_TASK, vec![vec![], vec![]]),
            (sys::MESOS_SHIM_REGISTERED, vec![]),
            (4711, vec![]),
            (sys::MESOS_SHIM_SHIM_FAILED, vec![b"no memory".to_vec()]),
        ] {
            let error = lift(callback(kind, &parts), &mut None).unwrap_err();
            assert!(!error.is_retryable(), "{error}");
        }
    }
}
