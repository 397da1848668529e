//! Runs a command as a task on Mesos: shows the states and the output of the task, and exits with
//! the exit code of the command.
//!
//! `cargo run --example run -- 'echo hello from Mesos'` starts a real local Mesos; `--master URL`
//! uses another Mesos. `--backend native` connects through libmesos instead of HTTP, with the
//! same scheduler.

mod args;
mod outcome;
mod output;
mod task;

use std::process::ExitCode;

use clap::Parser;
use mesos::http::OperatorClient;
use mesos::http::files::Output;
use mesos::v1::TaskState;
use mesos::{BoxError, Framework, SchedulerDriver, error_chain};
use mesos_local::LocalCluster;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use args::Args;
use output::{show_next, show_rest};
use task::{Report, RunTask};

/// Exit codes for failures that the command did not cause, as in `env` and `docker run`.
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

/// Runs the task on the requested Mesos, and stops what it started.
async fn run(args: Args) -> Result<u8, BoxError> {
    // One stream for the whole program, because it keeps signals that arrive between waits.
    let mut interrupt = signal(SignalKind::interrupt())?;
    if let Some(master) = &args.master {
        return run_on(master, &args, &mut interrupt).await;
    }
    eprintln!("starting a local Mesos (--master URL uses another Mesos)");
    let cluster = tokio::select! {
        cluster = LocalCluster::builder().start() => cluster?,
        // Dropping the future stops everything that it has started.
        _ = interrupt.recv() => return Ok(INTERRUPTED),
    };
    let master = cluster.master_url();
    eprintln!("Mesos is running at {master}");
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
    // In every case the framework is torn down with its task.
    inbox.close();
    driver.stop();
    let end = driver.join().await;
    let code = code?;
    end?;
    Ok(code)
}

/// Shows the states and the output of the task until the task has ended.
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
                Some(Report::Launched { task_id, agent_id, agent, framework_id }) => {
                    eprintln!("launched on agent {agent_id}");
                    let agent = OperatorClient::for_endpoint(agent);
                    output = Some(Output::new(agent, &framework_id, &task_id));
                    launched = Some(task_id);
                }
                Some(Report::State(status)) => {
                    eprintln!("{}", outcome::describe(&status));
                    if status.is_terminal() {
                        show_rest(output).await?;
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
            result = show_next(&mut output) => result?,
            _ = interrupt.recv() => match &launched {
                Some(task_id) if !interrupted => {
                    interrupted = true;
                    eprintln!("killing the task; press Ctrl-C again to leave at once");
                    driver.kill(task_id).await?;
                }
                _ => return Ok(INTERRUPTED),
            },
        }
    }
}
