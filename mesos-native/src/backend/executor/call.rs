//! The calls of an executor, as methods of libmesos' driver.

use bytes::Bytes;
use mesos_core::{Delivery, Error, ErrorKind, Result};
use mesos_proto::v1::TaskStatus;
use mesos_proto::v1::executor::Call;
use mesos_proto::v1::executor::call::Type;
use prost::Message as _;

use crate::sys::{self, Executor};

/// What a call comes to.
#[derive(Debug)]
pub(super) enum Native {
    Update(Box<TaskStatus>),
    Message(Bytes),
    /// libmesos watches its connection by itself.
    Heartbeat,
}

/// # Errors
/// [`ErrorKind::Config`]: the call has no body. [`ErrorKind::Unsupported`]: libmesos has no
/// such call.
pub(super) fn native(call: Call) -> Result<Native> {
    let lacking = |name: &str| {
        let text = format!("the call lacks its `{name}`");
        Error::new(ErrorKind::Config, text)
    };
    match call.r#type() {
        Type::Update => {
            let update = call.update.ok_or_else(|| lacking("update"))?;
            Ok(Native::Update(Box::new(update.status)))
        }
        Type::Message => {
            let message = call.message.ok_or_else(|| lacking("message"))?;
            Ok(Native::Message(message.data))
        }
        Type::Heartbeat => Ok(Native::Heartbeat),
        unsupported => Err(Error::new(
            ErrorKind::Unsupported,
            format!("libmesos has no call {}", unsupported.as_str_name()),
        )),
    }
}

impl Native {
    /// Puts it in line.
    ///
    /// # Errors
    /// [`ErrorKind::Rejected`]: libmesos does not take the message, in its own words, and
    /// never will. [`ErrorKind::NotSubscribed`]: the driver was stopped.
    pub(super) fn make(&self, executor: &Executor) -> Result<()> {
        let made = match self {
            Self::Update(status) => executor.send_status_update(&status.encode_to_vec()),
            Self::Message(data) => executor.send_framework_message(data),
            Self::Heartbeat => return Ok(()),
        };
        match made {
            Ok(sys::MESOS_SHIM_RUNNING) => Ok(()),
            Ok(status) => Err(not_sent(&format!("the driver's status is {status}"))),
            Err(text) => {
                Err(Error::new(ErrorKind::Rejected, text).with_delivery(Delivery::Refused))
            }
        }
    }
}

pub(super) fn not_sent(text: &str) -> Error {
    Error::new(ErrorKind::NotSubscribed, text).with_delivery(Delivery::NotSent)
}
