//! Carries out what follows a stored step.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use mesos_core::scheduler::{Acknowledgement, KillOptions};
use mesos_proto::v1::Filters;

use super::command::Accept;
use super::{Command, Driver, Effect, Runtime};
use crate::engine::Action;
use crate::pool::TakenOffer;

impl Runtime {
    pub(super) fn carry_out(&mut self, driver: &Driver, effects: Vec<Effect>) {
        let mut acknowledgements = Vec::new();
        for effect in effects {
            match effect {
                Effect::Action(action) => self.action(driver, action),
                Effect::Then(then) => then(),
                Effect::Acknowledge(one) => acknowledgements.push(*one),
                Effect::Accept(one) => accept(driver.clone(), *one),
            }
        }
        acknowledge(acknowledgements);
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

fn accept(driver: Driver, accept: Accept) {
    let Accept {
        offers,
        operations,
        launches,
        more,
    } = accept;
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

/// Acknowledges in one task, because each new task wakes another thread.
fn acknowledge(all: Vec<Acknowledgement>) {
    if all.is_empty() {
        return;
    }
    let all = all.into_iter().map(Acknowledgement::acknowledge);
    let mut all: FuturesUnordered<_> = all.collect();
    tokio::spawn(async move {
        while let Some(result) = all.next().await {
            if let Err(error) = result {
                tracing::debug!(%error, "the acknowledgement failed; Mesos repeats the update");
            }
        }
    });
}
