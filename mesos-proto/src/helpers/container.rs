//! Containers and their images.

use std::fmt::Display;

use crate::v1::container_info::docker_info::{Network, PortMapping};
use crate::v1::container_info::{DockerInfo, Type};
use crate::v1::{ContainerInfo, Image, NetworkInfo, Parameter, Volume, image, network_info};

/// ```
/// use mesos::v1::container_info::DockerInfo;
/// use mesos::v1::container_info::docker_info::Network;
/// use mesos::v1::{ContainerInfo, Volume};
///
/// // The Mesos containerizer with an image, without the Docker daemon.
/// let mesos = ContainerInfo::mesos()
///     .with_image("library/redis:7")
///     .with_volume(Volume::host("/srv/redis", "/data"));
///
/// // The Docker daemon. The task needs the port 31000 among its resources.
/// let docker = ContainerInfo::docker(
///     DockerInfo::new("nginx:1.27")
///         .with_network(Network::Bridge)
///         .with_port_mapping((31000, 80)),
/// );
/// # assert!(mesos.mesos.is_some() && docker.docker.is_some());
/// ```
impl ContainerInfo {
    /// A container of the Mesos containerizer, with the file system of the host until
    /// [`with_image`](Self::with_image) sets an image.
    pub fn mesos() -> Self {
        Self::new(Type::Mesos)
    }

    /// A container of the Docker daemon. The agent needs `docker` among its `--containerizers`.
    ///
    /// Accepts the name of an image, with the network of the host, or a [`DockerInfo`]. Mesos
    /// rejects Docker containers in task groups (`src/master/validation.cpp`).
    pub fn docker(docker: impl Into<DockerInfo>) -> Self {
        Self {
            docker: Some(docker.into()),
            ..Self::new(Type::Docker)
        }
    }

    fn new(r#type: Type) -> Self {
        Self {
            r#type: r#type.into(),
            ..Self::default()
        }
    }

    /// Sets the image of a container made by [`mesos`](Self::mesos). Plain text is the name of a
    /// Docker image.
    ///
    /// The agent needs the isolator `docker/runtime` and `docker` among its `--image_providers`.
    #[must_use]
    pub fn with_image(mut self, image: impl Into<Image>) -> Self {
        self.mesos.get_or_insert_default().image = Some(image.into());
        self
    }

    /// Adds a volume.
    #[must_use]
    pub fn with_volume(mut self, volume: impl Into<Volume>) -> Self {
        self.volumes.push(volume.into());
        self
    }

    /// Adds a network to join. Plain text is the name of a CNI network, or of a user-defined
    /// Docker network. Without any network the container uses the network of the host.
    #[must_use]
    pub fn with_network(mut self, network: impl Into<NetworkInfo>) -> Self {
        self.network_infos.push(network.into());
        self
    }

    /// Sets the host name inside the container. Not for a container that uses the network of the
    /// host.
    #[must_use]
    pub fn with_hostname(mut self, hostname: impl Into<String>) -> Self {
        self.hostname = Some(hostname.into());
        self
    }
}

impl DockerInfo {
    /// A Docker container of this image, with the network of the host.
    pub fn new(image: impl Into<String>) -> Self {
        Self {
            image: image.into(),
            ..Self::default()
        }
    }

    /// Sets the network mode. For `Network::User`, name the network by
    /// [`ContainerInfo::with_network`].
    #[must_use]
    pub fn with_network(mut self, network: Network) -> Self {
        self.network = Some(network.into());
        self
    }

    /// Maps a port of the host to a port of the container. Only for `Network::Bridge` and
    /// `Network::User`: otherwise the launch fails.
    ///
    /// A pair is host port and container port, over TCP;
    /// [`PortMapping::udp`](network_info::PortMapping::udp) makes a mapping over UDP. The host port
    /// must be among the `ports` of the task (`src/docker/docker.cpp`).
    #[must_use]
    pub fn with_port_mapping(mut self, mapping: impl Into<PortMapping>) -> Self {
        self.port_mappings.push(mapping.into());
        self
    }

