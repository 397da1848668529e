//! `mesos-local up`: a cluster in the foreground.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::time::Duration;

use mesos_local::LocalCluster;
use mesos_local::arguments::{Certificate, ClusterArguments, Registration};
use tokio::signal::unix::{SignalKind, signal};

/// How often the log is read with `-v`.
const LOG_EVERY: Duration = Duration::from_millis(200);

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    cluster: ClusterArguments,
    /// Print the log of Mesos
    #[arg(short, long)]
    verbose: bool,
}

/// Runs until a signal comes; the error is the message for the user.
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
    let certificate = arguments.cluster.certificate();
    let certificate = certificate.map_err(|error| error.report())?;
    let authority = certificate.as_ref().map(Certificate::authority);
    let open = arguments.cluster.is_open();
    let verbose = arguments.verbose;
    let cluster = tokio::select! {
        cluster = arguments.cluster.builder(certificate.as_ref()).start() => {
            cluster.map_err(|error| error.report())?
        }
        () = stop() => {
            drop(certificate);
            // Nothing else interrupts a download. A supervisor notices the end of this process.
            std::process::exit(130)
        }
    };
    let registration = arguments.cluster.register(&cluster, certificate.as_ref());
    let registration = registration.await.map_err(|error| error.report())?;
    let zookeeper = registration.as_ref().map(Registration::address);
    describe(&cluster, authority, zookeeper, open)
        .map_err(|error| format!("cannot write to stdout: {error}"))?;
    let log = cluster.work_dir().join("cluster.log");
    let show_log = async {
        if verbose {
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
    if let Some(registration) = registration {
        registration.remove().await;
    }
    cluster.stop().await.map_err(|error| error.report())
}

/// Prints what a user needs to know. `open`: frameworks need neither TLS nor a credential.
fn describe(
    cluster: &LocalCluster,
    authority: Option<&Path>,
    zookeeper: Option<&str>,
    open: bool,
) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "Mesos is up. The address of its master:\n")?;
    writeln!(out, "    {}\n", cluster.master_url())?;
    for number in 1..=cluster.agents() {
        writeln!(out, "agent {number} is {}", cluster.agent_url(number))?;
    }
    if let Some(zookeeper) = zookeeper {
        writeln!(out, "the master is registered at {zookeeper}")?;
    }
    if let Some(authority) = authority {
        writeln!(out, "clients have to trust {}", authority.display())?;
    }
    writeln!(
        out,
        "the log and all other files are in {}",
        cluster.work_dir().display()
    )?;
    if open {
        writeln!(
            out,
            "try:  cargo run -p mesos-cli -- run --master {} 'echo hello'",
            cluster.master_url()
        )?;
    }
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
