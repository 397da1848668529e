//! The parts of a task: images, files, ports and volumes.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;

use mesos_proto::v1::NetworkInfo;
use mesos_proto::v1::command_info::Uri;
use serde::{Deserialize, Serialize};

use super::text::{text_or_map, texts};

/// Whether a field has its default, which is not written to files.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The image of a task.
///
/// In a file, a text is the name of a Docker image, which the Mesos containerizer runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
#[non_exhaustive]
pub struct ImageSpec {
    /// The name of a Docker image, such as `library/redis:7`.
    pub name: String,
    /// Which containerizer of the agent runs the image.
    #[serde(default, skip_serializing_if = "is_default")]
    pub containerizer: Containerizer,
    /// Whether the agent pulls the image although it has a copy.
    #[serde(default, skip_serializing_if = "is_default")]
    pub always_pull: bool,
    /// Whether the Docker containerizer runs the container with extended privileges.
    #[serde(default, skip_serializing_if = "is_default")]
    pub privileged: bool,
}

text_or_map!(
    ImageSpec,
    "the name of an image, or a map with the key name"
);

/// The part of an agent that runs a container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Containerizer {
    /// The Mesos containerizer, without the Docker daemon.
    #[default]
    Mesos,
    /// The Docker daemon, in the network of the host.
    Docker,
}

impl ImageSpec {
    /// The Docker image with this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// Selects the containerizer, the Mesos containerizer by default.
    #[must_use]
    pub fn containerizer(mut self, containerizer: Containerizer) -> Self {
        self.containerizer = containerizer;
        self
    }

    /// Whether the agent pulls the image although it has a copy.
    #[must_use]
    pub fn always_pull(mut self, always: bool) -> Self {
        self.always_pull = always;
        self
    }

    /// Whether the Docker containerizer runs the container with extended privileges.
    #[must_use]
    pub fn privileged(mut self, privileged: bool) -> Self {
        self.privileged = privileged;
        self
    }
}

impl From<&str> for ImageSpec {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

/// A network that a container joins, instead of the network of its agent.
///
/// In a file, a text is the name of the network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
#[non_exhaustive]
pub struct NetworkSpec {
    /// The name of a CNI network of the agent, or of a user-defined Docker network.
    pub name: String,
    /// Labels, which the agent passes to the CNI plugin.
    #[serde(default, with = "texts", skip_serializing_if = "is_default")]
    pub labels: BTreeMap<String, String>,
}

text_or_map!(
    NetworkSpec,
    "the name of a network, or a map with the key name"
);

impl NetworkSpec {
    /// The network with this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// Sets a label.
    #[must_use]
    pub fn label(mut self, key: impl Into<String>, value: impl ToString) -> Self {
        self.labels.insert(key.into(), value.to_string());
        self
    }

    pub(crate) fn info(&self) -> NetworkInfo {
        let network = NetworkInfo::named(&self.name);
        let labels = self.labels.iter();
        labels.fold(network, |network, (key, value)| {
            network.with_label(key, value)
        })
    }
}

impl From<&str> for NetworkSpec {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

/// A file that the agent fetches into the sandbox before the task starts.
///
/// In a file, a text is the address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
#[non_exhaustive]
pub struct UriSpec {
    /// The address of the file.
    pub uri: String,
    /// Whether the agent unpacks archives; true by default.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub extract: bool,
    /// Whether the file becomes executable. Such a file is not unpacked.
    #[serde(default, skip_serializing_if = "is_default")]
    pub executable: bool,
    /// Whether the agent keeps the file for later tasks.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cache: bool,
    /// The name of the file in the sandbox, instead of the last part of the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
}

text_or_map!(UriSpec, "the address of a file, or a map with the key uri");

fn yes() -> bool {
    true
}

fn is_yes(value: &bool) -> bool {
    *value
}

impl UriSpec {
    /// The file at this address. The agent unpacks archives.
    pub fn new(uri: impl Into<String>) -> Self {
        Self {
            uri: uri.into(),
            extract: true,
            ..Self::default()
        }
    }

    /// Whether the agent unpacks archives; true by default.
    #[must_use]
    pub fn extract(mut self, extract: bool) -> Self {
        self.extract = extract;
        self
    }

