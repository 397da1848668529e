//! `mesos events`: the event stream of the master.

use clap::ValueEnum;
use mesos::operator::ClusterEvent;
use serde::Serialize;
use serde_json::{Value, json};

use crate::context::Context;
use crate::error::Error;
use crate::output::{Format, line, note};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only events of these types; may be repeated, or a list with commas
    #[arg(long = "type", value_name = "TYPE", value_enum, value_delimiter = ',')]
    types: Vec<Type>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Type {
    Subscribed,
    TaskAdded,
    TaskUpdated,
    AgentAdded,
    AgentRemoved,
    FrameworkAdded,
    FrameworkUpdated,
    FrameworkRemoved,
}

/// One event: its type, the line for a terminal, and the message of Mesos.
struct Shown {
    r#type: Type,
    line: String,
    body: Value,
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<(), Error> {
    let mut events = context.master()?.watch();
    let mut subscribed = false;
    while let Some(event) = events.next().await {
        match event? {
            // A wrong address does not become right.
            ClusterEvent::Disconnected { error, .. } if !subscribed && error.is_configuration() => {
                return Err(error.into());
            }
            ClusterEvent::Disconnected { error, retry_after } => note(&format!(
                "disconnected, next attempt in {:.1} s: {error:#}",
                retry_after.as_secs_f64()
            )),
            event => {
                subscribed = true;
                if let Some(shown) = shown(&event)
                    && (args.types.is_empty() || args.types.contains(&shown.r#type))
                {
                    print(&shown, context)?;
                }
            }
        }
    }
    Ok(())
}

fn print(shown: &Shown, context: &Context) -> Result<(), Error> {
    let name = shown.r#type.name();
    match context.out.format {
        Format::Table | Format::Wide => context
            .out
            .text(&line(&format!("{name:<18} {}", shown.line))),
        Format::Name => context.out.text(&format!("{name}\n")),
        // One object on each line, so that other programs can read events as they arrive.
        Format::Json => {
            let object = json!({ "type": name, name.to_ascii_lowercase(): shown.body });
            context.out.text(&format!("{object}\n"))
        }
        Format::Yaml => {
            context.out.text("---\n")?;
            context
                .out
                .serialized(&json!({ "type": name, name.to_ascii_lowercase(): shown.body }))
        }
    }
}

impl Type {
    /// The name of the type in Mesos.
    fn name(self) -> &'static str {
        match self {
            Self::Subscribed => "SUBSCRIBED",
            Self::TaskAdded => "TASK_ADDED",
            Self::TaskUpdated => "TASK_UPDATED",
            Self::AgentAdded => "AGENT_ADDED",
            Self::AgentRemoved => "AGENT_REMOVED",
            Self::FrameworkAdded => "FRAMEWORK_ADDED",
            Self::FrameworkUpdated => "FRAMEWORK_UPDATED",
            Self::FrameworkRemoved => "FRAMEWORK_REMOVED",
        }
    }
}

/// `None` for an event that this version does not know.
fn shown(event: &ClusterEvent) -> Option<Shown> {
    let id = |id: Option<&str>| id.unwrap_or("?").to_owned();
    let (r#type, line, body) = match event {
        ClusterEvent::Snapshot(state) => {
            let agents = state.get_agents.as_ref().map_or(0, |a| a.agents.len());
            let frameworks = state
                .get_frameworks
                .as_ref()
                .map_or(0, |f| f.frameworks.len());
            let tasks = state.get_tasks.as_ref().map_or(0, |t| t.tasks.len());
            let line = format!("agents={agents} frameworks={frameworks} tasks={tasks}");
            (
                Type::Subscribed,
                line,
                json!({ "get_state": value(state.as_ref()) }),
            )
        }
        ClusterEvent::TaskAdded(task) => {
            let line = format!(
                "task={} name={} state={} framework={} agent={}",
                task.task_id,
                task.name,
                task.state().as_str_name(),
                task.framework_id,
                task.agent_id
            );
            (
                Type::TaskAdded,
                line,
                json!({ "task": value(task.as_ref()) }),
            )
        }
        ClusterEvent::TaskUpdated(update) => {
            let mut line = format!(
                "task={} state={} framework={}",
                update.status.task_id,
                update.state().as_str_name(),
                update.framework_id
            );
            if let Some(message) = update.status.message.as_ref().filter(|m| !m.is_empty()) {
                line.push_str(&format!(" message={message:?}"));
            }
            (Type::TaskUpdated, line, value(update.as_ref()))
        }
        ClusterEvent::AgentAdded(agent) => {
            let info = &agent.agent_info;
            let agent_id = id(info.id.as_ref().map(|id| id.value.as_str()));
            let line = format!("agent={agent_id} host={}", info.hostname);
            (
                Type::AgentAdded,
                line,
                json!({ "agent": value(agent.as_ref()) }),
            )
        }
        ClusterEvent::AgentRemoved(agent) => {
            let line = format!("agent={agent}");
            (
                Type::AgentRemoved,
                line,
                json!({ "agent_id": value(agent) }),
            )
        }
        ClusterEvent::FrameworkAdded(framework) | ClusterEvent::FrameworkUpdated(framework) => {
            let r#type = match event {
                ClusterEvent::FrameworkAdded(_) => Type::FrameworkAdded,
                _ => Type::FrameworkUpdated,
            };
            let info = &framework.framework_info;
            let framework_id = id(info.id.as_ref().map(|id| id.value.as_str()));
            let line = format!("framework={framework_id} name={}", info.name);
            (
                r#type,
                line,
                json!({ "framework": value(framework.as_ref()) }),
            )
        }
        ClusterEvent::FrameworkRemoved(info) => {
            let framework_id = id(info.id.as_ref().map(|id| id.value.as_str()));
            let line = format!("framework={framework_id} name={}", info.name);
            (
                Type::FrameworkRemoved,
                line,
                json!({ "framework_info": value(info.as_ref()) }),
            )
        }
        _ => return None,
    };
    Some(Shown { r#type, line, body })
}

/// The message as JSON. A message that JSON cannot represent is `null`.
fn value(message: &impl Serialize) -> Value {
    serde_json::to_value(message).unwrap_or_default()
}
