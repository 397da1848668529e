//! What a client process is told to do, and what it tells of it: one line of
//! JSON each way.

use mesos_proto::v1::{AgentId, TaskId};
use serde::{Deserialize, Serialize};

use crate::flood;

/// The load master's default.
const AGENTS: u32 = 1000;

/// What to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Job {
    /// Run a scheduler on our driver against a load master.
    Drive(Drive),
    /// Make calls with hyper, one after the other, on one connection.
    Raw {
        /// The load master.
        url: String,
        /// How many calls.
        calls: u64,
    },
    /// Read the whole stream into memory, then decode it.
    Decode {
        /// The load master.
        url: String,
    },
    /// Ask for tasks as the driver does, and throw the answers away.
    Drain {
        /// The load master.
        url: String,
        /// How many tasks.
        tasks: u32,
    },
    /// Run tasks on a real Mesos.
    Launch(Launch),
    /// Have one task on a real Mesos send messages.
    Listen(Launch),
}

/// See [`Job::Drive`].
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Drive {
    /// The load master.
    pub url: String,
    /// How many threads the runtime has; 0 is the current one alone.
    pub threads: usize,
    /// For how long the handler of an update keeps its thread busy.
    pub spin_us: u64,
    /// How many tasks to ask for at the first subscription.
    pub reconcile: u32,
    /// Whether the driver keeps an eye on what lives.
    pub track: bool,
    /// How many numbered messages to send, made at once, for each update.
    pub messages: u32,
    /// Whether to go on after the master has gone.
    pub stay: bool,
    /// JSON instead of protobuf.
    pub json: bool,
}

/// See [`Job::Launch`] and [`Job::Listen`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Launch {
    /// The master.
    pub master: String,
    /// Over libmesos instead of HTTP.
    pub native: bool,
    /// How many tasks or messages.
    pub count: u32,
}

/// What came of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// Seconds of what is measured, by the client's own clock.
    pub seconds: f64,
    /// What was counted in that time: offers, calls, tasks.
    pub count: u64,
    /// Seconds of CPU, of the whole process; of decoding alone where that is
    /// the job.
    pub cpu: f64,
    /// Resident memory, in KiB, so many updates in.
    pub resident: Vec<(u64, u64)>,
    /// Most resident memory, in KiB.
    pub resident_peak: u64,
    /// Allocations made, where they are counted.
    pub allocations: u64,
    /// Most bytes allocated at a time, where they are counted.
    pub heap_peak: u64,
}

/// All tasks of the load master, as a store would have them after a restart.
pub(crate) fn known(tasks: u32) -> impl Iterator<Item = (TaskId, Option<AgentId>)> {
    (0..tasks).map(|task| {
        let agent = flood::agent_id(task % AGENTS);
        (flood::task_id(task).into(), Some(agent.into()))
    })
}
