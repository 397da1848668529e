//! The events as text.

use mesos::operator::ClusterEvent;
use mesos::v1::master::response::get_frameworks::Framework;
use mesos::v1::{FrameworkId, FrameworkInfo, Task};

use super::Type;

/// The type of an event and its details on one line; `None` for a loss of the connection, and for an
/// event that this version does not know.
pub(crate) fn describe(event: &ClusterEvent) -> Option<(Type, String)> {
    Some(match event {
        ClusterEvent::Snapshot(state) => {
            let agents = state.get_agents.as_ref().map_or(0, |a| a.agents.len());
            let frameworks = state.get_frameworks.as_ref();
            let frameworks = frameworks.map_or(0, |f| f.frameworks.len());
            let tasks = state.get_tasks.as_ref().map_or(0, |t| t.tasks.len());
            let text = format!("agents={agents} frameworks={frameworks} tasks={tasks}");
            (Type::Subscribed, text)
        }
        ClusterEvent::TaskAdded(task) => (Type::TaskAdded, added(task)),
        ClusterEvent::TaskUpdated(update) => {
            let mut text = format!(
                "task={} state={} framework={}",
                update.status.task_id,
                update.state().as_str_name(),
                update.framework_id
            );
            if let Some(message) = update.status.message.as_ref().filter(|m| !m.is_empty()) {
                text.push_str(&format!(" message={message:?}"));
            }
            (Type::TaskUpdated, text)
        }
        ClusterEvent::AgentAdded(agent) => {
            let info = &agent.agent_info;
            let id = info.id.as_ref().map_or("?", |id| id.as_str());
            (
                Type::AgentAdded,
                format!("agent={id} host={}", info.hostname),
            )
        }
        ClusterEvent::AgentRemoved(agent) => (Type::AgentRemoved, format!("agent={agent}")),
        ClusterEvent::FrameworkAdded(framework) => (Type::FrameworkAdded, of(framework)),
        ClusterEvent::FrameworkUpdated(framework) => (Type::FrameworkUpdated, of(framework)),
        ClusterEvent::FrameworkRemoved(info) => (Type::FrameworkRemoved, named(info)),
        _ => return None,
    })
}

fn added(task: &Task) -> String {
    format!(
        "task={} name={} state={} framework={} agent={}",
        task.task_id,
        task.name,
        task.state().as_str_name(),
        task.framework_id,
        task.agent_id
    )
}

fn of(framework: &Framework) -> String {
    named(&framework.framework_info)
}

fn named(info: &FrameworkInfo) -> String {
    let id = info.id.as_ref().map_or("?", FrameworkId::as_str);
    format!("framework={id} name={}", info.name)
}
