//! The message ContainerLaunchInfo (`include/mesos/slave/containerizer.proto`) in Mesos' JSON,
//! as far as this program supports it. Other fields are refused by name.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::filesystem::{MOUNT_NAMESPACE, Mount, Operation};

/// The command to run, and its settings.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct LaunchInfo {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) pre_exec_commands: Vec<LaunchCommand>,
    /// Replaces the whole environment if present.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) environment: Option<LaunchEnvironment>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) supplementary_groups: Vec<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) command: Option<LaunchCommand>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) working_directory: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rlimits: Option<Limits>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) no_new_privileges: Option<bool>,
    /// The path of the container's root filesystem on the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rootfs: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) mounts: Vec<Mount>,
    /// Paths that the container must not read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) masked_paths: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) file_operations: Vec<Operation>,
    /// The namespaces that the agent made for the container.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) clone_namespaces: Vec<i64>,
    /// All other fields.
    #[serde(flatten)]
    pub(crate) rest: BTreeMap<String, Value>,
}

/// The part of CommandInfo that names the command. The agent has handled its user and URIs.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct LaunchCommand {
    #[serde(default = "yes")]
    pub(crate) shell: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<String>,
    /// `argv`, including its first word.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) arguments: Vec<String>,
    /// The agent and executors merge it into the container's environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) environment: Option<LaunchEnvironment>,
}

/// The message Environment.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct LaunchEnvironment {
    #[serde(default)]
    pub(crate) variables: Vec<Variable>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Variable {
    pub(crate) name: String,
    /// SECRET if the value is stored elsewhere.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub(crate) variable_type: Option<String>,
    #[serde(default)]
    pub(crate) value: String,
}

/// The message RLimitInfo.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Limits {
    #[serde(default)]
    pub(crate) rlimits: Vec<Limit>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Limit {
    #[serde(rename = "type")]
    pub(crate) limit_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) hard: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) soft: Option<u64>,
}

fn yes() -> bool {
    true
}

/// Fields that this program does not use: the agent has entered the namespaces, and turns the other
/// fields into flags of the command executor.
const IGNORED: [&str; 3] = [
    "enter_namespaces",
    "task_environment",
    "task_supplementary_groups",
];

impl LaunchInfo {
    /// Parses the message and refuses what is not supported.
    pub(super) fn parse(json: &str) -> Result<Self> {
        let info: Self = serde_json::from_str(json)
            .context("the launch info is not a ContainerLaunchInfo in Mesos' JSON")?;
        info.refuse()?;
        info.argv()?;
        Ok(info)
    }

    /// Fails if the container needs something that this program does not support. Unknown fields
    /// count too: a newer agent may request isolation that the container would not have.
    fn refuse(&self) -> Result<()> {
        for (name, value) in &self.rest {
            let empty = match value {
                Value::Null => true,
                Value::Array(values) => values.is_empty(),
                _ => false,
            };
            if empty || IGNORED.contains(&name.as_str()) {
                continue;
            }
            let what = match name.as_str() {
                "seccomp_profile" | "effective_capabilities" | "bounding_capabilities" => {
                    "containers have the rights of their user"
                }
                "tty_slave_path" => "containers have no terminal",
                _ => "the field is unknown",
            };
            bail!(
                "the launch info has the field `{name}`, which this mesos-containerizer does not \
                 support ({what}); remove what needs the field from the agent's --isolation, and \
                 use no terminal or capabilities for the task"
            );
        }
        let namespace = self.clone_namespaces.contains(&MOUNT_NAMESPACE);
        ensure!(
            self.mounts.is_empty() || namespace,
            "the launch info has the field `mounts`, but `clone_namespaces` does not contain the \
             mount namespace ({MOUNT_NAMESPACE}): the mounts would be the host's"
        );
        self.mounts.iter().try_for_each(Mount::check)
    }

    /// Adds the isolation of another launch info.
    pub(crate) fn isolate_as(&mut self, other: Self) {
        self.pre_exec_commands = other.pre_exec_commands;
        self.mounts = other.mounts;
        self.masked_paths = other.masked_paths;
        self.file_operations = other.file_operations;
        self.clone_namespaces = other.clone_namespaces;
        self.rest.extend(other.rest);
    }

    /// The sandbox on the host, before the root filesystem is entered.
    pub(super) fn sandbox(&self) -> Option<&Path> {
        let Some(root) = &self.rootfs else {
            return self.working_directory.as_deref().map(Path::new);
        };
        // The agent mounts the sandbox at the path that this variable names.
        let mut variables = self.environment.iter().flat_map(LaunchEnvironment::pairs);
        let (_, inside) = variables.find(|(name, _)| *name == "MESOS_SANDBOX")?;
        let target = Path::new(root).join(inside.trim_start_matches('/'));
        let is_sandbox = |mount: &&Mount| Path::new(&mount.target) == target;
        let mount = self.mounts.iter().find(is_sandbox)?;
        mount.source.as_deref().map(Path::new)
    }

