//! What the program and the runtime send to the scheduler.

use std::fmt;
use std::sync::Arc;

use mesos_core::scheduler::Acknowledgement;
use mesos_core::{Error, Result};
use mesos_placement::Unplaced;
use mesos_proto::v1::offer::Operation;
use tokio::sync::{oneshot, watch};

use super::listener::{BatchListener, Counts};
use super::load::Loaded;
use crate::engine::job::Limit;
use crate::engine::{Action, Name, ServiceRequest};
use crate::pool::TakenOffer;
use crate::{
    JobDetails, JobFilter, JobList, JobSpec, JobStatus, ServiceDetails, ServiceSpec, ServiceStatus,
};

pub(crate) type Reply<T> = oneshot::Sender<T>;

/// A job to watch.
pub(crate) type Watched = (String, watch::Receiver<JobStatus>);

/// A service to watch.
pub(crate) type WatchedService = (String, watch::Receiver<Arc<ServiceStatus>>);

pub(crate) enum Command {
    Submit(Box<JobSpec>, Reply<Result<Watched>>),
    SubmitAll(Vec<JobSpec>, Option<Limit>, BatchListener, Arc<Counts>),
    /// Watches a job, and kills it before.
    Watch {
        name: String,
        kill: bool,
        reply: Reply<Result<Watched>>,
    },
    Forget(String, Reply<Result<()>>),
    Reports(String, Reply<Vec<Unplaced>>),
    List(JobFilter, Reply<JobList>),
    Describe(String, Reply<Result<JobDetails>>),
    Keep(Box<ServiceSpec>, Reply<Result<WatchedService>>),
    Service(String, ServiceRequest, Reply<Result<WatchedService>>),
    Services(Reply<Vec<ServiceStatus>>),
    DescribeService(String, Reply<Result<ServiceDetails>>),
    /// Kills everything.
    StopAll(Reply<()>),
    /// Replies when everything before is stored.
    Flush(Reply<()>),
    Stored(Vec<Effect>),
    /// The ended jobs that a request is about were read, or the state cannot be read.
    Loaded(Box<Command>, Loaded, Result<()>),
    Answered(Vec<(Name, String)>, Result<(), Error>),
    Tick,
    /// Judges the services that have changed, and places what waits.
    Work,
}

/// What follows when a step is stored.
pub(crate) enum Effect {
    Action(Action),
    Accept(Box<Accept>),
    Acknowledge(Box<Acknowledgement>),
    Then(Box<dyn FnOnce() + Send>),
}

impl Effect {
    /// Whether nothing in the cluster waits for this. Mesos frees the resources of a task before the
    /// end of the task is acknowledged.
    pub(crate) fn can_wait(&self) -> bool {
        matches!(self, Self::Acknowledge(_) | Self::Action(Action::Ended(_)))
    }
}

/// An ACCEPT call.
pub(crate) struct Accept {
    pub(crate) offers: Vec<TakenOffer>,
    pub(crate) operations: Vec<Operation>,
    pub(crate) launches: Vec<(Name, String)>,
    /// Whether the rest of the offers is needed at once.
    pub(crate) more: bool,
}

impl fmt::Debug for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Effect")
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Command")
    }
}
