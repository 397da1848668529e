//! Calls the handlers of events.

use std::sync::Arc;

use mesos_proto::v1::executor::event;
use mesos_proto::v1::{TaskId, TaskState, TaskStatus};

use super::Runtime;
use crate::StopReason;
use crate::backend::{Backend, Calls, ExecutorApi};
use crate::error::Result;
use crate::executor::sender::Sender;
use crate::executor::session::{Input, Output};
use crate::executor::{Event, Executor, Subscribed};
use crate::runtime::{Handled, ended, guarded};

impl<E, B, M> Runtime<E, B, M>
where
    E: Executor<M> + 'static,
    B: Backend<ExecutorApi> + 'static,
    M: Send + 'static,
{
    /// Hands one event to its handler. Returns the input for the session, or the driver's end.
    pub(super) async fn deliver(
        &mut self,
        event: Event,
        calls: &Arc<dyn Calls<ExecutorApi>>,
    ) -> Result<Input, Result<StopReason>> {
        let shared = Arc::clone(&self.handle);
        let link = &shared.link;
        let generation = self.session.generation();
        tracing::trace!(?event, "event");
        let (executor, driver) = (&mut self.executor, &self.driver);
        let (name, handler) = match event {
            Event::Subscribed(subscribed) => return self.subscribed(*subscribed, calls).await,
            Event::Launch(task) => {
                let receipt = shared.journal().launched((*task).clone());
                shared.stored(receipt).await;
                let ids = vec![task.task_id.clone()];
                let handler = executor.launch(driver, *task);
                let handled = guarded(link, "launch", handler).await;
                return self.launched(handled, ids).await;
            }
            Event::LaunchGroup(group) => {
                let mut ids = Vec::new();
                for task in &group.tasks {
                    let receipt = shared.journal().launched(task.clone());
                    shared.stored(receipt).await;
                    ids.push(task.task_id.clone());
                }
                let handler = executor.launch_group(driver, group);
                let handled = guarded(link, "launch_group", handler).await;
                return self.launched(handled, ids).await;
            }
            // The session decides when to call the handler.
            Event::Shutdown => return Ok(Input::ShutDown(generation)),
            Event::Error(message) => {
                link.disconnect();
                let handler = executor.error(driver, message.clone());
                let handled = guarded(link, "error", handler).await;
                return match ended(handled) {
                    Some(end) => Err(end),
                    None => Ok(Input::Refused(generation, message)),
                };
            }
            Event::Heartbeat => return Ok(Input::Look),
            Event::Kill {
                task_id,
                kill_policy,
            } => ("kill", executor.kill(driver, task_id, kill_policy)),
            Event::Acknowledged { task_id, uuid } => {
                shared.journal().acknowledged(&task_id, &uuid);
                let handler = executor.acknowledged(driver, task_id, uuid);
                ("acknowledged", handler)
            }
            Event::Message(data) => ("message", executor.message(driver, data)),
            Event::Unknown(event) => ("unknown", executor.unknown(driver, event)),
        };
        match ended(guarded(link, name, handler).await) {
            Some(end) => Err(end),
            None => Ok(Input::Look),
        }
    }

    async fn subscribed(
        &mut self,
        subscribed: event::Subscribed,
        calls: &Arc<dyn Calls<ExecutorApi>>,
    ) -> Result<Input, Result<StopReason>> {
        let generation = self.session.generation();
        if let (Some(own), Some(other)) = (&self.handle.agent_id, &subscribed.agent_info.id)
            && own != other
        {
            // Its updates would be dropped: the agent expects another process.
            let (own, other) = (&own.value, &other.value);
            let message = format!(
                "agent {other} is at the address, but this is an executor of agent {own} \
                 (MESOS_SLAVE_ID); a new agent does not take over executors"
            );
            return Ok(Input::Refused(generation, message));
        }
        let granted = Input::Granted(generation);
        let Output::Subscribed(resubscribed) = self.step(granted) else {
            return Ok(Input::Look);
        };
        let shared = Arc::clone(&self.handle);
        shared.link.connect(Arc::clone(calls));
        // A stream that subscribes again keeps its calls.
        if self.sender.is_none() {
            self.sender = Some(Sender::start(&shared, calls, self.environment.checkpoint));
        }
        let subscribed = Subscribed {
            executor_info: subscribed.executor_info,
            framework_info: subscribed.framework_info,
            agent_info: subscribed.agent_info,
            container_id: subscribed.container_id,
            resubscribed,
            recovered: std::mem::take(&mut self.recovered),
        };
        let handler = self.executor.subscribed(&self.driver, subscribed);
        match ended(guarded(&shared.link, "subscribed", handler).await) {
            Some(end) => Err(end),
            None => Ok(Input::Look),
        }
    }

    /// A launch that failed ends its tasks, so that the scheduler does not wait for them.
    async fn launched(
        &mut self,
        handled: Result<Handled>,
        ids: Vec<TaskId>,
    ) -> Result<Input, Result<StopReason>> {
        if let Ok(Handled::Failed(text)) = &handled {
            for task_id in ids {
                if !self.handle.journal().is_live(&task_id) {
                    continue;
                }
                let status = TaskStatus {
                    task_id,
                    state: TaskState::TaskFailed as i32,
                    message: Some(format!("the executor failed to launch the task: {text}")),
                    ..Default::default()
                };
                if let Err(error) = self.driver.send_update(status).await {
                    tracing::error!(error = %crate::error_chain(&error), "cannot report the failed launch");
                }
            }
        }
        match ended(handled) {
            Some(end) => Err(end),
            None => Ok(Input::Look),
        }
    }
}
