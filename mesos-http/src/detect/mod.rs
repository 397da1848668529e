//! Finding the leading master: from what users write as their Mesos' address,
//! now and again whenever the leader changes.
//!
//! [`Master`] is such an address, [`HttpBackend::detect`](crate::HttpBackend::detect)
//! takes one:
//!
//! ```
//! use mesos_http::{HttpBackend, Master};
//!
//! let master: Master = "http://10.0.0.1:5050,http://10.0.0.2:5050".parse()?;
//! let backend = HttpBackend::detect(master);
//! # let _ = backend;
//! # Ok::<(), mesos_http::EndpointError>(())
//! ```
//!
//! # What happens with it
//! For each subscription the leader is looked up. If none is known, the attempt
//! waits for one as long as it may take to connect
//! ([`connect_timeout`](crate::HttpBackend::connect_timeout)) and then fails
//! with [`ErrorKind::NotLeader`](mesos_core::ErrorKind), which is worth another
//! attempt. What is found is only where to ask: a master that is not the leader
//! (any more) redirects to it, and is followed; one that was elected a moment
//! ago answers 503 until it has read its registry. Both are left to the next
//! attempt if they last.
//!
//! Several masters are asked one after the other, the one first that took the
//! last subscription, until one takes this one.
//!
//! While a subscription lasts, the leader is watched. When another one appears,
//! the subscription ends, with `NotLeader` again, so that the next one is at
//! the new leader: the old one may be cut off without our connection knowing.
//! Mesos' own library does the same (`detected` in src/scheduler/scheduler.cpp),
//! and also ends it when the leader vanishes. This one does not: nobody else
//! could be asked then, and who lost its leadership ends its process, and our
//! stream with it. So a scheduler that is cut off from ZooKeeper alone goes on
//! working.
//!
//! News of another leader than the last attempt knew also cut the wait before
//! the next one short
//! ([`Backend::news`](mesos_core::backend::Backend::news)). What is written to a
//! file is none: it is read for each attempt.
//!
//! # Detectors
//! [`Detector`] is what is below: a way of one's own to find the leader is
//! given to [`HttpBackend::with_detector`](crate::HttpBackend::with_detector).

mod file;
mod leader;
mod master;
mod settings;
#[cfg(feature = "zookeeper")]
pub mod zookeeper;

use std::fmt;
use std::sync::Arc;

use mesos_core::Result;
use tokio::sync::watch;

use self::file::File;
pub(crate) use self::leader::{Leader, Sighting};
use self::master::Address;
pub use self::master::Master;
use crate::endpoint::Endpoint;

/// What a [`Detector`] knows of the leader.
///
/// `Ok` are the masters to ask, in this order: the leader, or several of which
/// one should be the leader or know it. None at all means the same as an error
/// of kind [`NotLeader`](mesos_core::ErrorKind::NotLeader).
///
/// `Err` says why none is known. If it
/// [can be retried](mesos_core::Error::is_retryable), subscribing waits for
/// better; if it cannot, as with wrong credentials, that is the end of it.
pub type Detection = Result<Vec<Endpoint>>;

/// Knows the leading master, and when it changes.
///
/// ```
/// use mesos_http::HttpBackend;
/// use mesos_http::detect::{Detection, Detector};
/// use tokio::sync::watch;
///
/// /// Told by whoever holds the sender.
/// #[derive(Debug)]
/// struct Told(watch::Receiver<Detection>);
///
/// impl Detector for Told {
///     fn watch(&self) -> watch::Receiver<Detection> {
///         self.0.clone()
///     }
/// }
///
/// let (tell, told) = watch::channel(Ok(vec!["http://10.0.0.1:5050".parse()?]));
/// let backend = HttpBackend::with_detector(Told(told));
/// let _ = tell.send(Ok(vec!["http://10.0.0.2:5050".parse()?]));
/// # let _ = backend;
/// # Ok::<(), mesos_http::EndpointError>(())
/// ```
pub trait Detector: fmt::Debug + Send + Sync {
    /// What is known now, and a way to wait for news. If the sender is gone,
    /// the last value stays valid.
    ///
    /// Called once for each subscription, within the tokio runtime that makes
    /// it. Must not block: what is not known yet can be sent later.
    fn watch(&self) -> watch::Receiver<Detection>;
}

impl Master {
    /// What finds the leader. It does nothing before it is asked.
    pub fn detector(&self) -> Arc<dyn Detector> {
        match &self.address {
            Address::Candidates(masters) => {
                let masters = masters.iter().map(|one| one.endpoint(&self.settings));
                Arc::new(Candidates(masters.collect()))
            }
            Address::File(path) => Arc::new(File::new(path.clone(), self.settings.clone())),
            #[cfg(feature = "zookeeper")]
            Address::ZooKeeper(ensemble) => {
                let settings = self.settings.clone();
                Arc::new(zookeeper::ZooKeeper::new(ensemble.clone(), settings))
            }
        }
    }
}

/// Masters that are known from the start.
#[derive(Debug)]
struct Candidates(Vec<Endpoint>);

impl Detector for Candidates {
    fn watch(&self) -> watch::Receiver<Detection> {
        watch::channel(Ok(self.0.clone())).1
    }
}
