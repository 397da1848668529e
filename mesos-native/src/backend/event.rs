//! Translates callbacks of libmesos to events of the v1 API. The messages inside are the same on
//! the wire; only the events around them differ.

use bytes::Bytes;
use mesos_core::{Error, ErrorKind, Result};
use mesos_proto::lossy::{self, HasText};
use mesos_proto::v1::scheduler::{Event, event};
use mesos_proto::v1::{AgentId, ExecutorId, FrameworkId, MasterInfo, Offer, OfferId, TaskStatus};

use crate::sys;

/// The event of a callback; `None` for DISCONNECTED. `framework_id` is the id of the last
/// REGISTERED, because REREGISTERED does not contain the id.
pub(super) fn lift(
    callback: sys::Event,
    framework_id: &mut Option<FrameworkId>,
) -> Result<Option<Event>> {
    let parts: Vec<Bytes> = callback.parts.into_iter().map(Bytes::from).collect();
    let event = match (callback.kind, parts.as_slice()) {
        (sys::MESOS_SHIM_REGISTERED, [id, master]) => {
            let id: FrameworkId = decode("FrameworkID", id)?;
            *framework_id = Some(id.clone());
            subscribed(id, decode("MasterInfo", master)?)
        }
        (sys::MESOS_SHIM_REREGISTERED, [master]) => {
            let id = framework_id.clone().ok_or_else(|| {
                let text = "libmesos called reregistered before registered";
                Error::new(ErrorKind::Protocol, text)
            })?;
            subscribed(id, decode("MasterInfo", master)?)
        }
        (sys::MESOS_SHIM_DISCONNECTED, []) => return Ok(None),
        (sys::MESOS_SHIM_RESOURCE_OFFERS, offers) => {
            let offers: Result<Vec<Offer>> =
                offers.iter().map(|offer| decode("Offer", offer)).collect();
            let offers = event::Offers { offers: offers? };
            offers.into()
        }
        (sys::MESOS_SHIM_OFFER_RESCINDED, [id]) => {
            let offer_id: OfferId = decode("OfferID", id)?;
            event::Rescind { offer_id }.into()
        }
        (sys::MESOS_SHIM_STATUS_UPDATE, [status]) => {
            let status: TaskStatus = decode("TaskStatus", status)?;
            event::Update { status }.into()
        }
        (sys::MESOS_SHIM_FRAMEWORK_MESSAGE, [executor, agent, data]) => {
            let message = event::Message {
                agent_id: decode("SlaveID", agent)?,
                executor_id: decode("ExecutorID", executor)?,
                data: data.clone(),
            };
            message.into()
        }
        (sys::MESOS_SHIM_SLAVE_LOST, [agent]) => failure(decode("SlaveID", agent)?, None),
        (sys::MESOS_SHIM_EXECUTOR_LOST, [executor, agent]) => {
            let executor: ExecutorId = decode("ExecutorID", executor)?;
            let status = i32::try_from(callback.value).unwrap_or(i32::MAX);
            failure(decode("SlaveID", agent)?, Some((executor, status)))
        }
        (sys::MESOS_SHIM_ERROR, [text]) => {
            let message = String::from_utf8_lossy(text).into_owned();
            // The master sends this to a driver whose connection it has lost
            // (src/master/master.cpp, exited), and the driver is aborted. The framework still
            // exists and can subscribe again.
            if message == "Framework disconnected" {
                let text = "the master has lost its connection to libmesos";
                return Err(Error::new(ErrorKind::Transport, text));
            }
            event::Error { message }.into()
        }
        (sys::MESOS_SHIM_SHIM_FAILED, [text]) => {
            // The master repeats updates once the framework has subscribed again.
            let text = String::from_utf8_lossy(text);
            return Err(Error::new(
                ErrorKind::Backend,
                format!(
                    "cannot copy a callback of kind {} from libmesos: {text}",
                    callback.value
                ),
            ));
        }
        (kind, parts) => {
            return Err(Error::new(
                ErrorKind::Protocol,
                format!(
                    "unexpected callback of kind {kind} with {} parts",
                    parts.len()
                ),
            ));
        }
    };
    Ok(Some(event))
}

fn subscribed(framework_id: FrameworkId, master_info: MasterInfo) -> Event {
    event::Subscribed {
        framework_id,
        // libmesos does not report heartbeats.
        heartbeat_interval_seconds: None,
        master_info: Some(master_info),
    }
    .into()
}

fn failure(agent: AgentId, executor: Option<(ExecutorId, i32)>) -> Event {
    let (executor_id, status) = executor.unzip();
    event::Failure {
        agent_id: Some(agent),
        executor_id,
        status,
    }
    .into()
}

/// Decodes a message. Mesos may send text that is not UTF-8, which is replaced and logged.
pub(super) fn decode<M: HasText>(name: &str, bytes: &Bytes) -> Result<M> {
    let (message, replaced) = lossy::decode(bytes.clone()).map_err(|cause| {
        let text = format!("cannot decode {name} from libmesos ({} bytes)", bytes.len());
        Error::new(ErrorKind::Decode, text).with_source(cause)
    })?;
    if !replaced.is_empty() {
        let fields = replaced.join(", ");
        tracing::warn!(%fields, "replaced invalid UTF-8 in {name}");
    }
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> Result<Option<Event>> {
        let callback = sys::Event {
            kind: sys::MESOS_SHIM_ERROR,
            parts: vec![text.as_bytes().to_vec()],
            value: 0,
        };
        lift(callback, &mut None)
    }

    #[test]
    fn an_update_with_text_that_is_not_utf_8_is_delivered_with_replaced_text() {
        // task_id, state and message, as protobuf writes them.
        let status = b"\x0a\x03\x0a\x01t\x10\x01\x22\x01\xff".to_vec();
        let callback = sys::Event {
            kind: sys::MESOS_SHIM_STATUS_UPDATE,
            parts: vec![status],
            value: 0,
        };
        let event = lift(callback, &mut None)
            .expect("an update")
            .expect("an event");
        let update = event.update.expect("a status");
        assert_eq!(update.status.task_id.value, "t");
        assert_eq!(update.status.message(), "\u{fffd}");
    }

    #[test]
    fn an_error_is_an_event_but_a_lost_connection_is_retryable() {
        let event = error("Framework failed over").expect("an event");
        let message = event.and_then(|event| event.error).unwrap_or_default();
        assert_eq!(message.message, "Framework failed over");
        let lost = error("Framework disconnected").expect_err("a lost connection");
        assert_eq!(lost.kind(), ErrorKind::Transport);
        assert!(lost.is_retryable());
    }
}
