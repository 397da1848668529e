//! What a fake agent has to offer.

use mesos_core::resources::Resources;
use mesos_proto::v1::{AgentId, Attribute, Resource, value};

/// An agent of a [`FakeMaster`](crate::FakeMaster): what it is called and what
/// it has. Without further ado it has 4 cpus, 4096 MB of memory, 10240 MB of
/// disk and the ports 31000 to 31999.
///
/// ```
/// use mesos_testing::Agent;
///
/// let agent = Agent::new("a1").having("cpus:8;mem:1024").attribute("rack", "r7");
/// assert_eq!(agent.id().as_str(), "a1");
/// ```
#[derive(Clone, Debug)]
pub struct Agent {
    pub(crate) id: AgentId,
    pub(crate) hostname: String,
    pub(crate) resources: Resources,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) operation_feedback: bool,
}

impl Agent {
    /// An agent with this id, whose host name is that and `.example`.
    ///
    /// # Panics
    /// Never: the resources it starts with are valid.
    pub fn new(id: impl Into<AgentId>) -> Self {
        let id = id.into();
        let standard = [
            Resource::scalar("cpus", 4.0),
            Resource::scalar("mem", 4096.0),
            Resource::scalar("disk", 10240.0),
            Resource::ranges("ports", [31000..=31999]),
        ];
        Self {
            hostname: format!("{}.example", id.value),
            id,
            resources: Resources::from_valid(standard).0,
            attributes: Vec::new(),
            operation_feedback: true,
        }
    }

    /// With these resources and no others, written as Mesos' `--resources`.
    ///
    /// # Panics
    /// If `resources` cannot be read; the message says where.
    #[must_use]
    pub fn having(mut self, resources: &str) -> Self {
        self.resources = match resources.parse() {
            Ok(resources) => resources,
            Err(error) => panic!("Agent::having({resources:?}): {error}"),
        };
        self
    }

    /// Under another host name.
    #[must_use]
    pub fn hostname(mut self, hostname: impl Into<String>) -> Self {
        self.hostname = hostname.into();
        self
    }

    /// With one more TEXT attribute.
    #[must_use]
    pub fn attribute(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.attributes.push(Attribute {
            name: name.into(),
            r#type: value::Type::Text as i32,
            text: Some(value::Text { value: text.into() }),
            ..Default::default()
        });
        self
    }

    /// Without the capabilities RESOURCE_PROVIDER and AGENT_OPERATION_FEEDBACK:
    /// an operation with an id ends in OPERATION_ERROR then.
    #[must_use]
    pub fn without_operation_feedback(mut self) -> Self {
        self.operation_feedback = false;
        self
    }

    /// Its id.
    pub fn id(&self) -> &AgentId {
        &self.id
    }
}
