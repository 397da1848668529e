//! `mesos service run`: the scheduler.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use mesos::framework::store::{RedbState, RedbStateError};
use mesos::framework::{Manifest, Runner};
use mesos::status::{Listening, StatusPage};
use mesos::{ErrorKind, error_chain};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{interval, sleep, timeout};

use super::api::{Failure, Scheduler, Service};
use super::client::Client;
use super::directory::Directory;
use super::lines::{self, trouble};
use super::server::{self, End, Shared};
use super::{framework, show};
use crate::context::Context;
use crate::detach::{self, leave_session, report_ready};
use crate::error::{Code, Error};
use crate::output::{line, note};
use crate::signals::Signals;

/// Changes within this time are described together.
const TOGETHER: Duration = Duration::from_millis(50);
/// The interval between two checks of the connection.
const CHECK: Duration = Duration::from_secs(2);
/// How long open answers, such as a followed file, may delay the end.
const ANSWERS: Duration = Duration::from_secs(1);

const AFTER_HELP: &str = "\
Ctrl-C and SIGTERM end the scheduler, and the services continue. The same command adopts them within \
the failover timeout; --file is then only needed for changes. `mesos service down` also stops the \
services.";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// Keep the services of this file: YAML, TOML or JSON by its ending; `-` reads YAML or JSON from
    /// stdin
    #[arg(long, short, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Return when the scheduler runs; its messages are then in scheduler.log of its directory
    #[arg(long, short)]
    detach: bool,
    /// This process was started by `--detach`.
    #[arg(long, hide = true, conflicts_with = "detach")]
    detached: bool,
    /// Serve a page about the services at this address, such as 8080 for the loopback address. Everyone
    /// who can connect to the address can read commands, environments and output
    #[arg(long, value_name = "[HOST:]PORT", value_parser = address)]
    status: Option<SocketAddr>,
    /// The name of the framework
    #[arg(long)]
    name: Option<String>,
    /// A role whose resources are used, besides the roles of the services. May be repeated
    #[arg(long)]
    role: Vec<String>,
    /// Accept offers of agents with GPUs, also if no service of the file needs them
    #[arg(long)]
    gpus: bool,
    /// How long Mesos keeps the instances while the scheduler does not run
    #[arg(long, value_name = "DURATION", default_value = "7d", value_parser = humantime::parse_duration)]
    failover_timeout: Duration,
}

/// An address, or a port of the loopback address.
fn address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(port) = text.parse::<u16>() {
        return Ok(SocketAddr::from(([127, 0, 0, 1], port)));
    }
    let expected = "expected a port, or an IP address with a port such as 0.0.0.0:8080";
    let local = text.replace("localhost:", "127.0.0.1:");
    local.parse().map_err(|_| expected.to_owned())
}

