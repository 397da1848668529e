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
    /// A whole block device without a file system: the smallest that is large enough. Only storage
    /// providers (CSI) have such disks. Mesos cannot make a persistent volume on one.
    Block,
    /// Storage of a storage provider (CSI) that is not a disk yet: a part of a storage pool, or a
    /// whole disk that existed before. CREATE_DISK makes a mount disk or a block device of it; a
    /// task cannot access it.
    Raw,
}

impl fmt::Display for DiskKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DiskKind::Root => "root",
            DiskKind::Path => "path",
            DiskKind::Mount => "mount",
            DiskKind::Block => "block",
            DiskKind::Raw => "raw",
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Persistent {
    pub(crate) id: String,
    pub(crate) path: String,
    pub(crate) principal: Option<String>,
    pub(crate) shared: bool,
    /// Whether the volume is never created.
    pub(crate) existing: bool,
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
    /// If a volume with this id is offered, the task uses that volume, whatever its size, and is
    /// placed only there. Otherwise the volume is created on reserved disk space;
    /// [`Request::reserve`](crate::Request::reserve) reserves the space before. A task whose volume
    /// exists needs a constraint on [`Field::AgentId`](crate::Field::AgentId), because a round does
    /// not know the volumes of agents that made no offer. `principal` must be the principal of the
    /// framework, if it has one.
    ///
    /// A request with a persistent volume has one instance, unless the volume is
    /// [shared](Self::shared).
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
            shared: false,
            existing: false,
        });
        self
    }

    /// The persistent volume with this id, which exists, mounted at `path` in the container of the
    /// task. The task is placed only where the volume is offered, and waits if the volume is not
    /// offered. The size does not matter.
    ///
    /// A request with the volume has one instance, unless the volume is [shared](Self::shared).
    pub fn existing(id: impl Into<String>, path: impl Into<String>) -> Volume {
        Volume {
            disk: DiskKind::Root,
            size: Scalar::default(),
            persistent: Some(Persistent {
                id: id.into(),
                path: path.into(),
                principal: None,
                shared: false,
                existing: true,
            }),
        }
    }

    /// Lets several tasks use the persistent volume at once, on the agent that has the volume. The
    /// framework needs the capability SHARED_RESOURCES. Without
    /// [`persistent`](Self::persistent) this has no effect: Mesos shares only persistent volumes.
    ///
    /// The instances of one request can share a volume, and so can requests that name the same id.
    /// Mesos counts a shared volume once for each task group, so only one group in a round uses it.
    #[must_use]
    pub fn shared(mut self) -> Volume {
        if let Some(persistent) = &mut self.persistent {
            persistent.shared = true;
        }
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
        let Volume { disk, size, .. } = self;
        match &self.persistent {
            Some(persistent) => {
                let shared = if persistent.shared { "shared " } else { "" };
                let id = &persistent.id;
                if persistent.existing {
                    return write!(f, "existing {shared}volume {id}");
                }
                write!(f, "{shared}volume {id} of {size} on a {disk} disk")
            }
            None => write!(f, "{size} of a {disk} disk"),
        }
    }
}
