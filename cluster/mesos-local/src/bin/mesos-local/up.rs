//! `mesos-local up`: a cluster in the foreground.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use mesos_core::address::Ensemble;
use mesos_http::{Endpoint, OperatorClient, TlsConfig};
use mesos_local::{Builder, DEFAULT_VERSION, LocalCluster};
use tokio::signal::unix::{SignalKind, signal};

use crate::tls;
use crate::zookeeper::{Registration, master_info};

/// How often the log is read with `-v`.
const LOG_EVERY: Duration = Duration::from_millis(200);

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The number of agents
    #[arg(long, default_value_t = 1)]
    agents: usize,
    /// The port on 127.0.0.1; 0 is any free port
    #[arg(long, default_value_t = 5050)]
    port: u16,
    /// The release of Mesos
    #[arg(long, default_value = DEFAULT_VERSION)]
    version: String,
    /// The directory for all files, which are kept [default: a temporary directory, removed at the
    /// end]
    #[arg(long, value_name = "DIR")]
    work_dir: Option<PathBuf>,
    /// What each agent offers, such as 'cpus:4;mem:2048;ports:[31000-32000]' [default: cpus:4;
    /// mem:2048;disk:4096 and an equal share of the ports from 31000 to 32000]
    #[arg(long)]
    resources: Option<String>,
    /// A variable for master and agents, such as MESOS_ROLES=dev; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    env: Vec<(String, String)>,
    /// Encrypt all connections with TLS, by a new certificate for 127.0.0.1
    #[arg(long)]
    tls: bool,
    /// Accept HTTP frameworks only with this credential; may be repeated
    #[arg(long, value_name = "PRINCIPAL:SECRET", value_parser = credential)]
    credential: Vec<(String, String)>,
    /// Register the master in this ZooKeeper, which must be running
    #[arg(long, value_name = "zk://HOST:PORT/PATH")]
    zookeeper: Option<Ensemble>,
    /// Print the log of Mesos
    #[arg(short, long)]
    verbose: bool,
}

fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE")?;
    Ok((name.into(), value.into()))
}

fn credential(text: &str) -> Result<(String, String), String> {
    // Not quoted: it may be a secret.
    let wrong = "write it as PRINCIPAL:SECRET";
    let (principal, secret) = text.split_once(':').ok_or(wrong)?;
    if principal.is_empty() || secret.is_empty() {
        return Err(wrong.into());
    }
    Ok((principal.into(), secret.into()))
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
    let certificate = match arguments.tls {
        true => Some(tls::make(arguments.work_dir.as_deref())?),
        false => None,
    };
    let authority = certificate.as_ref().map(|files| files.authority.clone());
    let open = certificate.is_none() && arguments.credential.is_empty();
    let verbose = arguments.verbose;
    let zookeeper = arguments.zookeeper.clone();
    let cluster = tokio::select! {
        cluster = builder(arguments, certificate.as_ref()).start() => {
            cluster.map_err(|error| error.report())?
        }
        () = stop() => {
            drop(certificate);
            // Nothing else interrupts a download. A supervisor notices the end of this process.
            std::process::exit(130)
        }
    };
    let registration = match &zookeeper {
        Some(ensemble) => {
            let client = operator(&cluster, authority.as_deref())?;
            let info = master_info(client).await?;
            Some(Registration::create(ensemble.clone(), &info).await?)
        }
        None => None,
    };
    describe(&cluster, authority.as_deref(), zookeeper.as_ref(), open)
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

fn builder(arguments: Arguments, certificate: Option<&tls::Files>) -> Builder {
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
    for (principal, secret) in arguments.credential {
        builder = builder.credential(principal, secret);
    }
    if let Some(files) = certificate {
        builder = builder.tls(&files.certificate, &files.key, &files.authority);
    }
    builder
}

fn operator(cluster: &LocalCluster, authority: Option<&Path>) -> Result<OperatorClient, String> {
    let endpoint = cluster.master_url().parse::<Endpoint>();
    let client = OperatorClient::for_endpoint(endpoint.map_err(|error| error.to_string())?);
    Ok(match authority {
        Some(authority) => client.tls(TlsConfig::new().ca_file(authority)),
        None => client,
    })
}

/// Prints what a user needs to know. `open`: frameworks need neither TLS nor a credential.
fn describe(
    cluster: &LocalCluster,
    authority: Option<&Path>,
    zookeeper: Option<&Ensemble>,
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
