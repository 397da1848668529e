//! The settings of a cluster, and its start.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::link::Link;
use super::resources::Resources;
use super::security::{self, Secret, Security, Tls};
use super::work_dir::{STAND_INS_DIR, WorkDir};
use super::{LocalCluster, environment, images};
use crate::error::{Error, ErrorKind};
use crate::libmesos::{libmesos_blocking, openssl, released};
use crate::libraries::{
    has_sasl, needs_libevent, remove_sasl_stand_in, require_libevent, write_libevent, write_openssl,
};
use crate::programs::Programs;
use crate::release::DEFAULT_VERSION;
use crate::wire::{Config, port_message};

/// All agents are in one process. With many more agents a start would exceed its timeout.
const MOST_AGENTS: usize = 100;

/// Practically unlimited, and short enough to be added to another time.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The settings of a [`LocalCluster`]. The defaults suit a test.
#[derive(Clone, Debug)]
pub struct Builder {
    agents: usize,
    port: u16,
    version: String,
    resources: Resources,
    attributes: Vec<String>,
    environment: BTreeMap<String, String>,
    work_dir: Option<PathBuf>,
    ready_timeout: Duration,
    stop_grace: Duration,
    security: Security,
    images: Option<String>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            agents: 1,
            port: 0,
            version: DEFAULT_VERSION.into(),
            resources: Resources::Default,
            attributes: Vec::new(),
            environment: BTreeMap::new(),
            work_dir: None,
            ready_timeout: Duration::from_secs(60),
            stop_grace: Duration::from_secs(3),
            security: Security::default(),
            images: None,
        }
    }
}

impl Builder {
    /// The number of agents, up to 100; by default 1. With 0 the cluster is a master alone.
    pub fn agents(mut self, agents: usize) -> Self {
        self.agents = agents;
        self
    }

    /// The TCP port on the loopback interface; 0, the default, is any free port.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The release of Mesos, one of [`versions`](crate::versions); by default
    /// [`DEFAULT_VERSION`]. Ignored if `MESOS_NATIVE_LIBRARY` names the library.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// What each agent offers, in the syntax of Mesos' flag `--resources` (mem and disk in MB).
    ///
    /// By default each agent offers `cpus:4;mem:2048;disk:4096`, whatever the machine has, and an
    /// equal share of the ports from 31000 to 32000. All agents are on one machine, so agents that
    /// offer the same ports can hand a port out twice; an explicit value is the same for each agent.
    pub fn resources(mut self, resources: impl Into<String>) -> Self {
        self.resources = Resources::Given(resources.into());
        self
    }

    /// The attributes of the agents, in the syntax of Mesos' flag `--attributes`. The texts are given
    /// to the agents in turn: with `["rack:r1", "rack:r2"]`, every second agent is in rack r2. The
    /// order of the agents is not the order of their numbers.
    pub fn attributes<T: Into<String>>(mut self, texts: impl IntoIterator<Item = T>) -> Self {
        self.attributes = texts.into_iter().map(Into::into).collect();
        self
    }

