//! The events of a cluster.

use std::time::Duration;

use mesos_core::Error;
use mesos_proto::v1::master::event::{Subscribed, TaskUpdated, Type};
use mesos_proto::v1::master::response::GetState;
use mesos_proto::v1::master::response::get_agents::Agent;
use mesos_proto::v1::master::response::get_frameworks::Framework;
use mesos_proto::v1::master::{self};
use mesos_proto::v1::{AgentId, FrameworkInfo, Task};

/// An event of a cluster.
///
/// Events about objects that the credentials do not permit to view are missing.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ClusterEvent {
    /// The whole state, which replaces everything known. The first event, and the first one after
    /// [`Disconnected`](Self::Disconnected).
    Snapshot(Box<GetState>),
    /// The master added a task; also a task of an agent that has returned.
    TaskAdded(Box<Task>),
    /// A new state of a task, or a new result of one of its checks. The field `status` is the update
    /// for the framework, possibly an older one; `state` is the latest state.
    TaskUpdated(Box<TaskUpdated>),
    /// An agent registered, or returned after it was unreachable.
    AgentAdded(Box<Agent>),
    /// An agent unregistered. Mesos does not send this event for an agent that becomes unreachable
    /// or is marked gone.
    AgentRemoved(AgentId),
    /// A framework subscribed for the first time. Its resources and offers are empty.
    FrameworkAdded(Box<Framework>),
    /// A framework subscribed again, or changed its description. Its resources and offers are empty.
    FrameworkUpdated(Box<Framework>),
    /// A framework ended.
    FrameworkRemoved(Box<FrameworkInfo>),
    /// The connection was lost, or an attempt to connect failed. Events are missing until the next
    /// [`Snapshot`](Self::Snapshot).
    Disconnected {
        /// The reason.
        error: Error,
        /// The time until the next attempt. A leader change shortens it.
        retry_after: Duration,
    },
}

impl ClusterEvent {
    /// The event in a message; `None` for a heartbeat, and for a type that this version does not
    /// know.
    pub(super) fn from_message(event: master::Event) -> Option<Self> {
        let r#type = event.r#type();
        let known = match r#type {
            Type::Subscribed => event.subscribed.map(Self::snapshot),
            Type::TaskAdded => event
                .task_added
                .map(|added| Self::TaskAdded(Box::new(added.task))),
            Type::TaskUpdated => event.task_updated.map(|u| Self::TaskUpdated(Box::new(u))),
            Type::AgentAdded => event
                .agent_added
                .map(|added| Self::AgentAdded(Box::new(added.agent))),
            Type::AgentRemoved => event
                .agent_removed
                .map(|removed| Self::AgentRemoved(removed.agent_id)),
            Type::FrameworkAdded => event
                .framework_added
                .map(|added| Self::FrameworkAdded(Box::new(added.framework))),
            Type::FrameworkUpdated => event
                .framework_updated
                .map(|updated| Self::FrameworkUpdated(Box::new(updated.framework))),
            Type::FrameworkRemoved => event
                .framework_removed
                .map(|removed| Self::FrameworkRemoved(Box::new(removed.framework_info))),
            Type::Heartbeat => return None,
            Type::Unknown => None,
        };
        if known.is_none() {
            tracing::debug!(number = event.r#type, "skipping an event of the cluster");
        }
        known
    }

    fn snapshot(subscribed: Subscribed) -> Self {
        Self::Snapshot(Box::new(subscribed.get_state.unwrap_or_default()))
    }
}
