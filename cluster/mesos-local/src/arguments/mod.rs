//! The settings of a cluster as options of a command line (feature `arguments`).

mod tls;
mod zookeeper;

use std::path::PathBuf;

use mesos_core::address::Ensemble;

pub use self::tls::Certificate;
pub use self::zookeeper::Registration;
use crate::{Builder, DEFAULT_VERSION, Error, LocalCluster};

/// The options of a program that starts a cluster, to be flattened into its arguments.
///
/// ```
/// use clap::Parser;
/// use mesos_local::arguments::ClusterArguments;
///
/// #[derive(Parser)]
/// struct Arguments {
///     #[command(flatten)]
///     cluster: ClusterArguments,
/// }
///
/// # fn main() -> Result<(), mesos_local::Error> {
/// let arguments = Arguments::parse_from(["program", "--agents", "2"]);
/// let certificate = arguments.cluster.certificate()?;
/// let builder = arguments.cluster.builder(certificate.as_ref());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, clap::Args)]
pub struct ClusterArguments {
    /// The number of agents
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    agents: usize,
    /// The port on 127.0.0.1; 0 is any free port
    #[arg(long, default_value_t = 5050)]
    port: u16,
    /// The release of Mesos
    #[arg(long, value_name = "VERSION", default_value = DEFAULT_VERSION, alias = "version")]
    release: String,
    /// The directory for all files, which are kept; by default a temporary directory, which is
    /// removed at the end
    #[arg(long, value_name = "DIR")]
    work_dir: Option<PathBuf>,
    /// What each agent offers, such as 'cpus:4;mem:2048;ports:[31000-32000]'; by default cpus:4,
    /// mem:2048, disk:4096 and an equal share of the ports from 31000 to 32000
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
    /// Run tasks on Docker images from this directory with archives NAME:TAG.tar, as docker save wrote
    /// them before Docker 25, or from this registry, such as `https://registry-1.docker.io`; needs root
    #[arg(long, value_name = "SOURCE")]
    images: Option<String>,
    /// Register the master in this running ZooKeeper, such as zk://127.0.0.1:2181/mesos
    #[arg(long, value_name = "ADDRESS")]
    zookeeper: Option<Ensemble>,
}

/// Without the secrets and the variables, which may contain secrets.
impl std::fmt::Debug for ClusterArguments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClusterArguments")
            .field("agents", &self.agents)
            .field("port", &self.port)
            .field("release", &self.release)
            .field("work_dir", &self.work_dir)
            .field("resources", &self.resources)
            .field("tls", &self.tls)
            .field("images", &self.images)
            .field("zookeeper", &self.zookeeper)
            .finish_non_exhaustive()
    }
}

impl ClusterArguments {
    /// With `--tls`, makes a certificate: in the work directory, else in a temporary directory.
    ///
    /// # Errors
    /// The files cannot be written.
    pub fn certificate(&self) -> Result<Option<Certificate>, Error> {
        let make = || Certificate::make(self.work_dir.as_deref());
        self.tls.then(make).transpose()
    }

    /// A cluster as the options describe it, with the certificate for `--tls`.
    pub fn builder(&self, certificate: Option<&Certificate>) -> Builder {
        let mut builder = LocalCluster::builder()
            .agents(self.agents)
            .port(self.port)
            .version(&self.release);
        if let Some(directory) = &self.work_dir {
            builder = builder.work_dir(directory);
        }
        if let Some(resources) = &self.resources {
            builder = builder.resources(resources);
        }
        for (name, value) in &self.env {
            builder = builder.env(name, value);
        }
        for (principal, secret) in &self.credential {
            builder = builder.credential(principal, secret);
        }
        if let Some(source) = &self.images {
            builder = builder.images(source);
        }
        if let Some(files) = certificate {
            builder = builder.tls(&files.certificate, &files.key, &files.authority);
        }
        builder
    }

    /// With `--zookeeper`, registers the master of this cluster, which was started with the
    /// certificate.
    ///
    /// # Errors
    /// The ZooKeeper does not answer within 10 s or refuses the node, or the master does not answer.
    pub async fn register(
        &self,
        cluster: &LocalCluster,
        certificate: Option<&Certificate>,
    ) -> Result<Option<Registration>, Error> {
        let Some(ensemble) = &self.zookeeper else {
            return Ok(None);
        };
        let authority = certificate.map(Certificate::authority);
        let registration = Registration::create(ensemble.clone(), cluster, authority).await?;
        Ok(Some(registration))
    }

    /// Whether frameworks need neither TLS nor a credential.
    pub fn is_open(&self) -> bool {
        !self.tls && self.credential.is_empty()
    }
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
