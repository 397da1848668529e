//! Agents as constraints see them, and the tasks that run already.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use mesos_core::resources::{Ranges, Set};
use mesos_proto::v1::{self, Attribute, ExecutorInfo, Labels, Offer};
use serde::{Deserialize, Serialize};

use crate::{Field, Request};

/// The properties of an agent that constraints check.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Agent {
    /// The id of the agent.
    pub id: String,
    /// The host name of the agent.
    pub hostname: String,
    /// The region of the agent's fault domain, if the operator configured one.
    #[serde(default)]
    pub region: Option<String>,
    /// The zone of the agent's fault domain, if the operator configured one.
    #[serde(default)]
    pub zone: Option<String>,
    /// The attributes, as text. If an agent has several attributes with one name, this is the first
    /// of them, as in the offer constraints of the master
    /// (src/master/allocator/mesos/offer_constraints_filter.cpp).
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
}

impl Agent {
    /// An agent without attributes and without a fault domain.
    pub fn new(id: impl Into<String>, hostname: impl Into<String>) -> Agent {
        Agent {
            id: id.into(),
            hostname: hostname.into(),
            ..Agent::default()
        }
    }

    /// Adds an attribute. An earlier attribute with this name stays.
    #[must_use]
    pub fn with_attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Agent {
        let value = value.into();
        self.attributes.entry(name.into()).or_insert(value);
        self
    }

    /// The agent of an offer.
    pub fn of(offer: &Offer) -> Agent {
        let domain = offer.domain.as_ref();
        let fault = domain.and_then(|domain| domain.fault_domain.as_ref());
        let mut agent = Agent {
            id: offer.agent_id.value.clone(),
            hostname: offer.hostname.clone(),
            region: fault.map(|fault| fault.region.name.clone()),
            zone: fault.map(|fault| fault.zone.name.clone()),
            attributes: BTreeMap::new(),
        };
        for attribute in &offer.attributes {
            if !agent.attributes.contains_key(&attribute.name) {
                let value = text(attribute).into_owned();
                agent.attributes.insert(attribute.name.clone(), value);
            }
        }
        agent
    }

    /// The value of a field, if the agent has one.
    pub fn value(&self, field: &Field) -> Option<&str> {
        match field {
            Field::Attribute(name) => self.attributes.get(name).map(String::as_str),
            Field::Hostname => Some(&self.hostname),
            Field::AgentId => Some(&self.id),
            Field::Region => self.region.as_deref(),
            Field::Zone => self.zone.as_deref(),
        }
    }
}

/// The text of an attribute: as in the agent's flag `--attributes`, `3` for a number and
/// `[1-4]` for ranges.
pub(crate) fn text(attribute: &Attribute) -> Cow<'_, str> {
    if let Some(text) = attribute.as_text() {
        Cow::Borrowed(text)
    } else if let Some(number) = attribute.as_scalar() {
        Cow::Owned(number.to_string())
    } else if let Some(ranges) = &attribute.ranges {
        Cow::Owned(
            Ranges::try_from(ranges.clone())
                .map_or_else(|_| String::new(), |ranges| ranges.to_string()),
        )
    } else {
        let set = attribute.set.clone().unwrap_or_default();
        Cow::Owned(Set::from(set).to_string())
    }
}

/// A task that runs already. Constraints count it, and its executor is used again.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct RunningTask {
    /// The name of the [`Request`](crate::Request) that the task was placed for. Constraints such
    /// as unique compare tasks with one name.
    pub request: String,
    /// The labels of the task.
    pub labels: BTreeMap<String, String>,
    /// Where the task runs.
    pub agent: Agent,
    /// The labels that the task avoids. Tasks with these labels avoid the task, too.
    pub avoids: Vec<Avoided>,
    /// The executor of the task, exactly as it was launched. Mesos refuses another
    /// `ExecutorInfo` with the same id on the same agent (`validateExecutor` in
    /// src/master/validation.cpp).
    pub executor: Option<ExecutorInfo>,
}

/// A label that a task avoids, as in [`Constraint::Avoid`](crate::Constraint::Avoid).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Avoided {
    /// The key of the label.
    pub key: String,
    /// The value of the label.
    pub value: String,
    /// What the two agents must not have in common.
    pub field: Field,
}

impl Avoided {
    pub(crate) fn parts(&self) -> (&str, &str, &Field) {
        (&self.key, &self.value, &self.field)
    }
}

impl RunningTask {
    /// An instance of the request on `agent`, with the labels and the executor of the request, and
    /// what it avoids.
    ///
    /// A round returns this value in [`Placed::running`](crate::Placed::running). After a restart,
    /// a program makes it again from its own request. The executor must be the same as at the
    /// launch.
    pub fn of(request: &Request, agent: Agent) -> RunningTask {
        let mut running = RunningTask::new(request.name(), agent);
        for task in request.tasks() {
            running
                .labels
                .extend(label_map(task.template.labels.as_ref()));
        }
        let avoids = request.avoids();
        running.avoids = avoids
            .map(|(key, value, field)| Avoided {
                key: key.to_owned(),
                value: value.to_owned(),
                field: field.clone(),
            })
            .collect();
        if !request.grouped {
            running.executor.clone_from(&request.executor);
        }
        running
    }

    /// A task of the request with this name, on `agent`.
    pub fn new(request: impl Into<String>, agent: Agent) -> RunningTask {
        RunningTask {
            request: request.into(),
            agent,
            ..RunningTask::default()
        }
    }

    /// Adds a label. A repeated key replaces the value.
    #[must_use]
    pub fn with_label(mut self, key: impl Into<String>, value: impl Into<String>) -> RunningTask {
        self.labels.insert(key.into(), value.into());
        self
    }

    /// Sets the executor of the task, as it was launched.
    #[must_use]
    pub fn with_executor(mut self, executor: ExecutorInfo) -> RunningTask {
        self.executor = Some(executor);
        self
    }
}

/// What is known about the cluster apart from the offers.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Cluster {
    /// The tasks of the framework that run already, or were launched.
    pub tasks: Vec<RunningTask>,
    /// Executors of the framework that were launched, each with the id of its agent. Such an executor
    /// is used again if an offer of the agent reports that the executor runs, also without a task.
    pub executors: Vec<(String, ExecutorInfo)>,
    /// The ids of agents that are being drained. The constraint
    /// [`Available`](crate::Constraint::Available) fails there.
    pub draining: BTreeSet<String>,
}

impl Cluster {
    /// A cluster without tasks of the framework.
    pub fn new() -> Cluster {
        Cluster::default()
    }
}

impl From<Vec<RunningTask>> for Cluster {
    fn from(tasks: Vec<RunningTask>) -> Cluster {
        Cluster {
            tasks,
            ..Cluster::default()
        }
    }
}

/// The labels of a message as a map. A label without a value has an empty value.
pub(crate) fn label_map(labels: Option<&Labels>) -> BTreeMap<String, String> {
    let labels = labels.map_or(&[][..], |labels| &labels.labels);
    let pair = |label: &v1::Label| (label.key.clone(), label.value.clone().unwrap_or_default());
    labels.iter().map(pair).collect()
}
