//! Volumes: files and directories that a container sees.

use crate::v1::volume::source::sandbox_path;
use crate::v1::volume::source::{DockerVolume, SandboxPath};
use crate::v1::volume::{Mode, Source, source};
use crate::v1::{Image, Secret, Volume};

/// Each constructor makes a writable volume. The first argument is the source; the last one,
/// `container_path`, is the path in the container. A relative `container_path` is inside the
/// sandbox. An absolute one must exist on the host if the container has no image.
///
/// ```
/// use mesos::v1::{ContainerInfo, Secret, Volume};
///
/// let container = ContainerInfo::mesos()
///     .with_volume(Volume::host("/etc/ssl/certs", "certs").read_only())
///     .with_volume(Volume::secret(Secret::value("hunter2"), "password"));
/// assert_eq!(container.volumes.len(), 2);
/// ```
impl Volume {
    /// A path of the agent's host, if `host_path` is absolute, or else a path of the sandbox.
    ///
    /// Works with both containerizers. The Mesos containerizer needs the isolator
    /// `volume/host_path` for a path of the host.
    pub fn host(host_path: impl Into<String>, container_path: impl Into<String>) -> Self {
        Self {
            host_path: Some(host_path.into()),
            ..Self::new(container_path)
        }
    }

    /// A path in the sandbox of the parent container, for files that the tasks of a group share.
    ///
    /// `path` is relative; the agent creates a missing directory. Only for nested containers. The
    /// agent needs the isolator `volume/sandbox_path`.
    pub fn parent_sandbox(path: impl Into<String>, container_path: impl Into<String>) -> Self {
        Self::from_sandbox(sandbox_path::Type::Parent, path.into(), container_path)
    }

    /// A path in the container's own sandbox, at an absolute `container_path`.
    ///
    /// `path` is relative; the agent creates a missing directory. The agent needs the isolator
    /// `volume/sandbox_path`.
    pub fn sandbox(path: impl Into<String>, container_path: impl Into<String>) -> Self {
        Self::from_sandbox(sandbox_path::Type::Self_, path.into(), container_path)
    }

    /// A volume of a Docker volume driver, such as `rexray`. The Mesos containerizer needs the
    /// isolator `docker/volume`.
    pub fn docker(
        driver: impl Into<String>,
        name: impl Into<String>,
        container_path: impl Into<String>,
    ) -> Self {
        Self::from_source(
            Source {
                r#type: Some(source::Type::DockerVolume.into()),
                docker_volume: Some(DockerVolume {
                    driver: Some(driver.into()),
                    name: name.into(),
                    driver_options: None,
                }),
                ..Source::default()
            },
            container_path,
        )
    }

    /// A file with the content of a secret. The agent needs the isolator `volume/secret`.
    pub fn secret(secret: Secret, container_path: impl Into<String>) -> Self {
        Self::from_source(
            Source {
                r#type: Some(source::Type::Secret.into()),
                secret: Some(secret),
                ..Source::default()
            },
            container_path,
        )
    }

    /// The root file system of an image. The agent needs the isolator `volume/image`. Plain text
    /// is the name of a Docker image.
    pub fn image(image: impl Into<Image>, container_path: impl Into<String>) -> Self {
        Self {
            image: Some(image.into()),
            ..Self::new(container_path)
        }
    }

    /// Denies the container write access.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.mode = Mode::Ro.into();
        self
    }

    fn new(container_path: impl Into<String>) -> Self {
        Self {
            mode: Mode::Rw.into(),
            container_path: container_path.into(),
            ..Self::default()
        }
    }

    fn from_sandbox(
        r#type: sandbox_path::Type,
        path: String,
        container_path: impl Into<String>,
    ) -> Self {
        Self::from_source(
            Source {
                r#type: Some(source::Type::SandboxPath.into()),
                sandbox_path: Some(SandboxPath {
                    r#type: Some(r#type.into()),
                    path,
                }),
                ..Source::default()
            },
            container_path,
        )
    }

    fn from_source(source: Source, container_path: impl Into<String>) -> Self {
        Self {
            source: Some(source),
            ..Self::new(container_path)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_is_writable_unless_it_is_read_only() {
        let volume = Volume::host("/srv", "data");
        assert_eq!(volume.mode(), Mode::Rw);
        assert_eq!(volume.read_only().mode(), Mode::Ro);
    }

    #[test]
    fn each_constructor_sets_exactly_one_source() {
        let secret = Secret::value("s");
        let cases = [
            (Volume::host("/srv", "c"), None),
            (Volume::image("alpine", "c"), None),
            (Volume::sandbox("p", "/c"), Some(source::Type::SandboxPath)),
            (
                Volume::parent_sandbox("p", "c"),
                Some(source::Type::SandboxPath),
            ),
            (
                Volume::docker("d", "n", "c"),
                Some(source::Type::DockerVolume),
            ),
            (Volume::secret(secret, "c"), Some(source::Type::Secret)),
        ];
        for (volume, r#type) in cases {
            assert_eq!(volume.source.as_ref().map(Source::r#type), r#type);
            let sources = [
                volume.host_path.is_some(),
                volume.image.is_some(),
                volume.source.is_some(),
            ];
            assert_eq!(sources.iter().filter(|set| **set).count(), 1, "{volume:?}");
            let Some(source) = &volume.source else {
                continue;
            };
            let bodies = [
                (source::Type::DockerVolume, source.docker_volume.is_some()),
                (source::Type::HostPath, source.host_path.is_some()),
                (source::Type::SandboxPath, source.sandbox_path.is_some()),
                (source::Type::Secret, source.secret.is_some()),
                (source::Type::CsiVolume, source.csi_volume.is_some()),
            ];
            for (body, set) in bodies {
                assert_eq!(set, body == source.r#type(), "{source:?}");
            }
        }
    }
}
