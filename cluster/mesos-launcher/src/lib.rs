//! The programs that an agent starts, as the directory of its flag `--launcher_dir` has to hold
//! them: [`mesos-containerizer`](containerizer) for every container, [`mesos-executor`](executor)
//! for a task that is a command, [`mesos-default-executor`](default_executor) for a task group,
//! and [`mesos-fetcher`](fetcher) for files to fetch.
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
