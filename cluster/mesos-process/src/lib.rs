//! Supervised processes, for authors of executors that run programs.
//!
//! A [`Child`] is a process that is ended with all that it started, SIGTERM
//! first and SIGKILL after a grace period; how it [`Ended`] becomes the last
//! state of a task in Mesos' own words. [`Output`] reads what it writes.
//!
//! ```
//! use std::process::Stdio;
//! use mesos_process::{Child, Output};
//! use mesos_proto::v1::TaskState;
//! use tokio::process::Command;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
//! let mut command = Command::new("sh");
//! command.args(["-c", "echo hello; exit 3"]).stdout(Stdio::piped());
//! let mut child = Child::spawn(command)?;
//! let mut output = Output::new(child.take_stdout().expect("it is piped"));
//! while let Some(line) = output.line().await? {
//!     assert_eq!(line, "hello");
//! }
//! let status = child.wait().await.task_status("task-1");
//! assert_eq!(status.task_state(), Ok(TaskState::TaskFailed));
//! assert_eq!(status.message.as_deref(), Some("Command exited with status 3"));
//! # Ok(())
//! # }
//! ```
//!
//! It needs a tokio runtime with time and I/O, and Linux to find what a process
//! has started: elsewhere only the process itself is reached.

#![forbid(unsafe_code)]

mod child;
mod ended;
mod output;
mod tree;
mod wait_status;

pub use child::Child;
pub use ended::{Cause, Ended};
pub use output::Output;
pub use wait_status::describe;
