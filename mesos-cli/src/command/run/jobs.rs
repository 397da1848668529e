//! `mesos run -f FILE`: runs the jobs of a file until all have ended.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mesos::framework::store::RedbState;
use mesos::framework::{Format, JobSpec, Manifest, Runner};
use mesos::http::HttpBackend;
use mesos::lint::Linter;
use mesos::v1::framework_info::capability::Type::GpuResources;
use mesos::{ErrorKind, Framework, error_chain};

use super::progress::Progress;
use super::status::INTERRUPTED;
use crate::context::Context;
use crate::error::Error;
use crate::output::note;
use crate::signals::Signals;

/// How long Mesos keeps the tasks of a framework with a state while this program does not run.
const FAILOVER: Duration = Duration::from_secs(24 * 3600);

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Run the jobs of a file until all have ended: YAML, TOML or JSON by its ending; `-` reads YAML
    /// or JSON from stdin
    #[arg(
        long,
        short,
        value_name = "FILE",
        conflicts_with_all = [
            "command", "name", "instances", "cpus", "mem", "disk", "gpus", "role", "user", "image",
            "env", "uri", "health", "health_grace", "time_limit",
        ]
    )]
    pub(super) file: Option<PathBuf>,
    /// The number of jobs of the file that run at once at most
    #[arg(
        long,
        value_name = "NUMBER",
        requires = "file",
        conflicts_with = "command"
    )]
    max_running: Option<NonZeroU32>,
    /// Keep the state of the jobs in this file. If the program is killed, the same command adopts
    /// what runs, and does not repeat what has ended
    #[arg(
        long,
        value_name = "PATH",
        requires = "file",
        conflicts_with = "command"
    )]
    pub(super) state: Option<PathBuf>,
}

/// The jobs of a file, and the framework that they need.
pub(super) struct Jobs {
    specs: Vec<JobSpec>,
    framework: Framework,
}

impl Jobs {
    pub(super) fn read(path: &Path, options: &Options) -> Result<Self, Error> {
        let (source, manifest) = manifest(path)?;
        if let Some(service) = manifest.services.first() {
            let message = format!(
                "{source} has the service {:?}, which never ends; `mesos run` only runs jobs",
                service.name
            );
            let hint = "move the services to another file, and keep them running with `mesos \
                        service run -f FILE`";
            return Err(Error::usage(message).hint(hint));
        }
        let framework = framework(&source, &manifest.jobs, options);
        let linter = Linter::new().framework(framework.info());
        let warnings = manifest.validate(&linter);
        for warning in warnings.map_err(|error| Error::usage(format!("{source}: {error}")))? {
            note(&warning.to_string());
        }
        Ok(Self {
            specs: manifest.jobs,
            framework,
        })
    }

    /// Returns the exit code when all jobs have ended.
    pub(super) async fn run(
        self,
        backend: HttpBackend,
        options: &Options,
        signals: &mut Signals,
        context: &Context,
    ) -> Result<u8, Error> {
        let mut runner = Runner::builder(self.framework);
        if let Some(path) = &options.state {
            let state = RedbState::open(path).map_err(|error| Error::usage(error_chain(&error)))?;
            runner = runner.state(state);
        }
        let runner = runner.start(backend).await?;
        let mut progress = Progress::new(&self.specs);
        let code = progress
            .follow(&runner, self.specs, options.max_running, signals)
            .await;
        let printed = match code {
            Ok(_) => progress.print(context),
            Err(_) => Ok(()),
        };
        let end = async {
            match (&code, &options.state) {
                // The next start adopts what runs.
                (Err(_), Some(_)) => runner.detach().await,
                _ => runner.stop().await,
            }
        };
        let end = tokio::select! {
            end = end => end,
            _ = signals.next() => return Ok(INTERRUPTED),
        };
        let code = code.map_err(explain)?;
        printed?;
        end?;
        Ok(code)
    }
}

