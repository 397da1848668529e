//! The programs that an agent starts, as the directory of its flag `--launcher_dir` has to hold
//! them: [`mesos-containerizer`](containerizer) for every container, [`mesos-executor`](executor)
//! for a task that is a command, [`mesos-default-executor`](default_executor) for a task group,
//! and [`mesos-fetcher`](fetcher) for files to fetch.
//!
//! # Differences from Mesos' own programs
//! * A command that cannot be executed fails without TASK_RUNNING, with REASON_CONTAINER_LAUNCH_FAILED
//!   and the reason. Mesos reports TASK_RUNNING and an exit status.
//! * A task of a group whose files cannot be fetched fails with REASON_CONTAINER_LAUNCH_FAILED and the
//!   text of the agent. A command of a group that cannot be executed has the exit status 1 (Mesos: 233);
//!   the reason is in the file stderr of the sandbox.
//! * A task without a health check never carries `healthy`. In Mesos, one unhealthy task marks all tasks
//!   of its executor (MESOS-8543).
//! * The processes of a command task end when their executor is killed.
//! * A daemon of a task (its own session, and its parent has ended) survives kill and teardown, as in
//!   Mesos, unless the agent uses cgroups.
//! * Tasks can inherit the signals 32 and 33 as ignored, which glibc uses internally.
//!
//! An agent that is drained with `mark_gone` reports TASK_GONE_BY_OPERATOR instead of TASK_KILLING, so a
//! scheduler receives the end of a task before its process has ended.
//!
//! The programs run on Linux only; on another Unix the crate compiles and is empty.

#[cfg(target_os = "linux")]
mod checks;
#[cfg(target_os = "linux")]
pub mod containerizer;
#[cfg(target_os = "linux")]
pub mod default_executor;
#[cfg(target_os = "linux")]
pub mod executor;
#[cfg(target_os = "linux")]
mod executor_main;
#[cfg(target_os = "linux")]
pub mod fetcher;
#[cfg(target_os = "linux")]
mod reporter;
#[cfg(target_os = "linux")]
mod task_settings;
