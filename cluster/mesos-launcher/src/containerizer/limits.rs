//! Resource limits by Mesos' names (`src/posix/rlimits.cpp`).

use anyhow::{Context as _, Result, bail};
use nix::sys::resource::{RLIM_INFINITY, Resource, setrlimit};

use super::launch_info::{Limit, Limits};

/// Sets the limits of this process.
pub(super) fn set(limits: &Limits) -> Result<()> {
    limits.rlimits.iter().try_for_each(set_one)
}

fn set_one(limit: &Limit) -> Result<()> {
    let name = &limit.limit_type;
    let (soft, hard) = match (limit.soft, limit.hard) {
        (Some(soft), Some(hard)) => (soft, hard),
        (None, None) => (RLIM_INFINITY, RLIM_INFINITY),
        _ => bail!("the limit {name} needs both `soft` and `hard`, or neither for unlimited"),
    };
    setrlimit(resource(name)?, soft, hard)
        .with_context(|| format!("cannot set the limit {name} to {soft} (hard: {hard})"))
}

fn resource(name: &str) -> Result<Resource> {
    Ok(match name {
        "RLMT_AS" => Resource::RLIMIT_AS,
        "RLMT_CORE" => Resource::RLIMIT_CORE,
        "RLMT_CPU" => Resource::RLIMIT_CPU,
        "RLMT_DATA" => Resource::RLIMIT_DATA,
        "RLMT_FSIZE" => Resource::RLIMIT_FSIZE,
        "RLMT_LOCKS" => Resource::RLIMIT_LOCKS,
        "RLMT_MEMLOCK" => Resource::RLIMIT_MEMLOCK,
        "RLMT_MSGQUEUE" => Resource::RLIMIT_MSGQUEUE,
        "RLMT_NICE" => Resource::RLIMIT_NICE,
        "RLMT_NOFILE" => Resource::RLIMIT_NOFILE,
        "RLMT_NPROC" => Resource::RLIMIT_NPROC,
        "RLMT_RSS" => Resource::RLIMIT_RSS,
        "RLMT_RTPRIO" => Resource::RLIMIT_RTPRIO,
        "RLMT_RTTIME" => Resource::RLIMIT_RTTIME,
        "RLMT_SIGPENDING" => Resource::RLIMIT_SIGPENDING,
        "RLMT_STACK" => Resource::RLIMIT_STACK,
        _ => bail!("the limit type {name} is unknown"),
    })
}
