//! The job of a client process and its outcome: one line of JSON each.

use mesos_proto::v1::{AgentId, TaskId};
use serde::{Deserialize, Serialize};

use crate::flood;

/// The default number of agents of the load master.
const AGENTS: u32 = 1000;

/// A job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Job {
    /// Run a scheduler on the driver against a load master.
    Drive(Drive),
    /// Make calls with hyper, one after the other, on one connection.
    Raw {
        /// The load master.
        url: String,
        /// The number of calls.
        calls: u64,
    },
    /// Read the whole stream into memory, then decode it.
    Decode {
        /// The load master.
        url: String,
        /// How often to decode each event.
        times: u32,
    },
    /// Reconcile tasks, and discard the answers.
    Drain {
        /// The load master.
        url: String,
        /// The number of tasks.
        tasks: u32,
        /// Whether to decode each answer first, with prost.
        decode: bool,
    },
    /// Run tasks on a real Mesos.
    Launch(Launch),
    /// Run the same tasks as jobs of mesos-framework.
    Jobs(Launch),
    /// Let one task on a real Mesos send messages.
    Listen(Launch),
    /// Decode the state of a large cluster.
    State(State),
    /// Place requests on offers.
    Place(Place),
}

/// See [`Job::Place`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Place {
    /// The number of offers.
    pub offers: usize,
    /// The number of requests.
    pub requests: usize,
    /// How to place.
    pub how: How,
}

/// How to place requests on offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum How {
    /// Only make the offers and the requests.
    Not,
    /// With `mesos-placement`.
    Placer,
    /// With a loop over all offers for each request.
    Loop,
}

/// See [`Job::Drive`].
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Drive {
    /// The load master.
    pub url: String,
    /// The number of threads of the runtime; 0 is the current thread only.
    pub threads: usize,
    /// How long the handler of an update keeps its thread busy, in microseconds.
    pub spin_us: u64,
    /// The number of tasks to reconcile at the first subscription.
    pub reconcile: u32,
    /// Whether the driver tracks live tasks.
    pub track: bool,
    /// The number of numbered messages to send concurrently for each update.
    pub messages: u32,
    /// Whether to continue after the master has stopped.
    pub stay: bool,
    /// Use JSON instead of protobuf.
    pub json: bool,
    /// What the handler does with offers.
    pub offers: Handling,
}

/// What the handler does with each offer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Handling {
    /// Drop the offer unread.
    #[default]
    Unread,
    /// Read the ids of the offer and its agent, the host name and the resources.
    Resources,
    /// Read the whole message.
    All,
    /// Keep the offer until the driver ends.
    Keep,
}

/// See [`Job::Launch`], [`Job::Jobs`] and [`Job::Listen`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Launch {
    /// The master.
    pub master: String,
    /// Use libmesos instead of HTTP.
    pub native: bool,
    /// The number of tasks or messages.
    pub count: u32,
}

/// See [`Job::State`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    /// The server.
    pub url: String,
    /// A file with the answer, for bare decoding.
    pub file: std::path::PathBuf,
    /// How to decode.
    pub way: Way,
    /// Use JSON instead of protobuf.
    pub json: bool,
}

/// How to decode an answer.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub enum Way {
    /// `get_state_parts`, from the socket.
    Parts,
    /// `get_state`, from the socket.
    Whole,
    /// The decoder alone, from memory.
    Bare,
}

/// The outcome of a job.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// The measured time in seconds, by the client's clock.
    pub seconds: f64,
    /// The start of this time, in seconds since 1970, for a reconciliation by the driver.
    pub since: f64,
    /// The count in this time: offers, calls or tasks.
    pub count: u64,
    /// CPU seconds of the whole process, or of decoding alone if that is the job.
    pub cpu: f64,
    /// Resident memory in KiB, after a number of updates.
    pub resident: Vec<(u64, u64)>,
    /// Peak resident memory, in KiB.
    pub resident_peak: u64,
    /// The number of allocations, if they are counted.
    pub allocations: u64,
    /// The peak of allocated bytes, if they are counted.
    pub heap_peak: u64,
}

/// All tasks of the load master, as a store would list them after a restart.
pub(crate) fn known(tasks: u32) -> impl Iterator<Item = (TaskId, Option<AgentId>)> {
    (0..tasks).map(|task| {
        let agent = flood::agent_id(task % AGENTS);
        (flood::task_id(task).into(), Some(agent.into()))
    })
}
