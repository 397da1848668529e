//! What a task runs.

use std::fmt;

use mesos_proto::v1::CommandInfo;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// What a task or an executor runs.
///
/// In a file, a text is a shell line, and a list is a program with its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// A line for `sh -c`.
    Shell(String),
    /// A program and its arguments, without a shell. An empty list runs the program of the image.
    Argv(Vec<String>),
}

impl Command {
    /// A line for `sh -c`.
    pub fn shell(line: impl Into<String>) -> Self {
        Self::Shell(line.into())
    }

    /// A program and its arguments.
    pub fn argv<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> Self {
        Self::Argv(argv.into_iter().map(Into::into).collect())
    }

    pub(crate) fn info(&self) -> CommandInfo {
        match self {
            Self::Shell(line) => CommandInfo::sh(line),
            Self::Argv(argv) => CommandInfo::argv(argv),
        }
    }
}

/// A shell line.
impl From<&str> for Command {
    fn from(line: &str) -> Self {
        Self::shell(line)
    }
}

/// A shell line.
impl From<String> for Command {
    fn from(line: String) -> Self {
        Self::Shell(line)
    }
}

impl Serialize for Command {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Shell(line) => to.serialize_str(line),
            Self::Argv(argv) => argv.serialize(to),
        }
    }
}

impl<'de> Deserialize<'de> for Command {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(TextOrList)
    }
}

struct TextOrList;

impl<'de> de::Visitor<'de> for TextOrList {
    type Value = Command;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a command: a shell line, or a list of a program and its arguments")
    }

    fn visit_str<E: de::Error>(self, line: &str) -> Result<Command, E> {
        Ok(Command::shell(line))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Command, A::Error> {
        let mut argv = Vec::new();
        while let Some(argument) = list.next_element::<String>()? {
            argv.push(argument);
        }
        Ok(Command::Argv(argv))
    }
}
