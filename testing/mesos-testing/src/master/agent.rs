//! The agents of a fake master.

use mesos_core::resources::Resources;
use mesos_proto::v1::{AgentId, Attribute, Resource, value};

/// An agent of a [`FakeMaster`](crate::FakeMaster): its id, host name, resources and attributes. By
/// default it has 4 cpus, 4096 MB of memory, 10240 MB of disk and the ports 31000 to 31999.
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
    /// Creates an agent with this id. Its host name is the id with `.example` appended.
    ///
    /// # Panics
    /// Never: the default resources are valid.
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

    /// Replaces all resources. The syntax is that of Mesos's `--resources`.
    ///
    /// # Panics
    /// If `resources` cannot be parsed; the message shows where.
    #[must_use]
    pub fn having(mut self, resources: &str) -> Self {
        self.resources = match resources.parse() {
            Ok(resources) => resources,
            Err(error) => panic!("Agent::having({resources:?}): {error}"),
        };
        self
    }

    /// Sets the host name.
    #[must_use]
    pub fn hostname(mut self, hostname: impl Into<String>) -> Self {
        self.hostname = hostname.into();
        self
    }

    /// Adds a TEXT attribute.
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

    /// Removes the capabilities RESOURCE_PROVIDER and AGENT_OPERATION_FEEDBACK. Operations with an
    /// id then end in OPERATION_ERROR.
    #[must_use]
    pub fn without_operation_feedback(mut self) -> Self {
        self.operation_feedback = false;
        self
    }

    /// The id.
    pub fn id(&self) -> &AgentId {
        &self.id
    }
}