    /// Adds an option of `docker run`, without dashes: `("memory-swap", "1g")`. Mesos rejects
    /// `name`.
    #[must_use]
    pub fn with_parameter(mut self, key: impl Into<String>, value: impl Display) -> Self {
        self.parameters.push(Parameter::new(key, value));
        self
    }

    /// Runs the container with extended privileges.
    #[must_use]
    pub fn with_privileged(mut self, privileged: bool) -> Self {
        self.privileged = Some(privileged);
        self
    }

    /// Pulls the image even if the agent has a copy.
    #[must_use]
    pub fn with_force_pull_image(mut self, force: bool) -> Self {
        self.force_pull_image = Some(force);
        self
    }
}

impl From<&str> for DockerInfo {
    fn from(image: &str) -> Self {
        Self::new(image)
    }
}

impl From<String> for DockerInfo {
    fn from(image: String) -> Self {
        Self::new(image)
    }
}

/// Host port and container port, over TCP.
impl From<(u16, u16)> for PortMapping {
    fn from(ports: (u16, u16)) -> Self {
        Self::from(network_info::PortMapping::from(ports))
    }
}

/// Mesos has two messages for the same content.
impl From<network_info::PortMapping> for PortMapping {
    fn from(mapping: network_info::PortMapping) -> Self {
        Self {
            host_port: mapping.host_port,
            container_port: mapping.container_port,
            protocol: mapping.protocol,
        }
    }
}

impl Image {
    /// A Docker image: `registry:port/repository:tag`, or a digest after `@` in place of the tag.
    ///
    /// Without a registry the agent's `--docker_registry` applies, without a tag `latest`.
    pub fn docker(name: impl Into<String>) -> Self {
        Self {
            r#type: image::Type::Docker.into(),
            docker: Some(image::Docker {
                name: name.into(),
                ..image::Docker::default()
            }),
            ..Self::default()
        }
    }

    /// Whether the agent may use its cached copy of the image. The default is `true`.
    #[must_use]
    pub fn with_cached(mut self, cached: bool) -> Self {
        self.cached = Some(cached);
        self
    }
}

/// The name of a Docker image.
impl From<&str> for Image {
    fn from(name: &str) -> Self {
        Self::docker(name)
    }
}

/// The name of a Docker image.
impl From<String> for Image {
    fn from(name: String) -> Self {
        Self::docker(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_fits_the_constructor() {
        let mesos = ContainerInfo::mesos().with_image("alpine");
        assert_eq!(mesos.r#type(), Type::Mesos);
        let image = mesos.mesos.unwrap().image.unwrap();
        assert_eq!(image.r#type(), image::Type::Docker);
        assert_eq!(image.docker.unwrap().name, "alpine");
        assert!(mesos.docker.is_none());

        let docker = ContainerInfo::docker("alpine");
        assert_eq!(docker.r#type(), Type::Docker);
        assert!(docker.mesos.is_none());
        assert_eq!(
            docker.docker.unwrap(),
            DockerInfo::from("alpine".to_owned())
        );
    }

    #[test]
    fn an_image_without_a_setting_may_come_from_the_cache() {
        assert!(Image::docker("alpine").cached());
        assert!(!Image::docker("alpine").with_cached(false).cached());
    }

    #[test]
    fn all_docker_settings_reach_the_message() {
        let docker = DockerInfo::new("nginx")
            .with_network(Network::User)
            .with_port_mapping((31000, 80))
            .with_port_mapping(network_info::PortMapping::udp(31001, 53))
            .with_parameter("memory-swap", "1g")
            .with_privileged(true)
            .with_force_pull_image(true);
        assert_eq!(docker.network(), Network::User);
        assert_eq!(docker.port_mappings[0].protocol(), "tcp");
        assert_eq!(docker.port_mappings[1].protocol(), "udp");
        assert_eq!(docker.port_mappings[1].host_port, 31001);
        assert_eq!(docker.parameters, [Parameter::new("memory-swap", "1g")]);
        assert!(docker.privileged() && docker.force_pull_image());
        let container = ContainerInfo::docker(docker)
            .with_network("net")
            .with_hostname("web");
        assert_eq!(container.network_infos[0].name(), "net");
        assert_eq!(container.hostname(), "web");
    }
}
