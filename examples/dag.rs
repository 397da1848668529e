//! Runs jobs in the order of their dependencies: two downloads at once, then a build, then a test
//! and a report at once.
//!
//! `cargo run --example dag MASTER DIRECTORY`
//!
//! The jobs work in DIRECTORY, which all agents must share. If a job fails, the jobs after it are
//! not started.

use std::time::Duration;

use mesos::framework::{JobSpec, Runner, TaskSpec};
use mesos::http::HttpBackend;
use mesos::{BoxError, Framework};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let mut words = std::env::args().skip(1);
    let mut word = || words.next().ok_or("usage: dag MASTER DIRECTORY");
    let (master, directory) = (word()?, word()?);
    let framework = Framework::with_failover_timeout("dag", Duration::from_secs(3600));
    let backend = HttpBackend::new(master.parse()?);
    let runner = Runner::builder(framework).start(backend).await?;
    let job = |name, line| {
        let line = format!("set -e; cd {directory}; {line}");
        JobSpec::new(TaskSpec::shell(name, line)).timeout(Duration::from_secs(600))
    };
    let mut outcomes = runner.run_all([
        job("sources", "echo sources > sources"),
        job("tools", "echo tools > tools"),
        job("build", "cat tools sources > program")
            .after("sources")
            .after("tools"),
        job("test", "grep tools program").after("build"),
        job("report", "wc program > report").after("build"),
    ]);
    while let Some(outcome) = outcomes.next().await {
        let outcome = outcome?;
        println!(
            "{} {} {}",
            outcome.name,
            outcome.state.as_str_name(),
            outcome.message
        );
    }
    runner.stop().await?;
    Ok(())
}
