//! The calls that use offers. None of them waits for a subscription: an offer does not outlive
//! its subscription.

use mesos_proto::v1::scheduler::Call;
use mesos_proto::v1::{AgentId, Filters, OfferId, TaskInfo, offer::Operation};

use super::SchedulerDriver;
use crate::capability::Capability;
use crate::error::{Error, ErrorKind, Result};
use crate::scheduler::handle::Route;
use crate::scheduler::ledger::UsedOffers;
use crate::scheduler::{Offer, calls, validate};

impl<M: Send + 'static> SchedulerDriver<M> {
    /// Runs `operations` on the resources of `offers`, which must be offers of one agent for
    /// one role. The resources that stay unused are declined with `filters` (`None`: 5 s).
    /// Without operations this is [`decline`](Self::decline).
    ///
    /// A task whose `agent_id` is empty gets the agent of the offer.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] without offers, or with offers that do not belong together, or
    /// with operations that Mesos would refuse; [`ErrorKind::OfferGone`] if one of the offers
    /// is void (Mesos would drop the whole call then); those of a call.
    ///
    /// After every error, and if the future is dropped before the answer, the driver declines the
    /// offers with the default filter: see [`Offer`]. Mesos then offers the resources again. If
    /// the result is unknown ([`Delivery::Unknown`](crate::Delivery::Unknown)), the driver also
    /// reconciles the tasks and the operations that have an id.
    #[doc(alias = "acceptOffers")]
    pub async fn accept(
        &self,
        offers: impl IntoIterator<Item = Offer>,
        operations: impl IntoIterator<Item = Operation>,
        filters: Option<Filters>,
    ) -> Result<()> {
        let (route, call, used, agent_id) = {
            let offers: Vec<Offer> = offers.into_iter().collect();
            let agent_id = common_agent(&offers)?;
            let mut operations: Vec<Operation> = operations.into_iter().collect();
            let gpus = self.shared().subscribe_state().uses_gpus() || offers.iter().any(has_gpus);
            for operation in &mut operations {
                self.check(operation)?;
                if !gpus {
                    validate::no_gpus(operation)?;
                }
                fill_agent_id(operation, &agent_id);
            }
            let build = |ids| calls::accept(ids, operations, filters);
            let (route, call, used) = self.take(&offers, build)?;
            (route, call, used, agent_id)
        };
        let made = self.handle().make(&route, call, Some(agent_id), used);
        made.await
    }

    /// Launches `tasks` on one offer: [`accept`](Self::accept) with a single LAUNCH operation.
    /// The resources that stay unused are offered again after 5 s. `tasks` is a list of tasks or
    /// a single task.
    ///
    /// # Errors
    /// Those of [`accept`](Self::accept).
    #[doc(alias = "launchTasks", alias = "launchTask")]
    pub async fn launch(
        &self,
        offer: Offer,
        tasks: impl IntoIterator<Item = TaskInfo>,
    ) -> Result<()> {
        self.accept([offer], [Operation::launch(tasks)], None).await
    }

    /// As [`launch`](Self::launch), with `filters` for the resources that stay unused.
    ///
    /// # Errors
    /// Those of [`accept`](Self::accept).
    pub async fn launch_with(
        &self,
        offer: Offer,
        tasks: impl IntoIterator<Item = TaskInfo>,
        filters: Filters,
    ) -> Result<()> {
        self.accept([offer], [Operation::launch(tasks)], Some(filters))
            .await
    }

    /// Takes `offers` for the call that `build` makes, and returns the call and the subscription
    /// that the offers belong to.
    fn take(
        &self,
        offers: &[Offer],
        build: impl FnOnce(Vec<OfferId>) -> Call,
    ) -> Result<(Route, Call, Option<UsedOffers>)> {
        let call = build(offers.iter().map(|offer| offer.id().into()).collect());
        validate::call(&call, Vec::new)?;
        let filters = call.decline.as_ref().and_then(|decline| decline.filters);
        let (route, used) = self.handle().take(|_| Offer::take(offers, filters))?;
        Ok((route, call, used))
    }

    fn check(&self, operation: &Operation) -> Result<()> {
        let Some(id) = &operation.id else {
            return Ok(());
        };
        // The master answers TASK_ERROR for each task of such a launch.
        if operation.launch.is_some() || operation.launch_group.is_some() {
            return Err(Error::new(
                ErrorKind::Config,
                format!(
                    "LAUNCH and LAUNCH_GROUP must not have an operation id, but one has the id \
                     `{}`",
                    id.value
                ),
            ));
        }
        self.shared().require(Capability::OperationFeedback)
    }

    /// Declines `offers`. Their resources are not offered again for the time in `filters`
    /// (`None`: 5 s).
    ///
    /// # Errors
    /// [`ErrorKind::OfferGone`] if one of the offers is void; those of a call. After every error
    /// the driver declines the offers itself: see [`Offer`].
    #[doc(alias = "declineOffer", alias = "declineOffers")]
    pub async fn decline(
        &self,
        offers: impl IntoIterator<Item = Offer>,
        filters: Option<Filters>,
    ) -> Result<()> {
        let (route, call, used) = {
            let offers: Vec<Offer> = offers.into_iter().collect();
            if offers.is_empty() {
                return Ok(());
            }
            self.take(&offers, |ids| calls::decline(ids, filters))?
        };
        self.handle().make(&route, call, None, used).await
    }

    /// Informs the operator that the framework agrees to give up the resources.
    ///
    /// # Errors
    /// Those of a call; [`ErrorKind::Unsupported`].
    #[doc(alias = "acceptInverseOffers")]
    pub async fn accept_inverse_offers(
        &self,
        ids: impl IntoIterator<Item = OfferId>,
        filters: Option<Filters>,
    ) -> Result<()> {
        self.shared().require(Capability::InverseOffers)?;
        let call = calls::accept_inverse_offers(ids.into_iter().collect(), filters);
        self.call(call).await
    }

    /// Informs the operator that the framework cannot give up the resources now.
    ///
    /// # Errors
    /// Those of a call; [`ErrorKind::Unsupported`].
    #[doc(alias = "declineInverseOffers")]
    pub async fn decline_inverse_offers(
        &self,
        ids: impl IntoIterator<Item = OfferId>,
        filters: Option<Filters>,
    ) -> Result<()> {
        self.shared().require(Capability::InverseOffers)?;
        let call = calls::decline_inverse_offers(ids.into_iter().collect(), filters);
        self.call(call).await
    }
}

