//! Translates calls of an executor to methods of libmesos's driver.

use bytes::Bytes;
use mesos_core::{Delivery, Error, ErrorKind, Result};
use mesos_proto::v1::TaskStatus;
use mesos_proto::v1::executor::Call;
use mesos_proto::v1::executor::call::Type;
use prost::Message as _;

use crate::backend::call::{body, unsupported};
use crate::sys::{self, Executor};

/// A call that libmesos can make.
#[derive(Debug)]
pub(super) enum NativeCall {
    Update(Box<TaskStatus>),
    Message(Bytes),
    /// Nothing to send: libmesos watches its connection itself.
    Heartbeat,
}

/// Translates `call`.
///
/// # Errors
/// [`ErrorKind::Config`]: the call has no body. [`ErrorKind::Unsupported`]: libmesos does not have
/// this call.
pub(super) fn translate(call: Call) -> Result<NativeCall> {
    match call.r#type() {
        Type::Update => {
            let update = body(call.update, "update")?;
            Ok(NativeCall::Update(Box::new(update.status)))
        }
        Type::Message => Ok(NativeCall::Message(body(call.message, "message")?.data)),
        Type::Heartbeat => Ok(NativeCall::Heartbeat),
        other => Err(unsupported(format!(
            "libmesos has no executor call {}",
            other.as_str_name()
        ))),
    }
}

impl NativeCall {
    /// Queues the call in libmesos.
    ///
    /// # Errors
    /// [`ErrorKind::Rejected`]: libmesos rejects the message, with its reason; a retry fails as
    /// well. [`ErrorKind::NotSubscribed`]: the driver was stopped.
    pub(super) fn queue(&self, executor: &Executor) -> Result<()> {
        let queued = match self {
            Self::Update(status) => executor.send_status_update(&status.encode_to_vec()),
            Self::Message(data) => executor.send_framework_message(data),
            Self::Heartbeat => return Ok(()),
        };
        match queued {
            Ok(sys::MESOS_SHIM_RUNNING) => Ok(()),
            Ok(status) => Err(not_sent(&format!("the driver has status {status}"))),
            Err(text) => {
                Err(Error::new(ErrorKind::Rejected, text).with_delivery(Delivery::Refused))
            }
        }
    }
}

pub(super) fn not_sent(text: &str) -> Error {
    Error::new(ErrorKind::NotSubscribed, text).with_delivery(Delivery::NotSent)
}
