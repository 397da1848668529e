//! Files with jobs and services.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use mesos_core::lint::{Lint, Linter};
use serde::{Deserialize, Serialize};

use super::lint::{InvalidSpec, error, judge, within};
use super::parts::is_default;
use super::read::{Format, ReadError};
use super::{JobSpec, ServiceSpec};

/// Jobs and services, as a file describes them. `docs/jobs.md` describes the keys.
///
/// ```
/// use mesos::framework::{Format, Manifest};
/// use mesos::lint::Linter;
///
/// let manifest = Manifest::parse(
///     r#"
/// jobs:
/// - name: hello
///   task:
///     command: echo hello
///     resources: cpus:0.1;mem:32
/// services:
/// - name: web
///   instances: 3
///   task:
///     command: exec ./serve --port $PORT_HTTP
///     ports: [http]
/// "#,
///     Format::Yaml,
/// )?;
/// manifest.validate(&Linter::new())?;
/// assert_eq!(manifest.jobs[0].name, "hello");
/// assert_eq!(manifest.services[0].instances, 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Manifest {
    /// What runs once.
    #[serde(skip_serializing_if = "is_default")]
    pub jobs: Vec<JobSpec>,
    /// What always runs.
    #[serde(skip_serializing_if = "is_default")]
    pub services: Vec<ServiceSpec>,
}

impl Manifest {
    /// Reads a file, whose ending is `yaml`, `yml`, `toml` or `json`. This blocks the thread.
    ///
    /// # Errors
    /// [`ReadError`] if the file cannot be read, or with the place of the first mistake in it.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, ReadError> {
        let path = path.as_ref();
        let format = Format::of(path).ok_or_else(|| {
            let message = "the format is not known by the ending; use .yaml, .toml or .json";
            ReadError::of_file(path, message.to_owned())
        })?;
        let text = fs::read_to_string(path)
            .map_err(|error| ReadError::of_file(path, format!("cannot read the file: {error}")))?;
        Self::parse(&text, format).map_err(|error| error.in_file(path))
    }

    /// Reads a text.
    ///
    /// # Errors
    /// [`ReadError`] with the place of the first mistake.
    pub fn parse(text: &str, format: Format) -> Result<Self, ReadError> {
        format.parse(text)
    }

    /// Finds mistakes in the jobs and services, and between them.
    ///
    /// Give the linter the framework, so that it finds roles and capabilities that the framework
    /// does not have.
    pub fn lint(&self, linter: &Linter) -> Vec<Lint> {
        let mut lints = Vec::new();
        if self.jobs.is_empty() && self.services.is_empty() {
            let message = "the manifest has neither jobs nor services";
            lints.push(error(
                "empty-manifest",
                "",
                message,
                "add the key jobs or services",
            ));
        }
        for (place, job) in self.jobs.iter().enumerate() {
            lints.extend(within(format!("jobs[{place}]"), job.lint(linter)));
        }
        for (place, service) in self.services.iter().enumerate() {
            lints.extend(within(format!("services[{place}]"), service.lint(linter)));
        }
        self.names(&mut lints);
        self.dependencies(&mut lints);
        lints
    }

    /// Checks everything that can be checked before something starts. Returns the warnings.
    ///
    /// # Errors
    /// [`InvalidSpec`] with all findings, if one of them is an error.
    pub fn validate(&self, linter: &Linter) -> Result<Vec<Lint>, InvalidSpec> {
        judge("the manifest".to_owned(), self.lint(linter))
    }

    fn names(&self, lints: &mut Vec<Lint>) {
        let jobs = self.jobs.iter().enumerate();
        let jobs = jobs.map(|(place, job)| (&job.name, format!("jobs[{place}]")));
        let services = self.services.iter().enumerate();
        let services = services.map(|(place, one)| (&one.name, format!("services[{place}]")));
        let mut seen: BTreeMap<&String, String> = BTreeMap::new();
        for (name, here) in jobs.chain(services) {
            if let Some(first) = seen.get(name) {
                let message = format!("the name {name:?} is also the name of {first}");
                let path = format!("{here}.name");
                lints.push(error("duplicate-name", path, message, "use another name"));
            } else {
                seen.insert(name, here);
            }
        }
    }

    fn dependencies(&self, lints: &mut Vec<Lint>) {
        let jobs: BTreeMap<&str, &JobSpec> = self
            .jobs
            .iter()
            .map(|job| (job.name.as_str(), job))
            .collect();
        for (place, job) in self.jobs.iter().enumerate() {
            for (number, after) in job.after.iter().enumerate() {
                if !jobs.contains_key(after.as_str()) {
                    let message = format!("the job {after:?} does not exist");
                    let path = format!("jobs[{place}].after[{number}]");
                    let remedy = match super::read::nearest(after, jobs.keys().copied()) {
                        Some(near) => format!("did you mean {near:?}?"),
                        None => "add the job, or remove the dependency".to_owned(),
                    };
                    lints.push(error("unknown-job", path, message, remedy));
                }
            }
        }
        if let Some(cycle) = cycle(&jobs) {
            let message = format!("each of the jobs waits for the next: {}", cycle.join(", "));
            let remedy = "remove one of the dependencies";
            lints.push(error("dependency-cycle", "jobs", message, remedy));
        }
    }
}

/// The names of jobs that wait for each other, the first again at the end.
fn cycle(jobs: &BTreeMap<&str, &JobSpec>) -> Option<Vec<String>> {
    // Jobs whose dependencies are all removed cannot be a part of a cycle.
    let mut left = jobs.clone();
    loop {
        let before = left.len();
        let waits = |job: &JobSpec| {
            job.after
                .iter()
                .any(|name| left.contains_key(name.as_str()))
        };
        let free: Vec<&str> = left
            .iter()
            .filter(|(_, job)| !waits(job))
            .map(|(name, _)| *name)
            .collect();
        left.retain(|name, _| !free.contains(name));
        if left.len() == before {
            break;
        }
    }
    let mut path: Vec<&str> = vec![left.keys().next()?];
    loop {
        let job = left.get(path.last()?)?;
        let next = job
            .after
            .iter()
            .find(|name| left.contains_key(name.as_str()))?;
        let start = path.iter().position(|name| name == next);
        path.push(next);
        if let Some(start) = start {
            return Some(
                path[start..]
                    .iter()
                    .map(|name| (*name).to_owned())
                    .collect(),
            );
        }
    }
}