pub(super) async fn run(
    args: &Args,
    directory: &Directory,
    context: &Context,
) -> Result<(), Error> {
    if args.detach {
        if args
            .file
            .as_ref()
            .is_some_and(|path| path.as_os_str() == "-")
        {
            return Err(Error::usage("a detached scheduler cannot read stdin")
                .hint("write the services to a file"));
        }
        // Before the log is touched, which would be that of the other scheduler.
        if let Ok(scheduler) = Client::new(directory).scheduler().await {
            return Err(in_use(&format!("process {} is", scheduler.pid), directory));
        }
        let log = directory.open_log()?;
        let scheduler: Scheduler = detach::start(Some(log)).await?;
        return show::started(&scheduler, context);
    }
    if args.detached {
        leave_session()?;
    }
    let mut signals = Signals::with_hangup()?;
    let (source, manifest) = match &args.file {
        Some(path) => framework::read(path)?,
        None => ("the scheduler".to_owned(), Manifest::default()),
    };
    let backend = context.cluster()?.backend()?;
    directory.create()?;
    let state = match RedbState::open(directory.state()) {
        Ok(state) => state,
        Err(error) => return Err(locked(&error, directory).await),
    };
    let mut settings = directory.settings()?;
    framework::extend(&mut settings, &manifest, &args.role);
    settings.gpus |= args.gpus;
    if args.name.is_some() {
        settings.name.clone_from(&args.name);
    }
    let framework = framework::framework(&settings, args.failover_timeout);
    if !manifest.services.is_empty() {
        let warnings = framework::check(&manifest, &framework);
        for warning in warnings.map_err(|error| error.context(&source))? {
            note(&warning);
        }
    } else if args.file.is_some() {
        return Err(Error::usage(format!("{source} has no services"))
            .hint("add the key services, which docs/jobs.md describes"));
    }
    directory.write(&settings)?;
    let runner = Runner::builder(framework.clone()).state(state);
    let runner = runner.start(backend).await?;
    let master = context.master()?.clone();
    let page = match args.status {
        Some(address) => Some(serve_page(&runner, &master, address).await?),
        None => None,
    };
    let (ends, end_requests) = mpsc::channel(1);
    let scheduler = Scheduler {
        pid: std::process::id(),
        framework: runner.framework_name().to_owned(),
        framework_id: None,
        master: context
            .cluster()?
            .settings
            .master
            .clone()
            .unwrap_or_default(),
        connection: String::new(),
        trouble: None,
        status_page: page.as_ref().map(Listening::url),
        directory: directory.path().display().to_string(),
    };
    let shared = Shared {
        runner: runner.clone(),
        master,
        scheduler,
        framework,
        ends,
    };
    let (close, closed) = oneshot::channel::<()>();
    let closed = async { drop(closed.await) };
    let mut server = tokio::spawn(server::serve(directory.listen()?, shared, closed));

    let result = async {
        let attempt = Attempt {
            args,
            directory,
            context,
        };
        attempt
            .start(
                &runner,
                &source,
                manifest,
                &mut signals,
                settings.subscribed,
            )
            .await?;
        settings.subscribed = true;
        directory.write(&settings)?;
        follow(&runner, &mut signals, end_requests).await
    };
    let result = result.await;
    drop(page);
    let end = match result {
        Ok(request) => finish(&runner, request, &mut signals).await,
        Err(error) => Err(error),
    };
    drop(close);
    let _ = timeout(ANSWERS, &mut server).await;
    let _ = std::fs::remove_file(directory.socket());
    end
}

async fn serve_page(
    runner: &Runner,
    master: &mesos::operator::MasterClient,
    address: SocketAddr,
) -> Result<Listening, Error> {
    let page = StatusPage::new(runner).logs(master.clone());
    let page = page.listen_on(address).await;
    page.map_err(|error| Error::usage(error.to_string()).hint("use another --status"))
}

/// Why the state cannot be opened.
async fn locked(error: &RedbStateError, directory: &Directory) -> Error {
    let failure = Error::new(Code::Failure, error_chain(error));
    if !matches!(error, RedbStateError::InUse { .. }) {
        return failure;
    }
    let process = match Client::new(directory).scheduler().await {
        Ok(scheduler) => format!("process {} is", scheduler.pid),
        Err(_) => "another process is".to_owned(),
    };
    in_use(&process, directory)
}

fn in_use(process: &str, directory: &Directory) -> Error {
    let directory = directory.path().display();
    let message = format!("{process} already the scheduler in {directory}");
    Error::new(Code::Failure, message).hint(
        "`mesos service update -f FILE` changes its services, `mesos service down` ends it; --state \
         selects another directory",
    )
}

/// What the start needs.
struct Attempt<'a> {
    args: &'a Args,
    directory: &'a Directory,
    context: &'a Context,
}

impl Attempt<'_> {
    /// Keeps the services of the file. A new framework waits for Mesos.
    async fn start(
        &self,
        runner: &Runner,
        source: &str,
        manifest: Manifest,
        signals: &mut Signals,
        known: bool,
    ) -> Result<(), Error> {
        if !known {
            tokio::select! {
                subscribed = subscribed(runner) => subscribed.map_err(explain)?,
                _ = signals.next() => return Err(Error::Exit(130)),
            }
        }
        let names: Vec<String> = manifest
            .services
            .iter()
            .map(|one| one.name.clone())
            .collect();
        for service in manifest.services {
            runner.keep(service).await.map_err(explain)?;
        }
        for service in runner.services().await.map_err(explain)? {
            if self.args.file.is_some() && !names.contains(&service.name) {
                let name = &service.name;
                note(&format!(
                    "{name} is not in {source} and continues; `mesos service stop {name}` stops it"
                ));
            }
        }
        let scheduler = Client::new(self.directory).scheduler().await?;
        match self.args.detached {
            true => report_ready(&scheduler),
            false => show::started(&scheduler, self.context),
        }
    }
}

