//! `mesos-local up`: a cluster in the foreground.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use mesos_local::{DEFAULT_VERSION, LocalCluster};
use tokio::signal::unix::{SignalKind, signal};

/// How often the log is looked at with `-v`.
const LOG_EVERY: Duration = Duration::from_millis(200);

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The number of agents
    #[arg(long, default_value_t = 1)]
    agents: usize,
    /// The port on 127.0.0.1; 0 is any that is free
    #[arg(long, default_value_t = 5050)]
    port: u16,
    /// The release of Mesos
    #[arg(long, default_value = DEFAULT_VERSION)]
    version: String,
    /// Where all files go, and stay [default: a temporary directory, removed in the end]
    #[arg(long, value_name = "DIR")]
    work_dir: Option<PathBuf>,
    /// What each agent offers, such as 'cpus:4;mem:2048;ports:[31000-32000]'
    #[arg(long)]
    resources: Option<String>,
    /// A variable for master and agents, such as MESOS_ROLES=dev; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    env: Vec<(String, String)>,
    /// Print the log of Mesos
    #[arg(short, long)]
    verbose: bool,
}

fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("it has to be NAME=VALUE")?;
    Ok((name.into(), value.into()))
}

/// Runs until it is told to stop; the error is the message for the user.
pub(crate) fn run(arguments: Arguments) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| format!("cannot start: {error}"))?;
    runtime.block_on(up(arguments))
}

async fn up(arguments: Arguments) -> Result<(), String> {
    let listen = |kind| signal(kind).map_err(|error| format!("cannot handle signals: {error}"));
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    let mut stop = async || {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    let mut builder = LocalCluster::builder()
        .agents(arguments.agents)
        .port(arguments.port)
        .version(arguments.version);
    if let Some(directory) = arguments.work_dir {
        builder = builder.work_dir(directory);
    }
    if let Some(resources) = arguments.resources {
        builder = builder.resources(resources);
    }
    for (name, value) in arguments.env {
        builder = builder.env(name, value);
    }
    let cluster = tokio::select! {
        cluster = builder.start() => cluster.map_err(|error| error.report())?,
        // A download cannot be interrupted otherwise. A supervisor that is there already notices.
        () = stop() => std::process::exit(130),
    };
    describe(&cluster).map_err(|error| format!("cannot write to stdout: {error}"))?;
    let log = cluster.work_dir().join("cluster.log");
    let show_log = async {
        if arguments.verbose {
            follow(&log).await
        } else {
            std::future::pending().await
        }
    };
    tokio::select! {
        error = cluster.exited() => return Err(error.report()),
        error = show_log => return Err(format!("cannot read {}: {error}", log.display())),
        () = stop() => {}
    }
    eprintln!("stopping …");
    cluster.stop().await.map_err(|error| error.report())
}

fn describe(cluster: &LocalCluster) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "Mesos is up. Its master, as a scheduler has to be told:\n"
    )?;
    writeln!(out, "    {}\n", cluster.master_url())?;
    for number in 1..=cluster.agents() {
        writeln!(out, "agent {number} is {}", cluster.agent_url(number))?;
    }
    writeln!(
        out,
        "the log and all other files are in {}",
        cluster.work_dir().display()
    )?;
    writeln!(
        out,
        "try:  cargo run --example run -- --master {} 'echo hello'",
        cluster.master_url()
    )?;
    writeln!(out, "Ctrl-C stops the cluster and its tasks")?;
    out.flush()
}

/// Copies the growing file to stderr; returns only on an error.
async fn follow(path: &Path) -> io::Error {
    let copy = |file: &mut File| {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        io::stderr().write_all(&bytes)
    };
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) => return error,
    };
    loop {
        if let Err(error) = copy(&mut file) {
            return error;
        }
        tokio::time::sleep(LOG_EVERY).await;
    }
}
