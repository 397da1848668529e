//! `validateContainerInfo` and `validateVolume` in src/common/validation.cpp, and what agents refuse
//! later: `RunOptions::create` in src/docker/docker.cpp.

use mesos_proto::v1::container_info::docker_info::Network;
use mesos_proto::v1::{ContainerInfo, ExecutorInfo, TaskInfo, Volume, container_info};

use super::report::Report;
use super::rules::{IGNORED_FIELD, INVALID_CONTAINER, SHARE_CGROUPS};

pub(super) fn container(report: &mut Report<'_>, info: &ContainerInfo) {
    report.within("container", |report| {
        for (place, one) in info.volumes.iter().enumerate() {
            report.within(format!("volumes[{place}]"), |report| volume(report, one));
        }
        match info.r#type() {
            container_info::Type::Docker => docker(report, info),
            container_info::Type::Mesos if info.docker.is_some() => {
                let message = "the container is of type MESOS, so docker is ignored";
                let remedy = "set type to DOCKER, or move the image to mesos.image";
                report.add(&IGNORED_FIELD, "docker", message, remedy);
            }
            container_info::Type::Mesos => {}
        }
    });
}

fn docker(report: &mut Report<'_>, info: &ContainerInfo) {
    if info.mesos.is_some() {
        let message = "the container is of type DOCKER, so mesos is ignored";
        report.add(
            &IGNORED_FIELD,
            "mesos",
            message,
            "set type to MESOS, or remove mesos",
        );
    }
    let Some(docker) = &info.docker else {
        let message = "a container of type DOCKER must have docker";
        report.add(&INVALID_CONTAINER, "docker", message, "set docker");
        return;
    };
    for (place, parameter) in docker.parameters.iter().enumerate() {
        if parameter.key == "name" {
            let message = "Mesos names the container by itself";
            let remedy = "remove the parameter name";
            report.add(
                &INVALID_CONTAINER,
                format!("docker.parameters[{place}]"),
                message,
                remedy,
            );
        }
    }
    let network = docker.network();
    if !docker.port_mappings.is_empty() && matches!(network, Network::Host | Network::None) {
        let message = format!(
            "port mappings are not possible with network {}",
            network.as_str_name()
        );
        let remedy = "set network to BRIDGE or USER, or remove port_mappings";
        report.add(&INVALID_CONTAINER, "docker.port_mappings", message, remedy);
    }
    if info.hostname.is_some() && network == Network::Host {
        let message = "a container in the network of its host cannot have another hostname";
        let remedy = "remove hostname, or set docker.network to BRIDGE or USER";
        report.add(&INVALID_CONTAINER, "hostname", message, remedy);
    }
    let networks = info.network_infos.as_slice();
    let named = matches!(networks, [only] if only.name.is_some());
    if network == Network::User && !named {
        let message = "a Docker network of type USER needs its name";
        let remedy = "add exactly one item with the name of the network";
        report.add(&INVALID_CONTAINER, "network_infos", message, remedy);
    }
}

fn volume(report: &mut Report<'_>, volume: &Volume) {
    use mesos_proto::v1::volume::source::Type;
    let sources = [
        volume.host_path.is_some(),
        volume.image.is_some(),
        volume.source.is_some(),
    ];
    if sources.iter().filter(|set| **set).count() != 1 {
        let message = "a volume must have exactly one of host_path, image and source";
        report.add(&INVALID_CONTAINER, "", message, "set one of them");
        return;
    }
    let Some(source) = &volume.source else {
        return;
    };
    let (there, field) = match source.r#type() {
        Type::DockerVolume => (source.docker_volume.is_some(), "docker_volume"),
        Type::HostPath => (source.host_path.is_some(), "host_path"),
        Type::SandboxPath => (source.sandbox_path.is_some(), "sandbox_path"),
        Type::Secret => (source.secret.is_some(), "secret"),
        Type::CsiVolume => match &source.csi_volume {
            None => (false, "csi_volume"),
            Some(volume) => (
                volume.static_provisioning.is_some(),
                "csi_volume.static_provisioning",
            ),
        },
        Type::Unknown => {
            let message = "the source of the volume has no type";
            report.add(&INVALID_CONTAINER, "source.type", message, "set type");
            return;
        }
    };
    if !there {
        let message = "the source of the volume does not have the field of its type";
        report.add(
            &INVALID_CONTAINER,
            format!("source.{field}"),
            message,
            format!("set {field}"),
        );
    }
}

/// Whether the container has an image of the Mesos containerizer or of Docker.
pub(super) fn has_image(container: Option<&ContainerInfo>) -> bool {
    container.is_some_and(|container| match container.r#type() {
        container_info::Type::Docker => container.docker.is_some(),
        container_info::Type::Mesos => {
            let mesos = container.mesos.as_ref();
            mesos.is_some_and(|mesos| mesos.image.is_some())
        }
    })
}

/// Whether programs in the container use the ports of the agent.
pub(super) fn has_ports_of_agent(container: Option<&ContainerInfo>) -> bool {
    container.is_none_or(|container| match container.r#type() {
        container_info::Type::Docker => container
            .docker
            .as_ref()
            .is_none_or(|docker| docker.network() == Network::Host),
        container_info::Type::Mesos => container.network_infos.is_empty(),
    })
}

/// Whether the cgroups of the parent are shared, if the container says so.
pub(super) fn share_cgroups(container: Option<&ContainerInfo>) -> Option<bool> {
    let linux = container.and_then(|container| container.linux_info.as_ref());
    linux.and_then(|linux| linux.share_cgroups)
}

const FIELD: &str = "container.linux_info.share_cgroups";

pub(super) fn shared_cgroups_outside_of_groups(report: &mut Report<'_>, task: &TaskInfo) {
    if share_cgroups(task.container.as_ref()) == Some(false) {
        let message = "only a task of a task group can have share_cgroups false";
        report.add(&SHARE_CGROUPS, FIELD, message, "remove share_cgroups");
    }
}

pub(super) fn no_shared_cgroups(report: &mut Report<'_>, executor: &ExecutorInfo) {
    if share_cgroups(executor.container.as_ref()) == Some(true) {
        let message = "the container of an executor cannot have share_cgroups true";
        report.add(&SHARE_CGROUPS, FIELD, message, "remove share_cgroups");
    }
}
