//! The state of the view, and how keys and the cluster change it. Pure.

mod input;

use std::sync::Arc;
use std::time::SystemTime;

use mesos::operator::ClusterSnapshot;
use mesos::v1::Task;

use super::layout::Slot;
use super::log::Log;
use super::model::{
    AgentRow, EventRow, FrameworkRow, List, Model, Orders, Pane, RoleRow, Share, TaskRow,
};

/// The number of events that are kept.
const EVENTS: usize = 1000;

/// See the module.
#[derive(Debug)]
pub(super) struct App {
    /// The address of the masters.
    pub(super) address: String,
    pub(super) connection: Connection,
    pub(super) focus: Slot,
    pub(super) agents: List<AgentRow>,
    pub(super) tasks: List<TaskRow>,
    pub(super) frameworks: List<FrameworkRow>,
    pub(super) roles: List<RoleRow>,
    pub(super) events: List<EventRow>,
    pub(super) totals: [Share; 4],
    pub(super) over: Over,
    /// Whether keys go to the filter, and the filter before.
    pub(super) typing: Option<String>,
    /// The number of rows on a page, from the last drawing.
    pub(super) page: usize,
    number: u64,
}

/// Whether the state is that of the leading master.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Connection {
    Connecting,
    Connected,
    /// The reason.
    Lost(String),
}

/// What covers the panes.
#[derive(Debug)]
pub(super) enum Over {
    Nothing,
    Help,
    Log(Box<OpenLog>),
}

/// The output of a task that the user reads.
#[derive(Debug)]
pub(super) struct OpenLog {
    pub(super) task: Arc<Task>,
    pub(super) log: Log,
}

/// What has to happen outside of this state.
#[derive(Debug)]
pub(super) enum Effect {
    Nothing,
    Quit,
    /// Read the file of the log that is open.
    Read,
    StopReading,
}

impl App {
    pub(super) fn new(address: String) -> Self {
        Self {
            address,
            connection: Connection::Connecting,
            focus: Slot::Tasks,
            agents: List::default(),
            tasks: List::default(),
            frameworks: List::default(),
            roles: List::default(),
            events: List::default(),
            totals: Default::default(),
            over: Over::Nothing,
            typing: None,
            page: 1,
            number: 0,
        }
    }

    /// Shows the state of the connection.
    pub(super) fn connect(&mut self, snapshot: &ClusterSnapshot) {
        self.connection = match snapshot.disconnected() {
            _ if snapshot.is_current() => Connection::Connected,
            Some(error) => Connection::Lost(format!("{error:#}")),
            None => Connection::Connecting,
        };
    }

    pub(super) fn orders(&self) -> Orders {
        Orders {
            agents: self.agents.order(),
            tasks: self.tasks.order(),
        }
    }

    /// Shows another state of the cluster.
    pub(super) fn replace(&mut self, model: Model) {
        self.agents.replace(model.agents);
        self.tasks.replace(model.tasks);
        self.frameworks.replace(model.frameworks);
        self.roles.replace(model.roles);
        self.totals = model.totals;
    }

    /// Shows an event.
    pub(super) fn event(&mut self, time: SystemTime, r#type: &'static str, text: String) {
        self.number += 1;
        let row = EventRow::new(self.number, time, r#type, text);
        self.events.push(row, EVENTS);
    }

    pub(super) fn pane(&mut self, slot: Slot) -> &mut dyn Pane {
        match slot {
            Slot::Agents => &mut self.agents,
            Slot::Tasks => &mut self.tasks,
            Slot::Frameworks => &mut self.frameworks,
            Slot::Roles => &mut self.roles,
            Slot::Events => &mut self.events,
        }
    }

    /// The log that is open.
    pub(super) fn log(&mut self) -> Option<&mut OpenLog> {
        match &mut self.over {
            Over::Log(open) => Some(open),
            _ => None,
        }
    }
}
