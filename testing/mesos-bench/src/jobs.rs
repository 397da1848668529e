//! The tasks of [`launch`](crate::launch) as jobs of mesos-framework, with the state in a file.

use std::time::Instant;

use anyhow::{Context, Result, bail};
use mesos_core::Framework;
use mesos_framework::store::RedbState;
use mesos_framework::{Command, ExecutorSpec, JobSpec, Runner, TaskSpec};
use mesos_http::HttpBackend;

use crate::job::{Launch, Outcome};
use crate::launch::TASK;

/// Runs the jobs. Measures the time from their submission to the last outcome.
pub(crate) async fn run(launch: Launch) -> Result<Outcome> {
    let folder = tempfile::tempdir()?;
    let state = RedbState::open(folder.path().join("state.redb"))?;
    let backend = HttpBackend::new(launch.master.parse()?);
    let runner = Runner::builder(Framework::ephemeral("bench")).state(state);
    let runner = runner.start(backend).await?;
    let program = std::env::current_exe()?;
    let program = program
        .to_str()
        .context("this program's path is not UTF-8")?;
    let executor = ExecutorSpec::new("bench", Command::argv([program, "executor"]))
        .resources("cpus:0.1;mem:64".parse()?);
    let resources = TASK.parse::<mesos_core::resources::Resources>()?;
    let job = |name: String| {
        let task = TaskSpec::new(name).executor(executor.clone());
        JobSpec::new(task.resources(resources.clone()))
    };
    // The first job waits for the start of the executor.
    runner.run(job("warm".to_owned())).await?;
    let began = Instant::now();
    let mut outcomes = runner.run_all((0..launch.count).map(|number| job(format!("t{number}"))));
    let mut count = 0;
    while let Some(outcome) = outcomes.next().await {
        let outcome = outcome?;
        if !outcome.is_success() {
            bail!("the job {} ended with {:?}", outcome.name, outcome.state);
        }
        count += 1;
    }
    let seconds = began.elapsed().as_secs_f64();
    runner.stop().await?;
    Ok(Outcome {
        seconds,
        count,
        ..Outcome::default()
    })
}
