//! The fields of an agent that constraints check.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A field of an agent.
///
/// In JSON: `"hostname"`, or `{"attribute": "rack"}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// The attribute with this name.
    Attribute(String),
    /// The host name.
    Hostname,
    /// The id of the agent.
    AgentId,
    /// The region of the fault domain.
    Region,
    /// The zone of the fault domain. Zones of two regions can have one name.
    Zone,
}

impl Field {
    /// The attribute with this name.
    pub fn attribute(name: impl Into<String>) -> Field {
        Field::Attribute(name.into())
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Field::Attribute(name) => write!(f, "attribute {name}"),
            Field::Hostname => f.write_str("hostname"),
            Field::AgentId => f.write_str("agent id"),
            Field::Region => f.write_str("region"),
            Field::Zone => f.write_str("zone"),
        }
    }
}
