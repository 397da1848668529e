//! Real clusters, one per case at a time. Starting one costs about a second of CPU, so a cluster
//! that a case has left clean is used again.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use async_trait::async_trait;
use mesos_conformance::{Cluster, ClusterKind, Clusters, Requirement};
use mesos_core::BoxError;
use mesos_local::{Builder, Error, LocalCluster};

use crate::certificates::Certificates;
use crate::cluster::{Leased, Running};

/// The source of the cases' clusters. Dropping the last clone stops the unused clusters.
#[derive(Clone, Debug)]
pub(crate) struct Pool(Arc<Shared>);

#[derive(Debug)]
pub(crate) struct Shared {
    /// The shell command of executors.
    executor: String,
    version: String,
    idle: Mutex<Vec<(ClusterKind, Running)>>,
    certificates: OnceLock<Certificates>,
    logs: AtomicUsize,
}

impl Pool {
    /// Clusters of this release whose executors are started as `program --executor`.
    pub(crate) fn new(program: impl Into<PathBuf>, version: impl Into<String>) -> Self {
        Self::with_executors(program.into(), version.into(), "")
    }

    /// The same with executors over this libmesos.
    pub(crate) fn with_native_executors(
        program: impl Into<PathBuf>,
        version: impl Into<String>,
        libmesos: &Path,
    ) -> Self {
        let arguments = format!(" '{}'", libmesos.display());
        Self::with_executors(program.into(), version.into(), &arguments)
    }

    fn with_executors(program: PathBuf, version: String, arguments: &str) -> Self {
        Self(Arc::new(Shared {
            executor: format!("exec '{}' --executor{arguments}", program.display()),
            version,
            idle: Mutex::default(),
            certificates: OnceLock::new(),
            logs: AtomicUsize::new(0),
        }))
    }

    /// Starts a first cluster, to find out whether clusters can run here.
    ///
    /// # Errors
    /// The error of the start.
    pub(crate) async fn probe(&self) -> Result<(), Error> {
        let running = self.0.start(self.0.builder()).await?;
        self.0.idle().push((ClusterKind::Plain, running));
        Ok(())
    }
}

impl Shared {
    fn idle(&self) -> MutexGuard<'_, Vec<(ClusterKind, Running)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn give_back(&self, wanted: ClusterKind, running: Running) {
        self.idle().push((wanted, running));
    }

    /// The path for a log to keep.
    pub(crate) fn log(&self) -> PathBuf {
        let number = self.logs.fetch_add(1, Ordering::Relaxed);
        let name = format!("mesos-conformance-{}-{number}.log", std::process::id());
        std::env::temp_dir().join(name)
    }

    fn builder(&self) -> Builder {
        LocalCluster::builder()
            .version(&self.version)
            // Overrides the setting for libmesos in this process.
            .env("MESOS_LOGGING_LEVEL", "INFO")
    }

    async fn start(&self, builder: Builder) -> Result<Running, Error> {
        Ok(Running {
            cluster: builder.agents(2).start().await?,
            executor: self.executor.clone(),
            authority: None,
        })
    }

    async fn start_kind(&self, wanted: ClusterKind) -> Result<Running, BoxError> {
        let builder = self.builder();
        match wanted {
            ClusterKind::Plain => Ok(self.start(builder).await?),
            ClusterKind::Authenticated | ClusterKind::AuthenticatedDrivers => {
                let mut builder = builder
                    .credential("me", "hush hush")
                    .env("MESOS_ROLES", "a,b");
                if wanted == ClusterKind::AuthenticatedDrivers {
                    builder = builder.driver_authentication();
                }
                Ok(self.start(builder).await?)
            }
            ClusterKind::Tls => {
                let certificates = match self.certificates.get() {
                    Some(certificates) => certificates,
                    None => {
                        let made = Certificates::make()?;
                        self.certificates.get_or_init(|| made)
                    }
                };
                let authority = certificates.authority();
                let builder =
                    builder.tls(certificates.certificate(), certificates.key(), &authority);
                Ok(Running {
                    authority: Some(authority),
                    ..self.start(builder).await?
                })
            }
            other => Err(format!("clusters of the kind {other:?} are not available").into()),
        }
    }
}

#[async_trait]
impl Clusters for Pool {
    fn version(&self) -> &str {
        &self.0.version
    }

    fn missing(&self, requirement: Requirement) -> Option<&'static str> {
        let old = mesos_local::needs_libevent(&self.0.version);
        (old && requirement == Requirement::Tls)
            .then_some("before Mesos 1.8, TLS needs a libevent that was built with OpenSSL 1.0")
    }

    async fn cluster(&self, wanted: ClusterKind) -> Result<Arc<dyn Cluster>, BoxError> {
        let used = {
            let mut idle = self.0.idle();
            let place = idle.iter().position(|(kind, _)| *kind == wanted);
            place.map(|place| idle.swap_remove(place).1)
        };
        let used = match used {
            Some(used) if used.clean().await.is_ok() => Some(used),
            _ => None,
        };
        let running = match used {
            Some(used) => used,
            None => self.0.start_kind(wanted).await?,
        };
        Ok(Arc::new(Leased::new(wanted, running, Arc::clone(&self.0))))
    }
}
