//! Enum values from a newer Mesos.
//!
//! The messages store an enum as its number, so a value without a name in this version is not lost.
//! The getters that prost generates (`state()`, `reason()`, …) return the first value of the enum
//! for an unknown number and for an unset field: TASK_STAGING, SOURCE_MASTER,
//! REASON_COMMAND_EXECUTOR_FAILED. That is misleading. [`known`] and the methods based on it, such
//! as `TaskStatus::task_state`, return an error or `None` instead. Enums whose first value is
//! UNKNOWN do not need such a method.

use std::fmt;

use crate::v1;

/// An enum that can get new values.
pub trait OpenEnum: TryFrom<i32> {
    /// The name in Mesos' schema, without the package.
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

/// Comparisons of the number in a message with a state.
macro_rules! compare_with_number {
    ($($type:ty,)*) => {$(
        /// Compares the number in a message with a state.
        impl PartialEq<$type> for i32 {
            fn eq(&self, state: &$type) -> bool {
                *self == *state as i32
            }
        }

        /// Compares a state with the number in a message.
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

/// The value for `number`.
///
/// # Errors
///
/// [`UnknownEnum`] if this version of the schema has no name for the number.
///
/// ```
/// use mesos::v1::{TaskState, known};
///
/// assert_eq!(known(1), Ok(TaskState::TaskRunning));
/// let unknown = known::<TaskState>(77).unwrap_err();
/// assert_eq!(unknown.number(), 77);
/// ```
pub fn known<E: OpenEnum>(number: i32) -> Result<E, UnknownEnum> {
    E::try_from(number).map_err(|_| UnknownEnum {
        name: E::NAME,
        number,
    })
}

/// An enum number that has no name in this version of the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UnknownEnum {
    name: &'static str,
    number: i32,
}

impl UnknownEnum {
    /// The number.
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
    fn the_error_names_the_enum_of_an_unknown_number() {
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
