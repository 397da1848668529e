//! The messages between a [`LocalCluster`](crate::LocalCluster) and its supervisor process: lines of
//! JSON over the supervisor's stdin and stdout.
//!
//! The first line to the supervisor is a [`Config`], each further line a [`Request`]. The supervisor
//! sends one [`Event::Reply`] for each request. The end of its stdin ends all processes at once.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::ErrorKind;

/// The cluster process writes this line when it is ready.
pub const READY: &str = "ready";
/// The cluster process writes a line with this prefix and the reason if it cannot start.
pub const FAILED: &str = "failed ";

/// The variable with the name of the cgroup of the containers, if they have one.
pub const CGROUPS_VARIABLE: &str = "MESOS_CGROUPS_ROOT";

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

/// The settings of the supervisor.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// The directory for all files of this cluster. It exists.
    pub work_dir: PathBuf,
    /// Whether to remove `work_dir` at the end, unless something failed.
    pub remove_work_dir: bool,
    /// The port of the cluster; 0 is any free port.
    pub port: u16,
    /// The program of the cluster process, and its arguments. It writes [`READY`], or
    /// [`FAILED`] and the reason, as a line to its stdout.
    pub program: Vec<String>,
    /// The environment of the cluster process.
    pub environment: BTreeMap<String, String>,
    /// The timeout of a start.
    pub ready_timeout: Duration,
    /// The time between SIGTERM and SIGKILL for tasks at a stop.
    pub stop_grace: Duration,
}

impl Config {
    /// The file of the cluster process's stderr.
    pub fn log(&self) -> PathBuf {
        self.work_dir.join("cluster.log")
    }
}

/// A request to the supervisor.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Request {
    /// The reply has the same id.
    pub id: u64,
    /// The requested action.
    pub action: Action,
}

/// The action of a [`Request`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Start the cluster process, and reply when the cluster is ready.
    Start,
    /// End the cluster process with SIGKILL, but not its executors and tasks.
    Kill,
    /// Stop the cluster process with SIGSTOP.
    Pause,
    /// Continue the cluster process with SIGCONT.
    Resume,
    /// End the cluster and its tasks, then the supervisor.
    Stop,
}

/// An event from the supervisor.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Event {
    /// The result of a request.
    Reply {
        /// The request's id.
        id: u64,
        /// The cluster's port (0 before the first start), or the error.
        result: Result<u16, Failure>,
    },
    /// The cluster process ended unexpectedly, for this reason.
    Exited(String),
}

/// Why a request failed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Failure {
    /// Whether the port is in use.
    pub port_in_use: bool,
    /// The error message.
    pub message: String,
}

/// The error message about a port that cannot be bound.
pub fn port_message(port: u16) -> String {
    format!(
        "the cluster cannot use port {port} of 127.0.0.1: stop the process that uses the port, or \
         choose another port, or 0 for any free port"
    )
}
