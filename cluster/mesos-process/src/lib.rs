//! Supervised processes, for executors that run programs.
//!
//! A [`Child`] is a process. Its end includes the processes that it started:
//! SIGTERM first, and SIGKILL after a grace period. A daemon survives: a process in
//! its own session (`setsid`) whose parent has ended. Only a cgroup contains daemons,
//! such as the cgroup of the agent's isolator. If the executor itself is killed, its
//! processes keep running, unless the agent destroys a cgroup. [`Ended`] turns the exit status
//! into the last status of a task, with Mesos' messages. [`Output`] reads the
//! process's output.
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
//! An executor with more than one task at a time keeps them in a [`TaskSet`], so
//! that its handlers can end each of them.
//!
//! # The resources of an executor
//! An agent starts an executor with the first task that names it, and later tasks
//! with the same `ExecutorInfo` go to the running executor. So the master charges
//! the executor's resources once for each agent, with that first task
//! (`src/master/validation.cpp`). A scheduler sees in `executor_ids` of an offer
//! which of its executors the agent runs already:
//!
//! ```
//! use mesos_proto::v1::{ExecutorInfo, Offer};
//!
//! /// Whether the executor's own resources have to fit into the offer too.
//! fn charges_executor(offer: &Offer, executor: &ExecutorInfo) -> bool {
//!     !offer.executor_ids.contains(&executor.executor_id)
//! }
//! ```
//!
//! Each task must carry the identical `ExecutorInfo`, resources included, also when
//! the executor runs already. Otherwise the task fails with TASK_ERROR.
//!
//! # Requirements
//! A tokio runtime with time and I/O. Only on Linux does a `Child` find what its
//! process has started; elsewhere it ends the process alone.

#![forbid(unsafe_code)]

mod child;
mod ended;
mod output;
mod tasks;
mod time_limit;
mod tree;
mod wait_status;

pub use child::Child;
pub use ended::{Cause, Ended};
pub use output::Output;
pub use tasks::{DEFAULT_GRACE, RunningTask, TaskSet, grace_period};
pub use time_limit::{Pauses, TimeLimit};
pub use tree::ProcessTree;
pub use wait_status::{describe, signal_number};
