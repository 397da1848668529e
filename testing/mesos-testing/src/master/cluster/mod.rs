//! The cluster in memory: frameworks, agents, offers, tasks and operations, and the effects of
//! calls and time on them.
//!
//! The cluster is behind one lock and does no I/O: outgoing events go into the queues of streams,
//! delayed actions go to the clock. The rules are those of src/master/master.cpp. Each file is
//! named after its subject.

mod accept;
mod agents;
mod calls;
mod constraints;
mod inverse;
mod offers;
mod operations;
mod reconcile;
mod records;
mod subscribe;
mod tasks;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;

use mesos_proto::v1::scheduler::Event;
use mesos_proto::v1::{FrameworkId, InverseOffer, MasterInfo, TaskInfo, TaskStatus};

use self::agents::AgentState;
use self::offers::OutstandingOffer;
use self::records::Framework;
use super::builder::Settings;
use super::chaos::Disturber;
use super::clock::{Action, Clock};
use super::nature::Nature;
use crate::log::Log;

/// A launched task, as it appears in listings.
#[derive(Clone)]
pub(crate) struct Launched(pub(crate) TaskInfo);

impl fmt::Display for Launched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(task) = self;
        write!(f, "{} on {}", task.task_id, task.agent_id)
    }
}

/// The cluster of the module.
pub(crate) struct Cluster {
    pub(crate) settings: Arc<Settings>,
    pub(crate) clock: Clock,
    pub(crate) info: MasterInfo,
    nature: Arc<Nature>,
    chaos: Arc<Disturber>,
    /// By id, and so in the order of their first subscription.
    frameworks: BTreeMap<String, Framework>,
    /// The removed frameworks, oldest first.
    completed: VecDeque<String>,
    /// The registered agents.
    agents: BTreeMap<String, AgentState>,
    /// Agents that are known only from the registry, after a failover of the master.
    recovered: BTreeMap<String, AgentState>,
    unreachable: BTreeMap<String, AgentState>,
    gone: BTreeSet<String>,
    offers: BTreeMap<String, OutstandingOffer>,
    inverse_offers: BTreeMap<String, InverseOffer>,
    /// The launched tasks, in order.
    launched: Arc<Log<Launched>>,
    /// The acknowledged updates, in order.
    acknowledged: Vec<TaskStatus>,
    frameworks_so_far: u64,
    offers_so_far: u64,
    /// Of all leaders, because a timeout outlives the leader that began it.
    absences_so_far: u64,
    /// Whether an allocation is scheduled.
    allocating: bool,
    /// The number of the framework that is first in the next allocation.
    turn: usize,
}

impl Cluster {
    pub(crate) fn new(
        settings: Arc<Settings>,
        clock: Clock,
        info: MasterInfo,
        nature: Arc<Nature>,
        chaos: Arc<Disturber>,
        launched: Arc<Log<Launched>>,
    ) -> Self {
        let mut cluster = Self {
            clock,
            info,
            nature,
            chaos,
            frameworks: BTreeMap::new(),
            completed: VecDeque::new(),
            agents: BTreeMap::new(),
            recovered: BTreeMap::new(),
            unreachable: BTreeMap::new(),
            gone: BTreeSet::new(),
            offers: BTreeMap::new(),
            inverse_offers: BTreeMap::new(),
            launched,
            acknowledged: Vec::new(),
            frameworks_so_far: 0,
            offers_so_far: 0,
            absences_so_far: 0,
            allocating: false,
            turn: 0,
            settings,
        };
        for agent in cluster.settings.agents.clone() {
            cluster.add_agent(agent);
        }
        cluster
    }

    /// Executes an action that is due.
    pub(crate) fn act(&mut self, action: Action) {
        match action {
            Action::StreamClosed(stream) => self.disconnected(&stream),
            Action::Heartbeat(stream) => {
                if stream.heartbeat() {
                    let again = Action::Heartbeat(stream);
                    self.clock.after(self.settings.heartbeat, again);
                }
            }
            Action::Allocate => {
                self.allocating = false;
                self.allocate();
            }
            // Filters often expire together.
            Action::FilterExpired => self.request_allocation(),
            Action::FailoverTimeout(framework_id, absence) => {
                self.failover_timeout(&framework_id, absence);
            }
            Action::Step {
                framework_id,
                task_id,
                life,
                step,
            } => self.step(&framework_id, &task_id, life, step),
            Action::Killed(framework_id, task_id, life) => {
                self.killed(&framework_id, &task_id, life);
            }
            Action::Resend {
                framework_id,
                task_id,
                sending,
                wait,
            } => self.resend(&framework_id, &task_id, sending, wait),
            Action::ResendOperation {
                framework_id,
                operation_id,
                wait,
            } => self.resend_operation(&framework_id, &operation_id, wait),
            Action::InverseOffer(framework_id, agent_id) => {
                self.send_inverse_offer(&framework_id, &agent_id);
            }
        }
    }

    /// Sends `event` to a framework. The event is lost if the framework is not connected.
    fn send(&self, framework_id: &FrameworkId, event: Event) {
        let framework = self.frameworks.get(framework_id.as_str());
        if let Some(stream) = framework.and_then(|framework| framework.stream.as_ref()) {
            stream.send(event);
        }
    }
}
