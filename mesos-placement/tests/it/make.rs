//! Offers and requests.

use mesos_core::resources::Resources;
use mesos_placement::{
    Agent, Cluster, Placer, Request, Round, RunningTask, Strategy, TaskTemplate,
};
use mesos_proto::v1::resource::AllocationInfo;
use mesos_proto::v1::{AgentId, Attribute, Offer, OfferId};

/// An offer of `agent-{number}` with these resources and the attributes `name=value`.
pub(crate) fn offer(number: usize, resources: &str, attributes: &[&str]) -> Offer {
    let attribute = |text: &&str| {
        let (name, value) = text.split_once('=').unwrap();
        Attribute::text(name, value)
    };
    offer_of(
        number,
        resources.parse().unwrap(),
        attributes.iter().map(attribute).collect(),
    )
}

pub(crate) fn offer_of(
    number: usize,
    mut resources: Resources,
    attributes: Vec<Attribute>,
) -> Offer {
    resources.allocate("web");
    Offer {
        id: OfferId::from(format!("O{number}")),
        agent_id: AgentId::from(format!("S{number}")),
        hostname: format!("agent-{number}"),
        resources: resources.into(),
        attributes,
        allocation_info: Some(AllocationInfo {
            role: Some("web".into()),
        }),
        ..Offer::default()
    }
}

pub(crate) fn request(name: &str, resources: &str) -> Request {
    Request::new(TaskTemplate::new(name, resources.parse().unwrap()))
}

/// A task of the request that runs on the agent of the offer.
pub(crate) fn running(name: &str, offer: &Offer) -> RunningTask {
    RunningTask::new(name, Agent::of(offer))
}

pub(crate) fn place<'a>(
    strategy: Strategy,
    offers: &'a [Offer],
    requests: &[Request],
) -> Round<&'a Offer> {
    Placer::new(strategy).place(offers, requests, &Cluster::new())
}

pub(crate) fn first_fit<'a>(offers: &'a [Offer], requests: &[Request]) -> Round<&'a Offer> {
    place(Strategy::FirstFit, offers, requests)
}

/// The host names of the placed instances, sorted.
pub(crate) fn hosts(round: &Round<&Offer>) -> Vec<String> {
    let placed = round.accepts.iter().flat_map(|accept| &accept.placed);
    let mut hosts: Vec<_> = placed
        .map(|placed| placed.running.agent.hostname.clone())
        .collect();
    hosts.sort();
    hosts
}
