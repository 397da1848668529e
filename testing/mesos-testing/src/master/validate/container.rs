//! Commands and containers: `validateCommandInfo`, `validateSecret`, `validateVolume` and
//! `validateContainerInfo` in src/common/validation.cpp.

use mesos_proto::v1::environment::variable;
use mesos_proto::v1::{
    CommandInfo, ContainerInfo, Secret, Volume, container_info, environment, secret, volume,
};

use super::{Check, Within as _, refuse};

/// `validateCommandInfo`, which is `validateEnvironment`.
pub(super) fn command(command: &CommandInfo) -> Check {
    let variables = command.environment.iter().flat_map(|all| &all.variables);
    variables.into_iter().try_for_each(self::variable)
}

fn variable(variable: &environment::Variable) -> Check {
    let name = &variable.name;
    let has = |what: &str| Err(format!("Environment variable '{name}' {what}"));
    match variable.r#type() {
        variable::Type::Secret => {
            let Some(secret) = &variable.secret else {
                return has("of type 'SECRET' must have a secret set");
            };
            if variable.value.is_some() {
                return has("of type 'SECRET' must not have a value set");
            }
            self::secret(secret).within(&format!(
                "Environment variable '{name}' specifies an invalid secret"
            ))?;
            let data = secret.value.as_ref().map(|value| &value.data);
            if data.is_some_and(|data| data.contains(&0)) {
                return has(
                    "specifies a secret containing null bytes, which is not allowed in the \
                     environment",
                );
            }
            Ok(())
        }
        variable::Type::Value if variable.value.is_none() => {
            has("of type 'VALUE' must have a value set")
        }
        variable::Type::Value if variable.secret.is_some() => {
            has("of type 'VALUE' must not have a secret set")
        }
        variable::Type::Value => Ok(()),
        variable::Type::Unknown => refuse("Environment variable of type 'UNKNOWN' is not allowed"),
    }
}

/// `validateSecret`.
fn secret(secret: &Secret) -> Check {
    match (secret.r#type(), &secret.reference, &secret.value) {
        (secret::Type::Reference, None, _) => {
            refuse("Secret of type REFERENCE must have the 'reference' field set")
        }
        (secret::Type::Reference, Some(reference), Some(_)) => Err(format!(
            "Secret '{}' of type REFERENCE must not have the 'value' field set",
            reference.name
        )),
        (secret::Type::Value, _, None) => {
            refuse("Secret of type VALUE must have the 'value' field set")
        }
        (secret::Type::Value, Some(_), Some(_)) => {
            refuse("Secret of type VALUE must not have the 'reference' field set")
        }
        _ => Ok(()),
    }
}

/// `validateContainerInfo`.
pub(super) fn container(container: &ContainerInfo) -> Check {
    for volume in &container.volumes {
        self::volume(volume).within("Invalid volume")?;
    }
    if container.r#type() != container_info::Type::Docker {
        return Ok(());
    }
    let Some(docker) = &container.docker else {
        return refuse("DockerInfo 'docker' is not set for DOCKER typed ContainerInfo");
    };
    match docker
        .parameters
        .iter()
        .any(|parameter| parameter.key == "name")
    {
        true => refuse("Parameter in DockerInfo must not be 'name'"),
        false => Ok(()),
    }
}

/// `validateVolume`.
fn volume(volume: &Volume) -> Check {
    use volume::source::Type;
    let sources = [
        volume.host_path.is_some(),
        volume.image.is_some(),
        volume.source.is_some(),
    ];
    if sources.iter().filter(|set| **set).count() != 1 {
        return refuse("Only one of them should be set: 'host_path', 'image' and 'source'");
    }
    let Some(source) = &volume.source else {
        return Ok(());
    };
    let (there, field, name) = match source.r#type() {
        Type::DockerVolume => (
            source.docker_volume.is_some(),
            "docker_volume",
            "DOCKER_VOLUME",
        ),
        Type::HostPath => (source.host_path.is_some(), "host_path", "HOST_PATH"),
        Type::SandboxPath => (
            source.sandbox_path.is_some(),
            "sandbox_path",
            "SANDBOX_PATH",
        ),
        Type::Secret => (source.secret.is_some(), "secret", "SECRET"),
        Type::CsiVolume => match &source.csi_volume {
            None => (false, "csi_volume", "CSI"),
            Some(volume) => (
                volume.static_provisioning.is_some(),
                "csi_volume.static_provisioning",
                "CSI",
            ),
        },
        Type::Unknown => return refuse("'source.type' is unknown"),
    };
    match there {
        true => Ok(()),
        false => Err(format!("'source.{field}' is not set for {name} volume")),
    }
}