    /// A variable in the environment of the cluster process: any flag of a master or an agent as
    /// `MESOS_…`, or a `LIBPROCESS_…` variable. It overrides the value that this crate sets.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.insert(name.into(), value.into());
        self
    }

    /// The directory for all files of the cluster. It is created if it does not exist, and kept at the
    /// end. The default is a temporary directory, which is removed at the end unless the cluster failed.
    pub fn work_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.work_dir = Some(directory.into());
        self
    }

    /// The timeout of a start and of a restart, up to a day; by default 60 s. A download does not
    /// count.
    pub fn ready_timeout(mut self, timeout: Duration) -> Self {
        self.ready_timeout = timeout.min(LONGEST);
        self
    }

    /// The time between SIGTERM and SIGKILL for tasks at [`LocalCluster::stop`], up to a day; by
    /// default 3 s.
    pub fn stop_grace(mut self, grace: Duration) -> Self {
        self.stop_grace = grace.min(LONGEST);
        self
    }

    /// Adds a principal and its secret. Then the master accepts HTTP frameworks only with one of the
    /// added credentials, by HTTP basic authentication. Agents and the operator API need no
    /// credential.
    pub fn credential(mut self, principal: impl Into<String>, secret: impl Into<String>) -> Self {
        let credential = (principal.into(), Secret(secret.into()));
        self.security.credentials.push(credential);
        self
    }

    /// The master accepts frameworks over libmesos, too, only with one of the added
    /// [credentials](Self::credential), by CRAM-MD5. This needs libsasl2 with that mechanism on this
    /// machine (in Debian, the packages libsasl2-2 and libsasl2-modules).
    pub fn driver_authentication(mut self) -> Self {
        self.security.drivers = true;
        self
    }

    /// Agents accept executors only with the token that the agent has given to the executor. Downloads
    /// an OpenSSL (2.7 MB) the first time, like [`tls`](Self::tls).
    pub fn executor_authentication(mut self) -> Self {
        self.security.executors = true;
        self
    }

    /// Master and agents accept TLS connections only, with the certificate (ECDSA or RSA) and the key
    /// in these PEM files. Executors trust the certificates in the file `authority`. The certificate
    /// must be for the IP address 127.0.0.1.
    ///
    /// The cipher suites are not Mesos' default ones, which few TLS libraries still support; the
    /// variable `LIBPROCESS_SSL_CIPHERS` (see [`env`](Self::env)) sets others.
    pub fn tls(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
        authority: impl Into<PathBuf>,
    ) -> Self {
        self.security.tls = Some(Tls {
            certificate: certificate.into(),
            key: key.into(),
            authority: authority.into(),
        });
        self
    }

    /// The agents run tasks on the filesystems of Docker images, which come from `source`: a directory
    /// with an archive `NAME:TAG.tar` for each image, as `docker save` wrote before Docker 25, or the
    /// address of a registry, such as `https://registry-1.docker.io`. By default, agents have no images.
    ///
    /// The agents use the Linux launcher and the isolators `filesystem/linux` and `docker/runtime`.
    /// That needs root, and the freezer of cgroups version 1. The mounts are in a mount namespace of the
    /// cluster, so the host does not see them. Containers use the network of the host.
    /// Images are copied for each container; the variable `MESOS_IMAGE_PROVISIONER_BACKEND` (see
    /// [`env`](Self::env)) chooses another way, such as `overlay`.
    pub fn images(mut self, source: impl Into<String>) -> Self {
        self.images = Some(source.into());
        self
    }

    /// Starts the cluster, and returns when the master and all agents are ready. This takes about a
    /// second, plus the download the first time.
    ///
    /// Must be called within a tokio runtime. Dropping the future ends all started processes.
    ///
    /// # Errors
    /// Every [`ErrorKind`] except `Exited`. The work directory of a cluster that did not start is kept,
    /// and the error names the log in it.
    pub async fn start(self) -> Result<LocalCluster, Error> {
        let agents = self.agents;
        let scheme = match self.security.tls {
            Some(_) => "https",
            None => "http",
        };
        let (link, work_dir) = crate::blocking(move || {
            self.check()?;
            let library = libmesos_blocking(&self.version)?;
            self.launch(&library, &Programs::find()?)
        })
        .await?;
        LocalCluster::start(link, scheme, agents, work_dir).await
    }

    /// Refuses invalid settings before anything is downloaded or built.
    fn check(&self) -> Result<(), Error> {
        if self.agents > MOST_AGENTS {
            let message = format!(
                "a local cluster can have up to {MOST_AGENTS} agents, not {}",
                self.agents
            );
            return Err(Error::new(ErrorKind::Config, message));
        }
        if let Some(name) = self
            .environment
            .keys()
            .find(|name| name.is_empty() || name.contains(['=', '\0']))
        {
            let message = format!("{name:?} cannot be the name of an environment variable");
            return Err(Error::new(ErrorKind::Config, message));
        }
        if self.security.drivers && !has_sasl() {
            let message = "drivers cannot be authenticated: this machine has no libsasl2 with CRAM-MD5; \
                           install it (in Debian, libsasl2-2 and libsasl2-modules)";
            return Err(Error::new(ErrorKind::Config, message));
        }
        if self.security.drivers && self.security.credentials.is_empty() {
            let message = "drivers cannot be authenticated without a credential: add one";
            return Err(Error::new(ErrorKind::Config, message));
        }
        if let Some(source) = &self.images {
            images::check(source)?;
        }
        // The supervisor checks this again. Here the error comes before a download.
        match TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)) {
            Ok(_) => Ok(()),
            Err(cause) => Err(port_unusable(self.port, cause)),
        }
    }

    /// Creates the work directory and starts the supervisor.
    fn launch(self, library: &Path, programs: &Programs) -> Result<(Link, PathBuf), Error> {
        let WorkDir {
            path: work_dir,
            temporary,
        } = WorkDir::prepare(self.work_dir.as_deref(), programs)?;
        let utf8 = |path: &Path| {
            path.to_str().map(str::to_owned).ok_or_else(|| {
                let message = format!(
                    "the path {} is not UTF-8, so Mesos cannot use it",
                    path.display()
                );
                Error::new(ErrorKind::Config, message)
            })
        };
        let unwritable = |cause| {
            let message = format!("cannot write to {}", work_dir.display());
            Error::because(ErrorKind::Config, message, cause)
        };
        let mut program = vec![utf8(&programs.local)?, "cluster".into(), "--library".into()];
        // The dependencies of an installed libmesos are installed too.
        if let Some((member, version)) = released(library, &self.version) {
            let stand_ins = work_dir.join(STAND_INS_DIR);
            if self.security.needs_openssl() {
                write_openssl(&stand_ins, &openssl()?).map_err(unwritable)?;
            }
            if needs_libevent(version) {
                require_libevent(version)?;
                write_libevent(&stand_ins).map_err(unwritable)?;
            }
            if self.security.drivers {
                remove_sasl_stand_in(&stand_ins).map_err(unwritable)?;
            }
            program.extend([utf8(&member)?, "--stand-ins".into(), utf8(&stand_ins)?]);
        } else {
            program.push(utf8(library)?);
        }
        if self.security.drivers {
            let credentials = utf8(&security::credentials(&work_dir))?;
            program.extend(["--credentials".into(), credentials]);
        }
        program.extend([
            "--timeout".into(),
            self.ready_timeout.as_secs_f64().to_string(),
        ]);
        let pipe = work_dir.join("resources");
        let (resources, texts) = self.resources.variable(self.agents, &pipe);
        if !texts.is_empty() && !self.environment.contains_key("MESOS_RESOURCES") {
            program.extend(["--resources-pipe".into(), utf8(&pipe)?]);
            program.extend(
                texts
                    .into_iter()
                    .flat_map(|text| ["--resources".into(), text]),
            );
        }
        let mut environment = environment::variables(&utf8(&work_dir)?, self.agents, &resources);
        if !self.attributes.is_empty() {
            let pipe = utf8(&work_dir.join("attributes"))?;
            environment.insert("MESOS_ATTRIBUTES".into(), format!("file://{pipe}"));
            program.extend(["--attributes-pipe".into(), pipe]);
            let each = |text| [format!("--attributes={text}")];
            program.extend(self.attributes.into_iter().flat_map(each));
        }
        if let Some(source) = &self.images {
            environment.extend(images::variables(&utf8(&work_dir)?, source));
            program.push("--own-mounts".into());
        }
        environment.extend(self.security.prepare(&work_dir).map_err(unwritable)?);
        environment.extend(self.environment);
        let config = Config {
            work_dir: work_dir.clone(),
            remove_work_dir: temporary,
            port: self.port,
            program,
            environment,
            ready_timeout: self.ready_timeout,
            stop_grace: self.stop_grace,
        };
        Ok((Link::start(&programs.local, &config)?, work_dir))
    }
}

/// The error of a port that cannot be bound.
fn port_unusable(port: u16, cause: std::io::Error) -> Error {
    Error::because(ErrorKind::PortInUse, port_message(port), cause)
}
