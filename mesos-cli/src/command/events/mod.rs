//! `mesos events`: the event stream of the master.

mod describe;

use clap::ValueEnum;
use mesos::operator::ClusterEvent;
use serde::Serialize;
use serde_json::{Value, json};

pub(crate) use self::describe::describe;
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
pub(crate) enum Type {
    Subscribed,
    TaskAdded,
    TaskUpdated,
    AgentAdded,
    AgentRemoved,
    FrameworkAdded,
    FrameworkUpdated,
    FrameworkRemoved,
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
                if let Some((r#type, text)) = describe(&event)
                    && (args.types.is_empty() || args.types.contains(&r#type))
                {
                    print(&event, r#type, &text, context)?;
                }
            }
        }
    }
    Ok(())
}

fn print(event: &ClusterEvent, r#type: Type, text: &str, context: &Context) -> Result<(), Error> {
    let name = r#type.name();
    let object = || json!({ "type": name, name.to_ascii_lowercase(): body(event) });
    match context.out.format {
        Format::Table | Format::Wide => context.out.text(&line(&format!("{name:<18} {text}"))),
        Format::Name => context.out.text(&format!("{name}\n")),
        // One object on each line, so that other programs can read events as they arrive.
        Format::Json => context.out.text(&format!("{}\n", object())),
        Format::Yaml => {
            context.out.text("---\n")?;
            context.out.serialized(&object())
        }
    }
}

impl Type {
    /// The name of the type in Mesos.
    pub(crate) fn name(self) -> &'static str {
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

/// The message of Mesos.
fn body(event: &ClusterEvent) -> Value {
    match event {
        ClusterEvent::Snapshot(state) => json!({ "get_state": value(state.as_ref()) }),
        ClusterEvent::TaskAdded(task) => json!({ "task": value(task.as_ref()) }),
        ClusterEvent::TaskUpdated(update) => value(update.as_ref()),
        ClusterEvent::AgentAdded(agent) => json!({ "agent": value(agent.as_ref()) }),
        ClusterEvent::AgentRemoved(agent) => json!({ "agent_id": value(agent) }),
        ClusterEvent::FrameworkAdded(framework) | ClusterEvent::FrameworkUpdated(framework) => {
            json!({ "framework": value(framework.as_ref()) })
        }
        ClusterEvent::FrameworkRemoved(info) => json!({ "framework_info": value(info.as_ref()) }),
        _ => Value::Null,
    }
}

/// The message as JSON. A message that JSON cannot represent is `null`.
fn value(message: &impl Serialize) -> Value {
    serde_json::to_value(message).unwrap_or_default()
}
