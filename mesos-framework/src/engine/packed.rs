//! The specification of a job, in the form in which it is stored.

use std::time::Duration;

use mesos_core::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::value::RawValue;

use super::keep::config;
use crate::{JobSpec, RetryPolicy};

/// A specification as JSON, and beside it what the engine reads often.
///
/// A [`JobSpec`] takes several times as much memory, and of a large batch most jobs wait.
#[derive(Clone, Debug)]
pub(crate) struct Packed {
    json: Box<RawValue>,
    pub(crate) name: Box<str>,
    pub(crate) retry: RetryPolicy,
    pub(crate) timeout: Option<Duration>,
    pub(crate) after: Box<[String]>,
    pub(crate) priority: i32,
    /// Whether the place depends on the tasks that run.
    pub(crate) social: bool,
    /// Whether the task keeps other tasks away.
    pub(crate) avoids: bool,
    /// See [`Workload::shape`](crate::Workload::shape) and [`Workload::labels`](crate::Workload::labels).
    pub(crate) shape: u64,
    pub(crate) labels: u64,
    pub(crate) role: Option<Box<str>>,
    /// The id of the custom executor.
    pub(crate) executor: Option<Box<str>>,
}

impl Packed {
    /// # Errors
    /// The stored form would not be read as the same specification again.
    pub(crate) fn new(spec: &JobSpec) -> Result<Self, Error> {
        let failed = |reason: String| {
            config(format!(
                "the specification of the job {:?} cannot be stored: {reason}",
                spec.name
            ))
        };
        let json = serde_json::value::to_raw_value(spec);
        let json = json.map_err(|error| failed(error.to_string()))?;
        let read = decode(&json).map_err(|error| failed(error.to_string()))?;
        if read != *spec {
            return Err(failed("JSON does not keep one of its values".to_owned()));
        }
        Ok(Self::with(json, read))
    }

    fn with(json: Box<RawValue>, spec: JobSpec) -> Self {
        Self {
            json,
            name: spec.name.into(),
            retry: spec.retry,
            timeout: spec.timeout,
            after: spec.after.into(),
            priority: spec.priority,
            social: spec.workload.is_social(),
            avoids: spec.workload.avoids(),
            shape: spec.workload.shape(),
            labels: spec.workload.labels(),
            role: spec.workload.role().map(Into::into),
            executor: spec.workload.executor_id().map(Into::into),
        }
    }

    /// The specification. `None` is a bug, which is logged: the JSON was decoded before.
    pub(crate) fn unpack(&self) -> Option<JobSpec> {
        decode(&self.json)
            .inspect_err(
                |error| tracing::error!(%error, job = %self.name, "bug: cannot decode a job"),
            )
            .ok()
    }
}

fn decode(json: &RawValue) -> Result<JobSpec, serde_json::Error> {
    serde_json::from_str(json.get())
}

impl PartialEq for Packed {
    fn eq(&self, other: &Self) -> bool {
        self.json.get() == other.json.get() || self.unpack() == other.unpack()
    }
}

impl Serialize for Packed {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.json.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Packed {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let json = Box::<RawValue>::deserialize(from)?;
        let spec = decode(&json).map_err(de::Error::custom)?;
        Ok(Self::with(json, spec))
    }
}
