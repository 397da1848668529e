//! The visible state of a service.

use std::fmt;

use mesos_placement::{Agent, Unplaced};

use crate::ServiceSpec;

/// The state of a service and of its instances.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ServiceStatus {
    /// The name of the service.
    pub name: String,
    /// How many instances there should be.
    pub wanted: u32,
    /// The instances, by their numbers. Instances that are being stopped, and instances that were
    /// replaced because they are unreachable, are included.
    pub instances: Vec<InstanceStatus>,
    /// The generation of new instances. A specification with another task or pod is a new
    /// generation.
    pub generation: u32,
    /// The update or rollback in progress.
    pub update: Option<UpdateStatus>,
    /// Why the last update was rolled back, until the next update.
    pub rolled_back: Option<String>,
    /// Whether an instance of the present generation ends again and again soon after its start.
    /// The limit is [`RestartPolicy::crash_loop_after`](crate::RestartPolicy::crash_loop_after).
    pub crash_loop: bool,
    /// Whether the service is being removed, or was removed.
    pub removing: bool,
}

/// An update of a service in progress.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpdateStatus {
    /// Whether this is a rollback.
    pub rollback: bool,
    /// Whether the update waits for [`resume`](crate::ServiceHandle::resume) or
    /// [`rollback`](crate::ServiceHandle::rollback).
    pub paused: bool,
    /// Why the update has failed. It is paused then.
    pub failure: Option<String>,
}

/// The state of one instance of a service.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct InstanceStatus {
    /// The number of the instance. Numbers are never used again.
    pub number: u32,
    /// The generation of its specification.
    pub generation: u32,
    /// What the instance does.
    pub state: InstanceState,
    /// Where the instance was launched, while it has a task.
    pub agent: Option<Agent>,
    /// The tasks of the present launch: one, or those of a pod.
    pub task_ids: Vec<String>,
    /// How often a task or pod of the instance has ended.
    pub ends: u32,
    /// How many of the last ends in a row came soon after the start.
    pub early_ends: u32,
    /// The last end: the state of the task, and the message of Mesos.
    pub last_end: Option<String>,
}

/// What an instance of a service does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InstanceState {
    /// The instance waits for offers. [`Runner::reports`](crate::Runner::reports) of the service
    /// says why none of them is used.
    Waiting,
    /// The instance has ended, and the delay before its next start is not over.
    Delayed,
    /// A task was launched and does not run yet.
    Launched,
    /// The task runs, and its health check did not succeed, or not yet.
    Unhealthy,
    /// The task runs, and is healthy if it has a health check.
    Ready,
    /// The master cannot reach the agent. The task may still run.
    Unreachable,
    /// The instance is unreachable, and another instance took its place. It is stopped or used
    /// again if it comes back.
    Replaced,
    /// The instance was killed, and its task has not ended yet.
    Stopping,
}

impl InstanceState {
    /// The name of the state: lower case, one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delayed => "delayed",
            Self::Launched => "launched",
            Self::Unhealthy => "unhealthy",
            Self::Ready => "ready",
            Self::Unreachable => "unreachable",
            Self::Replaced => "replaced",
            Self::Stopping => "stopping",
        }
    }
}

impl fmt::Display for InstanceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One service with all that is known about it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ServiceDetails {
    /// The state of the service and of its instances.
    pub status: ServiceStatus,
    /// The specification that the instances are to have, with the present number of instances.
    pub spec: ServiceSpec,
    /// Why an instance is not placed: the last reports, the newest first.
    pub reports: Vec<Unplaced>,
}

impl ServiceStatus {
    /// The state in a few words, for people: `ready`, or what is not as it should be.
    pub fn summary(&self) -> String {
        if self.removing {
            return "is being removed".to_owned();
        }
        if let Some(update) = &self.update {
            let what = match update.rollback {
                true => "rollback",
                false => "update",
            };
            return match (&update.failure, update.paused) {
                (Some(failure), _) => format!("the {what} has failed: {failure}"),
                (None, true) => format!("{what} paused"),
                (None, false) => format!("{what} in progress"),
            };
        }
        if self.crash_loop {
            return "ends again and again".to_owned();
        }
        match (self.is_ready(), &self.rolled_back) {
            (true, Some(reason)) => format!("ready; the last update was rolled back: {reason}"),
            (true, None) => "ready".to_owned(),
            (false, _) => "starting".to_owned(),
        }
    }

    /// The number of instances that run, and are healthy if they have a health check.
    pub fn ready(&self) -> usize {
        self.count(InstanceState::Ready)
    }

    /// Whether the service is as it should be: all instances are ready, an update is not in
    /// progress, and nothing else runs.
    pub fn is_ready(&self) -> bool {
        let gone = self.count(InstanceState::Replaced);
        let wanted = usize::try_from(self.wanted).unwrap_or(usize::MAX);
        let count = self.instances.len() - gone;
        !self.removing && self.update.is_none() && self.ready() == wanted && count == wanted
    }

    fn count(&self, state: InstanceState) -> usize {
        let all = self.instances.iter();
        all.filter(|one| one.state == state).count()
    }
}
