//! Carries out what follows a stored step.

use std::time::Duration;

use mesos_core::scheduler::KillOptions;
use mesos_proto::v1::Filters;

use super::command::Accept;
use super::{Command, Driver, Effect, Runtime};
use crate::engine::Action;
use crate::pool::TakenOffer;

impl Runtime {
    pub(super) fn effect(&mut self, driver: &Driver, effect: Effect) {
        match effect {
            Effect::Action(action) => self.action(driver, action),
            Effect::Then(then) => then(),
            Effect::Acknowledge(acknowledgement) => {
                tokio::spawn(async move {
                    if let Err(error) = acknowledgement.acknowledge().await {
                        tracing::debug!(%error, "the acknowledgement failed; Mesos repeats the update");
                    }
                });
            }
            Effect::Accept(accept) => {
                let Accept {
                    offers,
                    operations,
                    launches,
                    more,
                } = *accept;
                let driver = driver.clone();
                tokio::spawn(async move {
                    let offers = offers.into_iter().map(TakenOffer::into_offer);
                    let filters = more.then(|| Filters::refuse(Duration::ZERO));
                    let result = driver.accept(offers, operations, filters).await;
                    if let Err(error) = &result {
                        tracing::debug!(%error, "the ACCEPT failed");
                    }
                    // Fails if the driver has ended; the next run reconciles.
                    let _ = driver.send(Command::Answered(launches, result));
                });
            }
        }
    }

    fn action(&mut self, driver: &Driver, action: Action) {
        match action {
            Action::Kill(tasks, agent) => {
                for task in tasks {
                    let options = KillOptions::new().agent(agent.clone());
                    if let Err(error) = driver.kill_until_ended(task.clone(), options) {
                        tracing::error!(%error, task_id = %task, "cannot kill the task");
                    }
                }
            }
            Action::Reconcile(tasks) => {
                let tasks = tasks.into_iter().map(|(task, agent)| (task, Some(agent)));
                if let Err(error) = driver.reconcile_until_answered(tasks) {
                    tracing::error!(%error, "cannot reconcile");
                }
            }
            Action::Ended(outcome) => {
                self.timeline.ended(&outcome);
                self.listeners.ended(&outcome);
            }
            // Was shown when the step was made.
            Action::Changed(_) | Action::Service(_) => {}
        }
    }
}