    /// The command to run.
    pub(super) fn argv(&self) -> Result<(&LaunchCommand, &str)> {
        let command = self.command.as_ref();
        let command = command.context("the launch info has no field `command`")?;
        Ok((command, command.program()?))
    }
}

impl LaunchCommand {
    /// The script for the shell, or the executable.
    pub(super) fn program(&self) -> Result<&str> {
        let value = self.value.as_deref();
        let value = value.context("the command of the launch info has no field `value`")?;
        ensure!(
            self.shell || !value.is_empty(),
            "the command of the launch info has an empty `value`, which names no executable"
        );
        Ok(value)
    }
}

impl LaunchEnvironment {
    /// The environment with these variables.
    pub(crate) fn from_pairs(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let variables = variables.into_iter().map(|(name, value)| Variable {
            name,
            variable_type: None,
            value,
        });
        Self {
            variables: variables.collect(),
        }
    }

    /// The variables as pairs, without secrets that have not been resolved.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let plain = |variable: &&Variable| variable.variable_type.as_deref() != Some("SECRET");
        let variables = self.variables.iter().filter(plain);
        variables.map(|variable| (variable.name.as_str(), variable.value.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_launch_info_of_a_command_task_is_accepted() {
        let info = LaunchInfo::parse(
            r#"{"command":{"arguments":["mesos-executor","--launcher_dir=/d"],"shell":false,
                "value":"/d/mesos-executor","uris":[]},
                "environment":{"variables":[{"name":"A","type":"VALUE","value":"1"}]},
                "task_environment":{},"mounts":[],"user":"root","working_directory":"/s",
                "rlimits":{"rlimits":[{"type":"RLMT_NOFILE","soft":10,"hard":20}]}}"#,
        )
        .unwrap();
        let (command, value) = info.argv().unwrap();
        assert_eq!(value, "/d/mesos-executor");
        assert!(!command.shell);
        assert_eq!(command.arguments, ["mesos-executor", "--launcher_dir=/d"]);
        let environment = info.environment.unwrap();
        assert_eq!(environment.pairs().collect::<Vec<_>>(), [("A", "1")]);
        assert_eq!(info.rlimits.unwrap().rlimits[0].hard, Some(20));
    }

    #[test]
    fn a_command_is_for_the_shell_by_default() {
        let info = LaunchInfo::parse(r#"{"command":{"value":"true"}}"#).unwrap();
        assert!(info.argv().unwrap().0.shell);
    }

    #[test]
    fn the_sandbox_of_a_container_with_an_image_is_what_is_mounted_at_mesos_sandbox() {
        let info = LaunchInfo::parse(
            r#"{"command":{"value":"true"},"rootfs":"/r","working_directory":"/app",
                "clone_namespaces":[131072],
                "environment":{"variables":[{"name":"MESOS_SANDBOX","value":"/mnt/sandbox"}]},
                "mounts":[{"source":"/r","target":"/r","flags":20480},
                    {"source":"/s","target":"/r/mnt/sandbox","flags":20480}]}"#,
        );
        assert_eq!(info.unwrap().sandbox(), Some(Path::new("/s")));
        let plain = r#"{"command":{"value":"true"},"working_directory":"/s"}"#;
        assert_eq!(
            LaunchInfo::parse(plain).unwrap().sandbox(),
            Some(Path::new("/s"))
        );
    }

    #[test]
    fn mounts_of_the_host_are_refused() {
        let json = r#"{"command":{"value":"true"},"mounts":[{"source":"/s","target":"/t"}]}"#;
        let error = LaunchInfo::parse(json).unwrap_err().to_string();
        assert!(error.contains("the mounts would be the host's"), "{error}");
    }

    #[test]
    fn every_field_about_isolation_is_refused_by_name() {
        for (name, value) in [
            ("seccomp_profile", "{}"),
            ("effective_capabilities", "{}"),
            ("bounding_capabilities", r#"{"capabilities":["CHOWN"]}"#),
            ("tty_slave_path", r#""/dev/pts/1""#),
            ("a_field_of_a_newer_mesos", "1"),
        ] {
            let json = format!(r#"{{"command":{{"value":"true"}},"{name}":{value}}}"#);
            let error = LaunchInfo::parse(&json).unwrap_err().to_string();
            assert!(error.contains(&format!("the field `{name}`")), "{error}");
        }
    }

    #[test]
    fn a_launch_info_without_a_command_is_refused() {
        for (json, expected) in [
            ("{", "is not a ContainerLaunchInfo"),
            ("{}", "no field `command`"),
            (r#"{"command":{}}"#, "no field `value`"),
            (r#"{"command":{"shell":false,"value":""}}"#, "empty `value`"),
        ] {
            let error = LaunchInfo::parse(json).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_secret_without_its_value_is_skipped() {
        let environment: LaunchEnvironment = serde_json::from_str(
            r#"{"variables":[{"name":"S","type":"SECRET","secret":{}},{"name":"V","value":""}]}"#,
        )
        .unwrap();
        assert_eq!(environment.pairs().collect::<Vec<_>>(), [("V", "")]);
    }
}