/// The agent of `offers`, if the offers may be used together.
fn common_agent(offers: &[Offer]) -> Result<AgentId> {
    let Some(first) = offers.first() else {
        let text = "ACCEPT needs at least one offer";
        return Err(Error::new(ErrorKind::Config, text));
    };
    for other in &offers[1..] {
        if other.agent_id() != first.agent_id() || other.role() != first.role() {
            return Err(Error::new(
                ErrorKind::Config,
                format!(
                    "offers accepted together must belong to one agent and one role, but offer {} \
                     belongs to agent {} and role {}, and offer {} to agent {} and role {}",
                    first.id(),
                    first.agent_id(),
                    first.role(),
                    other.id(),
                    other.agent_id(),
                    other.role()
                ),
            ));
        }
    }
    Ok(first.agent_id().into())
}

fn has_gpus(offer: &Offer) -> bool {
    offer
        .resources
        .iter()
        .any(|resource| resource.name == "gpus")
}

fn fill_agent_id(operation: &mut Operation, agent_id: &AgentId) {
    let launch = operation.launch.iter_mut();
    let launch_group = operation.launch_group.iter_mut();
    let tasks = launch
        .flat_map(|launch| &mut launch.task_infos)
        .chain(launch_group.flat_map(|group| &mut group.task_group.tasks));
    for task in tasks {
        if task.agent_id.value.is_empty() {
            task.agent_id = agent_id.clone();
        }
    }
}