    /// Whether the file becomes executable. Such a file is not unpacked.
    #[must_use]
    pub fn executable(mut self, executable: bool) -> Self {
        self.executable = executable;
        self
    }

    /// Whether the agent keeps the file for later tasks.
    #[must_use]
    pub fn cache(mut self, cache: bool) -> Self {
        self.cache = cache;
        self
    }

    /// Sets the name of the file in the sandbox.
    #[must_use]
    pub fn output(mut self, name: impl Into<String>) -> Self {
        self.output = Some(name.into());
        self
    }

    pub(crate) fn info(&self) -> Uri {
        Uri {
            value: self.uri.clone(),
            // Mesos ignores `extract` of an executable file.
            extract: (!self.executable).then_some(self.extract),
            executable: self.executable.then_some(true),
            cache: self.cache.then_some(true),
            output_file: self.output.clone(),
        }
    }
}

impl From<&str> for UriSpec {
    fn from(uri: &str) -> Self {
        Self::new(uri)
    }
}

/// A port of a task.
///
/// In a file, a text is the name of any free port.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
#[non_exhaustive]
pub struct PortSpec {
    /// The name: the number of the port `http` is in `$PORT_HTTP`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The number, if it must be this port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u16>,
    /// The range that the port must be in, both ends included: `31000-31999`.
    #[serde(default, with = "range", skip_serializing_if = "Option::is_none")]
    pub range: Option<RangeInclusive<u16>>,
}

text_or_map!(
    PortSpec,
    "the name of a port, or a map with name, number or range"
);

impl PortSpec {
    /// Any free port, without a name.
    pub fn any() -> Self {
        Self::default()
    }

    /// Any free port, with a name.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: Some(name.into()),
            ..Self::default()
        }
    }

    /// Requires this number.
    #[must_use]
    pub fn number(mut self, number: u16) -> Self {
        self.number = Some(number);
        self
    }

    /// Requires a port in this range, both ends included.
    #[must_use]
    pub fn range(mut self, range: RangeInclusive<u16>) -> Self {
        self.range = Some(range);
        self
    }
}

impl From<&str> for PortSpec {
    fn from(name: &str) -> Self {
        Self::named(name)
    }
}

/// A range of ports as text: `31000-31999`.
mod range {
    use std::ops::RangeInclusive;

    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(
        range: &Option<RangeInclusive<u16>>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match range {
            Some(range) => to.collect_str(&format_args!("{}-{}", range.start(), range.end())),
            None => to.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<RangeInclusive<u16>>, D::Error> {
        let Some(text) = Option::<String>::deserialize(from)? else {
            return Ok(None);
        };
        let ends = text.split_once('-');
        let range = ends
            .and_then(|(start, end)| Some(start.trim().parse().ok()?..=end.trim().parse().ok()?));
        match range.filter(|range| !range.is_empty()) {
            Some(range) => Ok(Some(range)),
            None => Err(de::Error::custom(format_args!(
                "{text:?} is not a range of ports; write it like \"31000-31999\""
            ))),
        }
    }
}

/// A port of a task: the name of one of its ports, or a number.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected the name of a port or its number")]
pub enum PortRef {
    /// The number.
    Number(u16),
    /// The name of one of the task's ports.
    Name(String),
}

impl From<u16> for PortRef {
    fn from(number: u16) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for PortRef {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

impl fmt::Display for PortRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

/// A file with its content, which is in the sandbox when the task starts.
///
/// In a file, a text is the content.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
#[non_exhaustive]
pub struct FileSpec {
    /// The content, without null characters.
    pub content: String,
    /// Whether the file is executable.
    #[serde(default, skip_serializing_if = "is_default")]
    pub executable: bool,
}

text_or_map!(
    FileSpec,
    "the content of a file, or a map with the key content"
);

impl FileSpec {
    /// A file with this content.
    pub fn new(content: impl Into<String>) -> Self {
        Self {
            content: content.into(),
            executable: false,
        }
    }

    /// Whether the file is executable.
    #[must_use]
    pub fn executable(mut self, executable: bool) -> Self {
        self.executable = executable;
        self
    }
}

impl From<&str> for FileSpec {
    fn from(content: &str) -> Self {
        Self::new(content)
    }
}
