//! What Mesos reports.

use mesos_core::scheduler::{Failure, Subscribed};
use mesos_core::store::Change;
use mesos_core::{HandlerResult, Offer, Scheduler, StatusUpdate};
use mesos_proto::TaskFate;
use mesos_proto::v1::{InverseOffer, OfferId};

use super::writer::Urgency;
use super::{Command, Driver, Effect, Runtime};
use crate::engine::{Handled, Step};
use crate::runner::UnknownTasks;

#[async_trait::async_trait]
impl Scheduler<Command> for Runtime {
    async fn subscribed(&mut self, driver: &Driver, _: Subscribed) -> HandlerResult {
        self.pool.subscribed();
        self.demand.subscribed();
        self.engine.forget_announcements();
        self.fresh = true;
        let actions = std::mem::take(&mut self.recovered);
        let step = Step {
            changes: Vec::new(),
            actions,
        };
        self.store(driver, step, Vec::new());
        Ok(())
    }

    async fn offers(&mut self, driver: &Driver, offers: Vec<Offer>) -> HandlerResult {
        self.pool.add(offers);
        self.fresh = true;
        self.work_soon(driver);
        Ok(())
    }

    async fn inverse_offers(&mut self, driver: &Driver, all: Vec<InverseOffer>) -> HandlerResult {
        for offer in all {
            if let Some(agent) = &offer.agent_id {
                self.engine.announced(agent.as_str(), offer.id.as_str());
            }
        }
        self.work_soon(driver);
        self.accept_left(driver);
        Ok(())
    }

    async fn rescind_inverse_offer(&mut self, driver: &Driver, id: OfferId) -> HandlerResult {
        self.engine.rescinded(id.as_str());
        self.work_soon(driver);
        Ok(())
    }

    async fn rescind(&mut self, _: &Driver, offer_id: OfferId) -> HandlerResult {
        self.pool.rescind(&offer_id);
        Ok(())
    }

    async fn failure(&mut self, driver: &Driver, failure: Failure) -> HandlerResult {
        match failure {
            Failure::Agent(agent_id) => self.pool.agent_lost(&agent_id),
            Failure::Executor {
                agent_id,
                executor_id,
                ..
            } => {
                let (agent, executor) = (agent_id.as_str(), executor_id.as_str());
                if let Some(change) = self.executors.ended(agent, executor) {
                    let step = Step {
                        changes: vec![change],
                        actions: Vec::new(),
                    };
                    self.store(driver, step, Vec::new());
                }
            }
            _ => {}
        }
        Ok(())
    }

    async fn update(&mut self, driver: &Driver, update: &StatusUpdate) -> HandlerResult {
        let step = match self.engine.update(update, self.now())? {
            Handled::Known(step) => step,
            Handled::Stranger => {
                self.stranger(driver, update);
                return Ok(());
            }
        };
        // What is known of a task that has not ended comes back with reconciliation. An end that was
        // recorded before may still be on its way to the store.
        let is_safe = update.fate()? == TaskFate::Active
            || (step.changes.is_empty() && self.writer.is_idle());
        let acknowledge = match is_safe {
            true => None,
            false => update.defer().map(|one| Effect::Acknowledge(Box::new(one))),
        };
        self.store(driver, step, acknowledge.into_iter().collect());
        Ok(())
    }

    async fn input(&mut self, driver: &Driver, input: Command) -> HandlerResult {
        self.request(driver, input);
        Ok(())
    }
}

impl Runtime {
    /// Informs the operator about agents that the framework does not use any more.
    pub(super) fn accept_left(&mut self, driver: &Driver) {
        let left = self.engine.take_left();
        if left.is_empty() {
            return;
        }
        let driver = driver.clone();
        tokio::spawn(async move {
            let ids = left.into_iter().map(OfferId::from);
            if let Err(error) = driver.accept_inverse_offers(ids, None).await {
                tracing::debug!(%error, "cannot accept the inverse offers");
            }
        });
    }

    /// A task that is in no record exists. It may be a task of the process that leads now, so this
    /// process first shows with a commit that it leads.
    fn stranger(&self, driver: &Driver, update: &StatusUpdate) {
        let acknowledge = update.defer();
        let mut effects: Vec<Effect> = acknowledge
            .map(|one| Effect::Acknowledge(Box::new(one)))
            .into_iter()
            .collect();
        let (driver, task_id, policy) = (driver.clone(), update.task_id.clone(), self.unknown);
        effects.push(Effect::Then(Box::new(move || match policy {
            UnknownTasks::Kill => {
                tracing::warn!(%task_id, "killing a task that is in no record");
                if let Err(error) = driver.kill_until_ended(task_id, Default::default()) {
                    tracing::error!(%error, "cannot kill the task");
                }
            }
            UnknownTasks::Report => tracing::warn!(%task_id, "a task is in no record"),
        })));
        let changes = vec![Change::remove(NOTHING)];
        self.writer.push(changes, effects, Urgency::AtOnce);
    }
}

/// The key of an entry that never exists.
const NOTHING: &str = "meta/nothing";
