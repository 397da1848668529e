//! Runs a command as a task on Mesos: shows the task's states and its output
//! as they come, and exits as the command did.
//!
//! `cargo run --example run -- 'echo hello from Mesos'` starts a local real
//! Mesos for it; with `--master URL` it uses another. `--backend native` speaks
//! to Mesos through libmesos instead of HTTP; the scheduler is the same.

mod args;
mod outcome;
mod output;
mod task;

use std::process::ExitCode;

use clap::Parser;
use mesos::v1::TaskState;
use mesos::{BoxError, Framework, SchedulerDriver, error_chain};
use mesos_local::LocalCluster;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use args::Args;
use output::Output;
use task::{Report, RunTask};

/// Exit codes for what is not the command's own doing, as `env` and `docker
/// run` have them.
const FAILED: u8 = 125;
const INTERRUPTED: u8 = 130;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    if args.log {
        tracing_subscriber::fmt()
            .with_writer(std::io::stderr)
            .with_env_filter(args::log_filter())
            .init();
    }
    match run(args).await {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("run: {}", error_chain(error.as_ref()));
            ExitCode::from(FAILED)
        }
    }
}

/// Runs the task on the Mesos that was asked for, and stops what it started.
async fn run(args: Args) -> Result<u8, BoxError> {
    // One for all: it keeps what comes while nobody waits.
    let mut interrupt = signal(SignalKind::interrupt())?;
    if let Some(master) = &args.master {
        return run_on(master, &args, &mut interrupt).await;
    }
    eprintln!("starting a local Mesos (use --master URL for another)");
    let cluster = tokio::select! {
        cluster = LocalCluster::builder().start() => cluster?,
        // Dropping the start stops what has been started so far.
        _ = interrupt.recv() => return Ok(INTERRUPTED),
    };
    let master = cluster.master_url();
    eprintln!("Mesos is up at {master}");
    let code = run_on(&master, &args, &mut interrupt).await;
    cluster.stop().await?;
    code
}

async fn run_on(master: &str, args: &Args, interrupt: &mut Signal) -> Result<u8, BoxError> {
    let backend = mesos_examples::backend(args.backend.name(), master).await?;
    let (reports, mut inbox) = mpsc::channel(16);
    let scheduler = RunTask::new(args.task(), reports);
    let framework = Framework::ephemeral("run");
    let driver = SchedulerDriver::start(scheduler, framework, backend);
    let code = follow(&driver, &mut inbox, interrupt).await;
    // Whatever happened, the framework is torn down with its task.
    inbox.close();
    driver.stop();
    let end = driver.join().await;
    let code = code?;
    end?;
    Ok(code)
}

/// Shows what happens to the task until it is over.
async fn follow(
    driver: &SchedulerDriver,
    inbox: &mut mpsc::Receiver<Report>,
    interrupt: &mut Signal,
) -> Result<u8, BoxError> {
    let mut output: Option<Output> = None;
    let mut launched = None;
    let mut interrupted = false;
    loop {
        tokio::select! {
            report = inbox.recv() => match report {
                Some(Report::Launched { task_id, agent_id, agent, sandbox }) => {
                    eprintln!("launched on agent {agent_id}");
                    launched = Some(task_id);
                    output = Some(Output::new(&agent, &sandbox));
                }
                Some(Report::State(status)) => {
                    eprintln!("{}", outcome::describe(&status));
                    if status.is_terminal() {
                        if let Some(output) = &mut output {
                            output.rest().await?;
                        }
                        return Ok(if interrupted && status.task_state() == Ok(TaskState::TaskKilled) {
                            INTERRUPTED
                        } else {
                            outcome::exit_code(&status)
                        });
                    }
                }
                Some(Report::Waiting(why)) => eprintln!("{why}"),
                Some(Report::Failed(error)) => return Err(error.into()),
                None => return driver.join().await.map(|_| FAILED).map_err(Into::into),
            },
            result = Output::shown(&mut output) => result?,
            _ = interrupt.recv() => match &launched {
                Some(task_id) if !interrupted => {
                    interrupted = true;
                    eprintln!("killing the task; once more to leave at once");
                    // Without the agent, which not every backend can name.
                    driver.kill(task_id).await?;
                }
                _ => return Ok(INTERRUPTED),
            },
        }
    }
}
