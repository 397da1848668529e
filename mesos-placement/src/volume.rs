//! Requested disks and volumes.

use std::fmt;

use mesos_core::resources::{InvalidScalar, Scalar};

/// A disk or a persistent volume of a task.
///
/// Space in the sandbox of the task is a resource instead: `disk:100`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Volume {
    pub(crate) disk: DiskKind,
    pub(crate) size: Scalar,
    pub(crate) persistent: Option<Persistent>,
}

/// The disk that a volume is on (`DiskInfo.Source` of Mesos).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DiskKind {
    /// The disk of the agent's work directory.
    Root,
    /// A part of a disk at a path of the agent.
    Path,
    /// A whole mounted disk: the smallest that is large enough.
    Mount,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Persistent {
    pub(crate) id: String,
    pub(crate) path: String,
    pub(crate) principal: Option<String>,
}

impl Volume {
    /// At least `size` megabytes (2^20 bytes) of a disk of this kind.
    ///
    /// # Errors
    /// [`InvalidScalar`] if `size` is not an amount: NaN, negative, infinite, or too small.
    pub fn new(disk: DiskKind, size: f64) -> Result<Volume, InvalidScalar> {
        Ok(Volume {
            disk,
            size: Scalar::from_f64(size)?,
            persistent: None,
        })
    }

    /// Makes the volume persistent, and mounts it at `path` in the container of the task. Mesos
    /// keeps the data after the task has ended.
    ///
    /// If a volume with this id is offered, the task uses that volume, whatever its size. Otherwise
    /// the volume is created on reserved disk space;
    /// [`Request::reserve`](crate::Request::reserve) reserves the space before. `principal` must be
    /// the principal of the framework, if it has one.
    ///
    /// A request with a persistent volume has one instance.
    #[must_use]
    pub fn persistent(
        mut self,
        id: impl Into<String>,
        path: impl Into<String>,
        principal: Option<&str>,
    ) -> Volume {
        self.persistent = Some(Persistent {
            id: id.into(),
            path: path.into(),
            principal: principal.map(str::to_owned),
        });
        self
    }
}

/// Which reservations a request may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Reservations {
    /// All: reserved resources first, which other roles cannot use.
    #[default]
    ReservedFirst,
    /// All: unreserved resources first, which saves reservations for tasks that need them.
    UnreservedFirst,
    /// Only reserved resources.
    Reserved,
    /// Only resources that are not reserved.
    Unreserved,
}

/// `100 of a mount disk`, `volume db-0 of 100 on a root disk`.
impl fmt::Display for Volume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.disk {
            DiskKind::Root => "root",
            DiskKind::Path => "path",
            DiskKind::Mount => "mount",
        };
        match &self.persistent {
            Some(persistent) => {
                write!(
                    f,
                    "volume {} of {} on a {kind} disk",
                    persistent.id, self.size
                )
            }
            None => write!(f, "{} of a {kind} disk", self.size),
        }
    }
}
