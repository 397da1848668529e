//! What a [`LocalCluster`](crate::LocalCluster) and its supervisor process say to each other:
//! lines of JSON over the supervisor's stdin and stdout.
//!
//! The first line down is a [`Config`], each further one a [`Request`]. Every request gets one
//! [`Event::Reply`]. The end of the supervisor's stdin means: end everything at once.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::ErrorKind;

/// How the cluster process says that it is ready.
pub const READY: &str = "ready";
/// How the cluster process says that it cannot start; the reason follows.
pub const FAILED: &str = "failed ";

/// What `mesos-local provide` prints.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Provided {
    /// The package's marker in the cache.
    File(PathBuf),
    /// The package could not be downloaded.
    Failed {
        /// The kind of the error.
        kind: ErrorKind,
        /// The error and its causes.
        message: String,
    },
}

/// What the supervisor has to run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// The directory for all that this cluster writes; it exists.
    pub work_dir: PathBuf,
    /// Whether to remove `work_dir` in the end, unless something went wrong.
    pub remove_work_dir: bool,
    /// The port of the cluster, 0 for any that is free.
    pub port: u16,
    /// The program of the cluster process, and its arguments. It writes [`READY`], or
    /// [`FAILED`] and the reason, as a line to its stdout.
    pub program: Vec<String>,
    /// The environment of the cluster process.
    pub environment: BTreeMap<String, String>,
    /// How long a start may take.
    pub ready_timeout: Duration,
    /// How long tasks have between SIGTERM and SIGKILL when a stop is asked for.
    pub stop_grace: Duration,
}

impl Config {
    /// The file that the cluster process' stderr goes to.
    pub fn log(&self) -> PathBuf {
        self.work_dir.join("cluster.log")
    }
}

/// Something that the supervisor has to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Request {
    /// Comes back in the reply.
    pub id: u64,
    /// What to do.
    pub action: Action,
}

/// What a [`Request`] asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Start the cluster process, and reply when the cluster is ready.
    Start,
    /// End the cluster process with SIGKILL and leave its executors and tasks alone.
    Kill,
    /// Stop the cluster process with SIGSTOP.
    Pause,
    /// Let it go on.
    Resume,
    /// End the cluster and its tasks, and then the supervisor.
    Stop,
}

/// Something that the supervisor says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Event {
    /// The outcome of a request.
    Reply {
        /// The request's id.
        id: u64,
        /// The cluster's port (0 while it has none), or why it could not be done.
        result: Result<u16, Failure>,
    },
    /// The cluster process ended though it was not told to; the text says how.
    Exited(String),
}

/// Why a request could not be fulfilled.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Failure {
    /// Whether it was because the port is taken.
    pub port_in_use: bool,
    /// What happened.
    pub message: String,
}

/// What to say about a port that cannot be bound.
pub fn port_message(port: u16) -> String {
    format!(
        "port {port} of 127.0.0.1 cannot be had for the cluster: stop whoever has it, or ask for \
         another port, or for 0, which is any that is free"
    )
}
