//! Volumes of a task.

use mesos_proto::v1::{Secret, Volume};
use serde::{Deserialize, Serialize};

use super::parts::is_default;

/// A directory or a file that the container of a task sees: exactly one of `host`, `sandbox`,
/// `parent`, `persistent`, `docker` and `secret`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct VolumeSpec {
    /// The path in the container. A relative path is inside the sandbox.
    pub path: String,
    /// Whether the task can only read.
    #[serde(default, skip_serializing_if = "is_default")]
    pub read_only: bool,
    /// An absolute path of the agent's host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// A relative path in the sandbox of the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<String>,
    /// A relative path in the sandbox of the pod, which the tasks of the pod share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// The id of a persistent volume that exists. The task runs where the volume is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persistent: Option<String>,
    /// A volume of a Docker volume driver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub docker: Option<DockerVolume>,
    /// The name of a secret, whose content the file has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// A volume of a Docker volume driver.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DockerVolume {
    /// The driver, such as `rexray`.
    pub driver: String,
    /// The name of the volume.
    pub name: String,
}

impl VolumeSpec {
    fn new(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            ..Self::default()
        }
    }

    /// An absolute path of the agent's host.
    pub fn host(host: impl Into<String>, path: impl Into<String>) -> Self {
        Self {
            host: Some(host.into()),
            ..Self::new(path)
        }
    }

    /// A relative path in the sandbox of the task.
    pub fn sandbox(sandbox: impl Into<String>, path: impl Into<String>) -> Self {
        Self {
            sandbox: Some(sandbox.into()),
            ..Self::new(path)
        }
    }

    /// A relative path in the sandbox of the pod, which the tasks of the pod share.
    pub fn parent(parent: impl Into<String>, path: impl Into<String>) -> Self {
        Self {
            parent: Some(parent.into()),
            ..Self::new(path)
        }
    }

    /// The persistent volume with this id, which exists. The task runs where the volume is, and waits
    /// while the volume is not offered.
    pub fn persistent(id: impl Into<String>, path: impl Into<String>) -> Self {
        Self {
            persistent: Some(id.into()),
            ..Self::new(path)
        }
    }

    /// A volume of a Docker volume driver.
    pub fn docker(
        driver: impl Into<String>,
        name: impl Into<String>,
        path: impl Into<String>,
    ) -> Self {
        let (driver, name) = (driver.into(), name.into());
        Self {
            docker: Some(DockerVolume { driver, name }),
            ..Self::new(path)
        }
    }

    /// A file with the content of the secret with this name.
    pub fn secret(secret: impl Into<String>, path: impl Into<String>) -> Self {
        Self {
            secret: Some(secret.into()),
            ..Self::new(path)
        }
    }

    /// Lets the task only read.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// The names of the sources that are set.
    pub(crate) fn sources(&self) -> Vec<&'static str> {
        let sources = [
            ("host", self.host.is_some()),
            ("sandbox", self.sandbox.is_some()),
            ("parent", self.parent.is_some()),
            ("persistent", self.persistent.is_some()),
            ("docker", self.docker.is_some()),
            ("secret", self.secret.is_some()),
        ];
        let set = sources.into_iter().filter(|(_, set)| *set);
        set.map(|(name, _)| name).collect()
    }

    /// The volume of the container; a persistent volume is a resource instead. Of several sources,
    /// the first is used; the lints refuse this.
    pub(crate) fn info(&self) -> Volume {
        let path = &self.path;
        let volume = match self {
            Self {
                host: Some(host), ..
            } => Volume::host(host, path),
            Self {
                sandbox: Some(own), ..
            } => Volume::sandbox(own, path),
            Self {
                parent: Some(parent),
                ..
            } => Volume::parent_sandbox(parent, path),
            Self {
                docker: Some(docker),
                ..
            } => Volume::docker(&docker.driver, &docker.name, path),
            Self {
                secret: Some(name), ..
            } => Volume::secret(Secret::reference(name), path),
            _ => Volume {
                container_path: path.clone(),
                ..Volume::default()
            },
        };
        match self.read_only {
            true => volume.read_only(),
            false => volume,
        }
    }
}
