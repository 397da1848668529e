//! Networks that a container joins.

use std::fmt::Display;

use crate::v1::NetworkInfo;
use crate::v1::network_info::PortMapping;

/// ```
/// use mesos::v1::{ContainerInfo, NetworkInfo};
///
/// let container = ContainerInfo::mesos()
///     .with_image("library/nginx")
///     .with_network(NetworkInfo::named("bridge").with_port_mapping((31000, 80)));
/// assert_eq!(container.network_infos.len(), 1);
/// ```
impl NetworkInfo {
    /// The network with this name: a CNI configuration of the agent, or a user-defined Docker
    /// network.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: Some(name.into()),
            ..Self::default()
        }
    }

    /// Maps a port of the host to a port of the container. A pair is host port and container
    /// port, over TCP.
    ///
    /// The network must support port mappings, like the CNI plugin `mesos-cni-port-mapper`. Mesos
    /// does not check whether the host port is among the `ports` of the task.
    #[must_use]
    pub fn with_port_mapping(mut self, mapping: impl Into<PortMapping>) -> Self {
        self.port_mappings.push(mapping.into());
        self
    }

    /// Adds a label, which the isolator `network/cni` passes to the plugin.
    #[must_use]
    pub fn with_label(mut self, key: impl Into<String>, value: impl Display) -> Self {
        self.labels.get_or_insert_default().add(key, value);
        self
    }
}

/// The network with this name.
impl From<&str> for NetworkInfo {
    fn from(name: &str) -> Self {
        Self::named(name)
    }
}

/// The network with this name.
impl From<String> for NetworkInfo {
    fn from(name: String) -> Self {
        Self::named(name)
    }
}

impl PortMapping {
    /// Maps a TCP port of the host to a port of the container.
    pub fn tcp(host_port: u16, container_port: u16) -> Self {
        Self::new(host_port, container_port, "tcp")
    }

    /// Maps a UDP port of the host to a port of the container.
    pub fn udp(host_port: u16, container_port: u16) -> Self {
        Self::new(host_port, container_port, "udp")
    }

    fn new(host_port: u16, container_port: u16, protocol: &str) -> Self {
        Self {
            host_port: host_port.into(),
            container_port: container_port.into(),
            protocol: Some(protocol.to_owned()),
        }
    }
}

/// Host port and container port, over TCP.
impl From<(u16, u16)> for PortMapping {
    fn from((host_port, container_port): (u16, u16)) -> Self {
        Self::tcp(host_port, container_port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_its_name_ports_and_labels() {
        let network = NetworkInfo::from("net")
            .with_port_mapping((31000, 80))
            .with_port_mapping(PortMapping::udp(31001, 53))
            .with_label("zone", "a");
        assert_eq!(network.name(), "net");
        assert_eq!(network.port_mappings[0], PortMapping::tcp(31000, 80));
        assert_eq!(network.port_mappings[1].protocol(), "udp");
        assert_eq!(network.labels.unwrap().get("zone"), Some("a"));
    }
}
