//! `mesos-local cluster`: the process that contains master and agents. The supervisor starts it with
//! all flags of Mesos in its environment, and ends it with a signal.

use std::env;
use std::fs::File;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use mesos_http::{OperatorClient, TlsConfig};
use mesos_local::wire::{FAILED, READY};
use mesos_native::local::Local;
use mesos_native::{Library, LibraryError};
use mesos_proto::v1::{Credential, master};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::getppid;

use crate::resources;

/// The timeout of the request for the registered agents, which is then repeated.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The arguments; see [`wire::Config`](mesos_local::wire::Config).
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The libmesos to load.
    #[arg(long)]
    library: PathBuf,
    /// The directory of stand-ins for the shared libraries that libmesos needs.
    #[arg(long)]
    stand_ins: Option<PathBuf>,
    /// How long the start may take, in seconds.
    #[arg(long)]
    timeout: f64,
    /// A file with credentials for a master that authenticates drivers. This process uses the first
    /// one.
    #[arg(long)]
    credentials: Option<PathBuf>,
    /// The pipe from which the agents read their resources, which `MESOS_RESOURCES` names.
    #[arg(long, requires = "resources")]
    resources_pipe: Option<PathBuf>,
    /// The resources of each agent, in order.
    #[arg(long, requires = "resources_pipe")]
    resources: Vec<String>,
    /// The pipe from which the agents read their attributes, which `MESOS_ATTRIBUTES` names.
    #[arg(long, requires = "attributes")]
    attributes_pipe: Option<PathBuf>,
    /// The attributes of each agent, in order.
    #[arg(long, requires = "attributes_pipe")]
    attributes: Vec<String>,
    /// Mount only in a mount namespace of this process and its containers.
    #[arg(long)]
    own_mounts: bool,
    /// The process that has to be the parent of this one.
    #[arg(long)]
    supervisor: i32,
}

/// Runs until a signal arrives or the supervisor ends.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    if !end_with_parent(arguments.supervisor) {
        return ExitCode::FAILURE;
    }
    let mut report = match take_stdout() {
        Ok(report) => report,
        Err(error) => {
            eprintln!("cannot redirect stdout: {error}");
            return ExitCode::FAILURE;
        }
    };
    // Before there is another thread, which would keep the namespace of the host.
    if arguments.own_mounts
        && let Err(error) = leave_mounts()
    {
        let reason = format!("{FAILED}cannot make a mount namespace: {error}");
        send(&mut report, &reason);
        return ExitCode::FAILURE;
    }
    for (pipe, texts) in [
        (&arguments.resources_pipe, &arguments.resources),
        (&arguments.attributes_pipe, &arguments.attributes),
    ] {
        if let Some(pipe) = pipe
            && let Err(error) = resources::serve(pipe.clone(), texts.clone())
        {
            send(&mut report, &format!("{FAILED}cannot make a pipe: {error}"));
            return ExitCode::FAILURE;
        }
    }
    // To the same log as Mesos' own.
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    let started = load(arguments).and_then(|library| {
        let timeout = Duration::try_from_secs_f64(arguments.timeout).unwrap_or(Duration::MAX);
        let mut registered = Registered::new();
        let credential = arguments.credentials.as_deref().and_then(first);
        Local::start_with(&library, timeout, credential.as_ref(), |master| {
            registered.count(master)
        })
    });
    match started {
        Ok(_cluster) => {
            send(&mut report, READY);
            loop {
                std::thread::park();
            }
        }
        Err(error) => {
            let reason = error.to_string().replace('\n', " ");
            send(&mut report, &format!("{FAILED}{reason}"));
            ExitCode::FAILURE
        }
    }
}

/// Requests the agents from the master, because agents without free resources make no offer.
struct Registered(Option<tokio::runtime::Runtime>);

impl Registered {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        Self(runtime.ok())
    }

    /// The number of active agents. `None` if the master refuses: it may authenticate operators.
    fn count(&mut self, master: SocketAddr) -> Option<usize> {
        let call = master::Call {
            r#type: Some(master::call::Type::GetAgents.into()),
            ..Default::default()
        };
        let answer = self
            .0
            .as_ref()?
            .block_on(client(master)?.call_master(&call));
        let agents = answer.ok()?.get_agents?.agents;
        Some(agents.iter().filter(|agent| agent.active).count())
    }
}

/// A client of this process's own master, with TLS if the environment enables it.
fn client(master: SocketAddr) -> Option<OperatorClient> {
    let secure = env::var_os("LIBPROCESS_SSL_ENABLED").is_some_and(|on| on == "1" || on == "true");
    let scheme = if secure { "https" } else { "http" };
    let url = format!("{scheme}://{master}/master");
    let client = OperatorClient::new(url.parse().ok()?).response_timeout(TIMEOUT);
    if !secure {
        return Some(client);
    }
    // The server is this process, so its certificate proves nothing.
    let tls = TlsConfig::new().danger_accept_any_certificate();
    let files = ["LIBPROCESS_SSL_CERT_FILE", "LIBPROCESS_SSL_KEY_FILE"].map(env::var_os);
    Some(client.tls(match files {
        [Some(certificate), Some(key)] => tls.client_certificate(certificate, key),
        _ => tls,
    }))
}

/// The first of the credentials in a file that the library has written.
fn first(file: &Path) -> Option<Credential> {
    let text = std::fs::read(file).ok()?;
    let all: serde_json::Value = serde_json::from_slice(&text).ok()?;
    let first = all.get("credentials")?.get(0)?;
    Some(Credential {
        principal: first.get("principal")?.as_str()?.to_owned(),
        secret: Some(first.get("secret")?.as_str()?.to_owned()),
    })
}

fn load(arguments: &Arguments) -> Result<Library, LibraryError> {
    match &arguments.stand_ins {
        Some(directory) => Library::open_with(&arguments.library, directory),
        None => Library::open(&arguments.library),
    }
}

/// Returns the pipe to the supervisor, and redirects stdout to the log. Mesos passes its own stdout to
/// the containers of a local cluster (src/slave/containerizer/mesos/io/switchboard.cpp), and their
/// output must not be mistaken for a report.
fn take_stdout() -> io::Result<File> {
    let report = io::stdout().as_fd().try_clone_to_owned()?;
    nix::unistd::dup2_stdout(io::stderr())?;
    Ok(File::from(report))
}

/// Enters a new mount namespace. Mounts of the host still reach the namespace.
fn leave_mounts() -> nix::Result<()> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    let none: Option<&str> = None;
    mount(none, "/", none, MsFlags::MS_SLAVE | MsFlags::MS_REC, none)
}

/// Writes a report. If the supervisor has ended, this process ends soon.
fn send(report: &mut File, line: &str) {
    let _ = writeln!(report, "{line}");
}

/// Has the kernel kill this process when its parent ends. Returns false if the parent has ended.
fn end_with_parent(parent: i32) -> bool {
    prctl::set_pdeathsig(Signal::SIGKILL).is_ok() && getppid().as_raw() == parent
}
