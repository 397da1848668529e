//! Draining, deactivating and removing agents.

use std::time::Duration;

use mesos_core::Result;
use mesos_proto::v1::AgentId;
use mesos_proto::v1::master::{Call, call, call::Type};

use super::{MasterClient, of};

/// The longest duration that protobuf permits, in seconds (google/protobuf/duration.proto).
const LONGEST: Duration = Duration::from_secs(315_576_000_000);

/// How an agent is drained.
///
/// ```
/// use std::time::Duration;
/// use mesos::operator::DrainOptions;
///
/// let options = DrainOptions::new().max_grace_period(Duration::from_secs(60)).mark_gone(true);
/// # let _ = options;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DrainOptions {
    max_grace_period: Option<Duration>,
    mark_gone: bool,
}

impl DrainOptions {
    /// The kill policies of the tasks apply, and the agent stays deactivated after the drain.
    pub fn new() -> Self {
        Self::default()
    }

    /// The longest grace period of a task, whatever its kill policy.
    #[must_use]
    pub fn max_grace_period(mut self, period: impl Into<Option<Duration>>) -> Self {
        self.max_grace_period = period.into();
        self
    }

    /// Whether the master marks the agent gone after the drain (default: false).
    #[must_use]
    pub fn mark_gone(mut self, mark: bool) -> Self {
        self.mark_gone = mark;
        self
    }
}

impl MasterClient {
    /// DRAIN_AGENT with default options (since Mesos 1.9); see
    /// [`drain_agent_with`](Self::drain_agent_with).
    pub async fn drain_agent(&self, agent: impl Into<AgentId>) -> Result<()> {
        self.drain_agent_with(agent, DrainOptions::new()).await
    }

    /// DRAIN_AGENT: stops the offers of an agent and kills all its tasks (since Mesos 1.9). The
    /// progress is the field `drain_info` of the agent in [`get_agents`](Self::get_agents). The
    /// status of an error is 400 for an agent that is unknown, cannot drain or is in the maintenance
    /// schedule, and 409 for an agent that is being marked gone.
    pub async fn drain_agent_with(
        &self,
        agent: impl Into<AgentId>,
        options: DrainOptions,
    ) -> Result<()> {
        let period = options.max_grace_period.map(|period| period.min(LONGEST));
        self.set(Call {
            drain_agent: Some(call::DrainAgent {
                agent_id: agent.into(),
                max_grace_period: period.and_then(|period| period.try_into().ok()),
                mark_gone: options.mark_gone.then_some(true),
            }),
            ..of(Type::DrainAgent)
        })
        .await
    }

    /// DEACTIVATE_AGENT: stops the offers of an agent; its tasks continue to run (since Mesos 1.9).
    /// The status of an error for an unknown agent is 400.
    pub async fn deactivate_agent(&self, agent: impl Into<AgentId>) -> Result<()> {
        self.set(Call {
            deactivate_agent: Some(call::DeactivateAgent {
                agent_id: agent.into(),
            }),
            ..of(Type::DeactivateAgent)
        })
        .await
    }

    /// REACTIVATE_AGENT: offers an agent again that was deactivated or has drained (since Mesos
    /// 1.9). The status of an error is 400 for an agent that is not deactivated or still drains. It
    /// is 409 for an agent that is not registered; the master still reactivates the agent for its
    /// return.
    pub async fn reactivate_agent(&self, agent: impl Into<AgentId>) -> Result<()> {
        self.set(Call {
            reactivate_agent: Some(call::ReactivateAgent {
                agent_id: agent.into(),
            }),
            ..of(Type::ReactivateAgent)
        })
        .await
    }

    /// MARK_AGENT_GONE: marks an agent as permanently gone. The master shuts it down if possible; an
    /// agent that returns is refused. `Ok` also for an agent that is gone already. The status of an
    /// error for an unknown agent is 404. The client repeats the call while the master answers 503
    /// because the agent is being removed.
    pub async fn mark_agent_gone(&self, agent: impl Into<AgentId>) -> Result<()> {
        self.set(Call {
            mark_agent_gone: Some(call::MarkAgentGone {
                agent_id: agent.into(),
            }),
            ..of(Type::MarkAgentGone)
        })
        .await
    }
}
