//! Finding the leading master, and following it when it changes.
//!
//! [`HttpBackend::new`](crate::HttpBackend::new) accepts a [`Master`], which may name one master,
//! several masters, a path in a ZooKeeper or a file:
//!
//! ```
//! use mesos::http::HttpBackend;
//!
//! let backend = HttpBackend::new("http://10.0.0.1:5050,http://10.0.0.2:5050".parse()?);
//! # let _ = backend;
//! # Ok::<(), mesos::AddressError>(())
//! ```
//!
//! # Subscribing
//! The backend looks up the leader for each subscription. If no leader is known, the attempt waits
//! for one as long as connecting may take
//! ([`connect_timeout`](crate::HttpBackend::connect_timeout)). Then it fails with the retryable
//! error [`ErrorKind::NotLeader`](mesos_core::ErrorKind::NotLeader).
//!
//! The result of the lookup is only where to send the request. A master that is not the leader (any
//! more) redirects to it, and the backend follows. A master that was elected a moment ago answers
//! 503 until it has read its registry. If either lasts, the next attempt handles it.
//!
//! If several masters are known, the backend tries them one after the other until one accepts the
//! subscription. It starts with the master that accepted the last one.
//!
//! # While a subscription lasts
//! The backend watches the leader. When another leader appears, the subscription ends with
//! `NotLeader`, so that the next one goes to the new leader: the old one may be cut off without
//! our connection showing it. Mesos' own library does the same (`detected` in
//! src/scheduler/scheduler.cpp). That library also ends the subscription when the leader
//! disappears. This backend does not: no other master could be asked then, and a master that loses
//! its leadership exits, which ends the event stream. So a scheduler that loses only its connection
//! to ZooKeeper continues to work.
//!
//! A leader change also shortens the wait before the next attempt
//! ([`Backend::leader_changed`](mesos_core::backend::Backend::leader_changed)). A change of a
//! file does not: the file is read for each attempt.
//!
//! # Custom detectors
//! Implement [`Detector`] to find the leader in another way, and pass it to
//! [`HttpBackend::with_detector`](crate::HttpBackend::with_detector).

mod file;
mod leader;
#[cfg(feature = "zookeeper")]
pub mod zookeeper;

use std::fmt;
use std::sync::Arc;

use mesos_core::address::Location;
use mesos_core::{Endpoint, Master, Result};
use tokio::sync::watch;

use self::file::File;
pub(crate) use self::leader::{Leader, Sighting};

/// What a [`Detector`] knows about the leader.
///
/// `Ok` holds the masters to try, in this order: the leader, or several masters of which one should
/// be the leader or know it. An empty list means the same as an error of kind
/// [`NotLeader`](mesos_core::ErrorKind::NotLeader).
///
/// `Err` is the reason why no master is known. A [retryable](mesos_core::Error::is_retryable) error
/// makes a subscription attempt wait for the next value. Another error, such as wrong credentials,
/// ends the attempt.
pub type Detection = Result<Vec<Endpoint>>;

/// Knows the leading master, and reports changes.
///
/// ```
/// use mesos::http::HttpBackend;
/// use mesos::http::detect::{Detection, Detector};
/// use tokio::sync::watch;
///
/// /// Detects the leader that a channel reports.
/// #[derive(Debug)]
/// struct ChannelDetector(watch::Receiver<Detection>);
///
/// impl Detector for ChannelDetector {
///     fn watch(&self) -> watch::Receiver<Detection> {
///         self.0.clone()
///     }
/// }
///
/// let (leader, detected) = watch::channel(Ok(vec!["http://10.0.0.1:5050".parse()?]));
/// let backend = HttpBackend::with_detector(ChannelDetector(detected));
/// let _ = leader.send(Ok(vec!["http://10.0.0.2:5050".parse()?]));
/// # let _ = backend;
/// # Ok::<(), mesos::AddressError>(())
/// ```
pub trait Detector: fmt::Debug + Send + Sync {
    /// The current value, and a way to wait for the next one. If the sender is dropped, the last
    /// value stays valid.
    ///
    /// The backend calls this method once for each subscription, in the tokio runtime of the
    /// subscription. The method must not block: send later what is not known yet.
    fn watch(&self) -> watch::Receiver<Detection>;
}

/// The detector for `master`. It does nothing before its first use.
///
/// Without the feature `zookeeper`, the detector for a `zk://` address reports an error of kind
/// [`Unsupported`](mesos_core::ErrorKind::Unsupported).
pub fn detector(master: &Master) -> Arc<dyn Detector> {
    match master.location() {
        Location::Masters(masters) => Arc::new(Fixed(Ok(masters))),
        Location::File(path) => Arc::new(File::new(path.to_owned(), master.clone())),
        #[cfg(feature = "zookeeper")]
        Location::ZooKeeper(ensemble) => {
            Arc::new(zookeeper::ZooKeeper::new(ensemble.clone(), master.clone()))
        }
        #[cfg(not(feature = "zookeeper"))]
        Location::ZooKeeper(_) => Arc::new(Fixed(Err(without_zookeeper()))),
    }
}

#[cfg(not(feature = "zookeeper"))]
fn without_zookeeper() -> mesos_core::Error {
    mesos_core::Error::new(
        mesos_core::ErrorKind::Unsupported,
        "a zk:// address requires the feature \"zookeeper\", which is disabled in this program; \
         enable that feature of the crate mesos, or write the masters, like \
         http://HOST1:5050,http://HOST2:5050",
    )
}

/// A value that never changes.
#[derive(Debug)]
struct Fixed(Detection);

impl Detector for Fixed {
    fn watch(&self) -> watch::Receiver<Detection> {
        watch::channel(self.0.clone()).1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_does_not_contain_a_password() {
        let master: Master = "zk://user:secret@h:2181/m".parse().expect("an address");
        let shown = format!(
            "{:?} {:?}",
            detector(&master),
            crate::HttpBackend::new(master)
        );
        assert!(
            !shown.contains("secret") && !shown.contains("user"),
            "{shown}"
        );
    }
}
