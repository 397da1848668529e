//! What differs between the two APIs on the wire.

use mesos_core::backend::{Api, ExecutorApi, SchedulerApi};
use mesos_proto::v1::{executor, scheduler};
use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// An [`Api`] as its server sees it. There are two, and there will be no more.
pub trait Wire:
    Api<
        Call: Message + Default + DeserializeOwned + Clone + Sync,
        Event: Message + Serialize + Clone + Sync,
    >
{
    /// The types of calls.
    type CallType: Copy + Eq + Send + 'static;

    /// The type of a call.
    fn call_type(call: &Self::Call) -> Self::CallType;

    /// Mesos' name for it.
    fn name(call_type: Self::CallType) -> &'static str;

    /// The type that opens a stream.
    const SUBSCRIBE: Self::CallType;

    /// The event that says nothing but that somebody is there.
    fn heartbeat() -> Self::Event;
}

impl Wire for SchedulerApi {
    type CallType = scheduler::call::Type;

    fn call_type(call: &scheduler::Call) -> Self::CallType {
        call.r#type()
    }

    fn name(call_type: Self::CallType) -> &'static str {
        call_type.as_str_name()
    }

    const SUBSCRIBE: Self::CallType = scheduler::call::Type::Subscribe;

    fn heartbeat() -> scheduler::Event {
        crate::events::heartbeat()
    }
}

impl Wire for ExecutorApi {
    type CallType = executor::call::Type;

    fn call_type(call: &executor::Call) -> Self::CallType {
        call.r#type()
    }

    fn name(call_type: Self::CallType) -> &'static str {
        call_type.as_str_name()
    }

    const SUBSCRIBE: Self::CallType = executor::call::Type::Subscribe;

    fn heartbeat() -> executor::Event {
        crate::executor_events::heartbeat()
    }
}
