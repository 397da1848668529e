//! Offers and requests.

use mesos_core::resources::Resources;
use mesos_placement::{Cluster, Placer, Request, Round, Strategy, TaskSpec};
use mesos_proto::v1::{AgentId, Attribute, Offer, OfferId};

/// An offer of `agent-{number}` with these resources and the attributes `name=value`.
pub(crate) fn offer(number: usize, resources: &str, attributes: &[&str]) -> Offer {
    let mut resources: Resources = resources.parse().unwrap();
    resources.allocate("web");
    let attribute = |text: &&str| {
        let (name, value) = text.split_once('=').unwrap();
        Attribute::text(name, value)
    };
    Offer {
        id: OfferId::from(format!("O{number}")),
        agent_id: AgentId::from(format!("S{number}")),
        hostname: format!("agent-{number}"),
        resources: resources.into(),
        attributes: attributes.iter().map(attribute).collect(),
        allocation_info: Some(mesos_proto::v1::resource::AllocationInfo {
            role: Some("web".into()),
        }),
        ..Offer::default()
    }
}

pub(crate) fn request(name: &str, resources: &str) -> Request {
    Request::new(TaskSpec::new(name, resources.parse().unwrap()))
}

pub(crate) fn first_fit<'a>(offers: &'a [Offer], requests: &[Request]) -> Round<&'a Offer> {
    Placer::new(Strategy::FirstFit).place(offers, requests, &Cluster::new())
}
