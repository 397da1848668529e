//! Specifications of tasks, pods, jobs and services: builders, and the same in files.

mod check;
mod command;
mod convert;
mod delay;
mod executor;
mod files;
mod job;
mod lint;
mod manifest;
mod parts;
mod pod;
mod read;
mod service;
mod shape;
mod task;
mod text;
mod volume;
mod workload;

pub use self::check::{CheckSpec, HttpCheck};
pub use self::command::Command;
pub use self::executor::ExecutorSpec;
pub use self::job::{JobSpec, RetryPolicy};
pub use self::lint::InvalidSpec;
pub use self::manifest::Manifest;
pub use self::parts::{
    Containerizer, FileSpec, ImageSpec, NetworkSpec, PortRef, PortSpec, UriSpec,
};
pub use self::pod::PodSpec;
pub use self::read::{Format, ReadError};
pub use self::service::{OnFailure, RestartPolicy, ServiceSpec, UpdatePolicy, UpdateStrategy};
pub use self::task::TaskSpec;
pub use self::volume::{DockerVolume, VolumeSpec};
pub use self::workload::Workload;