/// The name of the source, for messages, and what it describes.
pub(crate) fn manifest(path: &Path) -> Result<(String, Manifest), Error> {
    if path != Path::new("-") {
        let manifest = Manifest::read(path).map_err(|error| Error::usage(error.to_string()))?;
        return Ok((path.display().to_string(), manifest));
    }
    let source = "the standard input".to_owned();
    let failed = |error: &dyn std::fmt::Display| {
        Error::usage(error.to_string()).context("the standard input")
    };
    let text = std::io::read_to_string(std::io::stdin()).map_err(|error| failed(&error))?;
    // JSON is YAML, too.
    let manifest = Manifest::parse(&text, Format::Yaml).map_err(|error| failed(&error))?;
    Ok((source, manifest))
}

fn framework(source: &str, jobs: &[JobSpec], options: &Options) -> Framework {
    let name = format!("mesos run {source}");
    let mut framework = match options.state {
        Some(_) => Framework::with_failover_timeout(name, FAILOVER),
        None => Framework::ephemeral(name),
    };
    let roles: Vec<_> = jobs.iter().map(|job| job.workload.role()).collect();
    let mut named: Vec<&str> = roles.iter().flatten().copied().collect();
    named.sort_unstable();
    named.dedup();
    for role in &named {
        framework = framework.role(*role);
    }
    if !named.is_empty() && !named.contains(&"*") && roles.contains(&None) {
        framework = framework.role("*");
    }
    let mut tasks = jobs.iter().flat_map(|job| job.workload.tasks());
    if tasks.any(|task| task.resources.gpus().is_some()) {
        framework = framework.capability(GpuResources);
    }
    // A person waits at a terminal, so an unreachable master ends the program.
    framework.subscribe_timeout(Duration::ZERO)
}

/// What to do about an error of the runner.
fn explain(error: mesos::Error) -> Error {
    let hint = match error.kind() {
        ErrorKind::FrameworkRemoved | ErrorKind::FailoverTimeout => {
            "Mesos has killed the tasks; remove the file of --state to begin again"
        }
        // The file was checked before, so this is about what the state has.
        ErrorKind::Config => {
            "use another file for --state, or finish these jobs with the file that they are from"
        }
        _ => return error.into(),
    };
    Error::from(error).hint(hint)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: super::super::Args,
    }

    fn framework_of(jobs: &str, words: &[&str]) -> Framework {
        let manifest = Manifest::parse(jobs, Format::Yaml).expect("a manifest");
        let words = ["run", "-f", "x.yaml"].iter().chain(words);
        let args = Cli::try_parse_from(words).expect("valid").args;
        framework("x.yaml", &manifest.jobs, &args.jobs)
    }

    #[test]
    fn the_framework_has_the_roles_and_the_capability_that_its_jobs_need() {
        let gpu = |framework: &Framework| {
            let capabilities = &framework.info().capabilities;
            capabilities.iter().any(|one| one.r#type() == GpuResources)
        };
        let plain = "jobs: [{name: a, task: {command: x}}]";
        let framework = framework_of(plain, &[]);
        assert_eq!(framework.info().roles, ["*"]);
        assert!(!gpu(&framework));
        let roles = "jobs:
        - {name: a, task: {command: x, role: dev}}
        - {name: b, task: {command: x, role: dev, resources: 'gpus:1'}}
        - {name: c, task: {command: x, role: batch}}";
        let framework = framework_of(roles, &[]);
        assert_eq!(framework.info().roles, ["batch", "dev"]);
        assert!(gpu(&framework));
        let framework = framework_of(
            &format!("{roles}\n        - {{name: d, task: {{command: x}}}}"),
            &[],
        );
        assert_eq!(framework.info().roles, ["batch", "dev", "*"]);
    }

    #[test]
    fn the_tasks_survive_the_program_only_with_a_state() {
        let jobs = "jobs: [{name: a, task: {command: x}}]";
        let timeout = |words: &[&str]| framework_of(jobs, words).info().failover_timeout;
        assert_eq!(timeout(&[]), None);
        assert_eq!(timeout(&["--state", "y"]), Some(86_400.0));
    }
}
