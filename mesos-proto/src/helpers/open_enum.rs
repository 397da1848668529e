//! Enum values that a newer Mesos may send.
//!
//! The messages keep an enum as its number, so nothing is lost that this
//! version has no name for. But the getters that prost makes (`state()`,
//! `reason()`, …) answer an unknown number and an unset field with the enum's
//! first value: TASK_STAGING, SOURCE_MASTER, REASON_COMMAND_EXECUTOR_FAILED.
//! Where that would be a lie that hurts, [`known`] and the methods built on it
//! (`TaskStatus::task_state` and the like) tell the truth. Enums whose first
//! value is UNKNOWN do not need it.

use std::fmt;

use crate::v1;

/// An enum that may get new values.
pub trait OpenEnum: TryFrom<i32> {
    /// Its name in Mesos' schema, without the package.
    const NAME: &'static str;
}

macro_rules! open_enum {
    ($($type:ty = $name:literal,)*) => {$(
        impl OpenEnum for $type {
            const NAME: &'static str = $name;
        }
    )*};
}

open_enum! {
    v1::TaskState = "TaskState",
    v1::OperationState = "OperationState",
    v1::task_status::Source = "TaskStatus.Source",
    v1::task_status::Reason = "TaskStatus.Reason",
    v1::value::Type = "Value.Type",
}

/// Lets the number in a message be compared with the state itself.
macro_rules! compare_with_number {
    ($($type:ty,)*) => {$(
        /// Compares the field of a message, a number, with a state.
        impl PartialEq<$type> for i32 {
            fn eq(&self, state: &$type) -> bool {
                *self == *state as i32
            }
        }

        /// Compares a state with the field of a message, a number.
        impl PartialEq<i32> for $type {
            fn eq(&self, number: &i32) -> bool {
                *self as i32 == *number
            }
        }
    )*};
}

compare_with_number! {
    v1::TaskState,
    v1::OperationState,
}

/// The value that `number` stands for.
///
/// # Errors
///
/// [`UnknownEnum`] where this version of the schema has no name for it.
///
/// ```
/// use mesos_proto::v1::TaskState;
///
/// assert_eq!(mesos_proto::known(1), Ok(TaskState::TaskRunning));
/// let unknown = mesos_proto::known::<TaskState>(77).unwrap_err();
/// assert_eq!(unknown.number(), 77);
/// ```
pub fn known<E: OpenEnum>(number: i32) -> Result<E, UnknownEnum> {
    E::try_from(number).map_err(|_| UnknownEnum {
        name: E::NAME,
        number,
    })
}

/// A number that this version of the schema has no name for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UnknownEnum {
    name: &'static str,
    number: i32,
}

impl UnknownEnum {
    /// The number that came.
    pub fn number(&self) -> i32 {
        self.number
    }
}

impl fmt::Display for UnknownEnum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, number } = self;
        write!(
            f,
            "{name} {number} is unknown to this version of mesos-proto"
        )
    }
}

impl std::error::Error for UnknownEnum {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_in_a_message_compares_with_a_state() {
        let status = v1::TaskStatus::new("t", v1::TaskState::TaskRunning);
        assert!(status.state == v1::TaskState::TaskRunning);
        assert!(v1::TaskState::TaskStaging != status.state);
        assert_ne!(99, v1::OperationState::OperationUnsupported);
    }

    #[test]
    fn an_unknown_number_is_named_with_its_enum() {
        let error = known::<v1::task_status::Reason>(4711).unwrap_err();
        assert_eq!(
            error.to_string(),
            "TaskStatus.Reason 4711 is unknown to this version of mesos-proto"
        );
        assert_eq!(
            known(21),
            Ok(v1::task_status::Reason::ContainerLaunchFailed)
        );
    }
}
