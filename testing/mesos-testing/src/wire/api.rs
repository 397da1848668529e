//! The differences between the two APIs on the wire.

use mesos_core::backend::{Api, ExecutorApi, SchedulerApi};
use mesos_proto::v1::{executor, scheduler};
use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// An [`Api`] from the server's point of view.
pub trait Wire:
    Api<
        Call: Message + Default + DeserializeOwned + Clone + Sync,
        Event: Message + Serialize + Clone + Sync,
    >
{
    /// The HEARTBEAT event.
    fn heartbeat() -> Self::Event;
}

impl Wire for SchedulerApi {
    fn heartbeat() -> scheduler::Event {
        crate::events::heartbeat()
    }
}

impl Wire for ExecutorApi {
    fn heartbeat() -> executor::Event {
        crate::executor_events::heartbeat()
    }
}