async fn subscribed(runner: &Runner) -> mesos::Result<()> {
    let subscribed = async {
        while runner.framework_id().is_none() {
            sleep(TOGETHER).await;
        }
    };
    tokio::select! {
        () = subscribed => Ok(()),
        end = runner.join() => end,
    }
}

/// Describes what happens until the scheduler is to end. Returns the request, unless a signal ends it.
async fn follow(
    runner: &Runner,
    signals: &mut Signals,
    mut ends: mpsc::Receiver<End>,
) -> Result<Option<End>, Error> {
    let mut known: BTreeMap<String, Service> = BTreeMap::new();
    let mut activity = runner.activity();
    activity.mark_changed();
    let mut check = interval(CHECK);
    let mut last = None;
    loop {
        tokio::select! {
            _ = signals.next() => return Ok(None),
            Some(end) = ends.recv() => return Ok(Some(end)),
            end = runner.join() => {
                return match end {
                    Ok(()) => Err(Error::new(Code::Failure, "the scheduler has ended")),
                    Err(error) => Err(explain(error)),
                };
            }
            Ok(()) = activity.changed() => {
                sleep(TOGETHER).await;
                activity.mark_unchanged();
                // If the runner has ended, the next round finds the reason.
                let Ok(services) = runner.services().await else { continue };
                known = describe(known, services.iter().map(Service::from));
            }
            _ = check.tick() => {
                let trouble = trouble(runner);
                if trouble != last {
                    note(trouble.as_deref().unwrap_or("connected to Mesos"));
                    last = trouble;
                }
            }
        }
    }
}

/// Prints what has changed.
fn describe(
    mut known: BTreeMap<String, Service>,
    services: impl Iterator<Item = Service>,
) -> BTreeMap<String, Service> {
    let mut new = BTreeMap::new();
    for service in services {
        let old = known.remove(&service.name);
        for text in lines::changes(old.as_ref(), &service) {
            // Messages are from a cluster.
            note(line(&text).trim_end());
        }
        new.insert(service.name.clone(), service);
    }
    for name in known.keys() {
        note(&format!("{name}: removed"));
    }
    new
}

/// Ends the runner, and answers the request.
async fn finish(runner: &Runner, request: Option<End>, signals: &mut Signals) -> Result<(), Error> {
    let stop = request.as_ref().is_some_and(|end| !end.leave);
    note(match stop {
        true => "stopping all services …",
        false => "the scheduler ends, and the services continue; start it again to adopt them",
    });
    let end = async {
        match stop {
            true => runner.stop().await,
            false => runner.detach().await,
        }
    };
    let result = tokio::select! {
        end = end => end.map_err(Error::from),
        // The state has everything that is needed to continue.
        _ = signals.next() => return Err(Error::Exit(130)),
    };
    let Some(request) = request else {
        return result;
    };
    match result {
        Ok(()) => drop(request.reply.send(Ok(()))),
        Err(error) => {
            let failure = Failure::new(error);
            // The other program may have ended.
            let _ = request.reply.send(Err(failure.clone()));
            return Err(failure.into());
        }
    }
    Ok(())
}

/// What to do about an error of the runner.
fn explain(error: mesos::Error) -> Error {
    let hint = match error.kind() {
        ErrorKind::FrameworkRemoved | ErrorKind::FailoverTimeout => {
            "Mesos has killed the instances; remove state.redb and scheduler.json from the directory \
             of --state to begin again"
        }
        _ => return error.into(),
    };
    Error::from(error).hint(hint)
}
