//! `mesos run`: runs a command as one or several tasks, shows their states and their output, and
//! exits with the status of the command. `mesos run -f` runs the jobs of a file.
//!
//! `task` makes the tasks from the arguments, `target` finds or starts a Mesos, `scheduler` launches
//! the tasks, `follow` shows what happens, `output` reads what the tasks write, and `status` finds
//! the exit status.
//!
//! `jobs` reads a file and runs its jobs, and `progress` shows what happens to them.

mod follow;
mod jobs;
mod output;
mod progress;
mod scheduler;
mod status;
mod target;
mod task;

use std::num::NonZeroU16;
use std::path::PathBuf;
use std::time::Duration;

use mesos::v1::TaskInfo;
use mesos::{Framework, SchedulerDriver};
use tokio::sync::mpsc;

use self::follow::{Agents, Follow};
use self::jobs::Jobs;
pub(crate) use self::jobs::manifest;
use self::scheduler::Tasks;
use self::target::Target;
use self::task::{Health, Variable, amount};
use crate::context::Context;
use crate::error::{Code, Error};
use crate::signals::Signals;

const USAGE: &str = "\
mesos run [OPTIONS] <COMMAND>...
       mesos run [OPTIONS] --file <FILE>";

const AFTER_HELP: &str = "\
Exit codes: the exit status of the command; 128 and the number of the signal that ended it; 124 \
after --time-limit; 125 if the task could not be run; 126 or 127 if the command could not be \
started; 130 after Ctrl-C. With several instances or jobs, that of the first one that failed.";

#[derive(Debug, clap::Args)]
#[command(override_usage = USAGE, after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// The name of the task
    #[arg(long, default_value = "run")]
    name: String,
    /// The number of instances
    #[arg(long, short = 'n', value_name = "NUMBER", default_value = "1")]
    instances: NonZeroU16,
    /// The cores of an instance
    #[arg(long, value_name = "NUMBER", default_value = "0.1", value_parser = amount)]
    cpus: f64,
    /// The memory of an instance, in MiB
    #[arg(long, value_name = "MIB", default_value = "32", value_parser = amount)]
    mem: f64,
    /// The disk space of an instance, in MiB
    #[arg(long, value_name = "MIB", value_parser = amount)]
    disk: Option<f64>,
    /// The GPUs of an instance
    #[arg(long, value_name = "NUMBER")]
    gpus: Option<u32>,
    /// The role whose resources are used
    #[arg(long, default_value = "*")]
    role: String,
    /// The user on the agent's machine; by default the user who runs this program
    #[arg(long)]
    user: Option<String>,
    /// A Docker image whose file system the command gets, by the Mesos containerizer
    #[arg(long)]
    image: Option<String>,
    /// A variable for the command; NAME alone passes the variable of this program. May be repeated
    #[arg(long, short, value_name = "NAME[=VALUE]")]
    env: Vec<Variable>,
    /// A file that the agent downloads into the working directory. Archives are extracted. May be
    /// repeated
    #[arg(long, value_name = "URI")]
    uri: Vec<String>,
    /// A health check: `PORT/PATH` for HTTP, `PORT` for TCP, or a shell command. Mesos kills an
    /// instance after three failures
    #[arg(long, value_name = "CHECK")]
    health: Option<Health>,
    /// The time without health checks after the start, such as 30s
    #[arg(long, value_name = "DURATION", requires = "health", value_parser = humantime::parse_duration)]
    health_grace: Option<Duration>,
    /// Kill the instances after this time, which includes the wait for resources, such as 10m
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    time_limit: Option<Duration>,
    /// The directory of the local Mesos that is started without a master; kept at the end
    #[arg(long, value_name = "DIR")]
    work_dir: Option<PathBuf>,
    /// One word is a command for the shell; several words are a program and its arguments
    #[arg(
        required_unless_present = "file",
        trailing_var_arg = true,
        value_name = "COMMAND"
    )]
    command: Vec<String>,
    #[command(flatten)]
    jobs: jobs::Options,
}

/// What runs.
enum Work {
    Tasks(Vec<TaskInfo>),
    Jobs(Box<Jobs>),
}

pub(crate) async fn run(args: &Args, context: &Context) -> Result<(), Error> {
    let code = attempt(args, context)
        .await
        .map_err(|error| error.with_code(Code::Run))?;
    match code {
        0 => Ok(()),
        code => Err(Error::Exit(code)),
    }
}

async fn attempt(args: &Args, context: &Context) -> Result<u8, Error> {
    let work = match &args.jobs.file {
        Some(path) => Work::Jobs(Box::new(Jobs::read(path, &args.jobs)?)),
        None => Work::Tasks(task::tasks(args)?),
    };
    let mut signals = Signals::new()?;
    let target = tokio::select! {
        target = Target::find(args, context) => target?,
        _ = signals.next() => {
            // Nothing else interrupts a download. The supervisor of a local Mesos notices the end
            // of this process, and ends what it has started.
            std::process::exit(status::INTERRUPTED.into())
        }
    };
    let result = match work {
        Work::Tasks(tasks) => run_on(&target, tasks, args, &mut signals, context).await,
        Work::Jobs(jobs) => match target.backend() {
            Ok(backend) => jobs.run(backend, &args.jobs, &mut signals, context).await,
            Err(error) => Err(error),
        },
    };
    target.stop().await?;
    result
}

async fn run_on(
    target: &Target,
    tasks: Vec<TaskInfo>,
    args: &Args,
    signals: &mut Signals,
    context: &Context,
) -> Result<u8, Error> {
    let backend = target.backend()?;
    let (reports, inbox) = mpsc::channel(64);
    let mut framework = Framework::ephemeral(format!("mesos run {}", args.name));
    if args.role != "*" {
        framework = framework.role(&args.role);
    }
    if let Some(user) = &args.user {
        framework = framework.user(user);
    }
    if args.gpus.is_some_and(|gpus| gpus > 0) {
        use mesos::v1::framework_info::capability::Type;
        framework = framework.capability(Type::GpuResources);
    }
    let names = tasks.iter().map(|task| task.task_id.clone()).collect();
    let agents = Agents {
        backend: backend.clone(),
        secure: target.is_secure(),
    };
    let driver = SchedulerDriver::start(Tasks::new(tasks, reports), framework, backend);
    let mut follow = Follow::new(names, agents, inbox, context);
    let code = follow.run(&driver, signals, args.time_limit).await;
    // In every case the framework is torn down with its tasks.
    follow.close();
    driver.stop();
    let end = driver.join().await;
    let code = code?;
    end?;
    Ok(code)
}
