//! The memory of held offers. A binary of its own, because it counts all allocations.

use std::time::{Duration, Instant};

use mesos::placement::HeldOffers;
use mesos::v1::resource::AllocationInfo;
use mesos::v1::{Attribute, Offer, Resource};

/// The number of offers in the test.
const OFFERS: usize = 10_000;

/// An offer like those of an agent with the default resources.
fn offer(number: usize) -> Box<Offer> {
    let resources = ["cpus", "mem", "disk"].map(|name| Resource::scalar(name, 1000.0));
    let ports = Resource::ports([31000..=32000]);
    let allocation = AllocationInfo {
        role: Some("web".to_owned()),
    };
    let mut resources = Vec::from_iter(resources.into_iter().chain([ports]));
    for resource in &mut resources {
        resource.allocation_info = Some(allocation.clone());
    }
    Box::new(Offer {
        id: format!("7e2a5d0c-6f0b-4c7e-9d51-0c1d2e3f4a5b-O{number}").into(),
        agent_id: format!("7e2a5d0c-6f0b-4c7e-9d51-0c1d2e3f4a5b-S{number}").into(),
        framework_id: "7e2a5d0c-6f0b-4c7e-9d51-0c1d2e3f4a5b-0001".into(),
        hostname: format!("agent-{number}.example.com"),
        attributes: vec![Attribute::text("rack", "r1")],
        allocation_info: Some(allocation),
        resources,
        ..Offer::default()
    })
}

#[test]
fn ten_thousand_held_offers_need_at_most_one_and_a_half_times_their_own_memory() {
    let now = Instant::now();
    let mut offers = Vec::new();
    let own = allocation_counter::measure(|| offers.extend((0..OFFERS).map(offer)));
    let mut pool = HeldOffers::new(Duration::from_secs(30));
    let more = allocation_counter::measure(|| {
        for offer in offers.drain(..) {
            pool.add(offer, now);
        }
    });
    assert_eq!(pool.len(), OFFERS);
    let ratio = (own.bytes_current + more.bytes_current) as f64 / own.bytes_current as f64;
    println!(
        "{} bytes of offers, {} bytes of the pool: {ratio:.2}",
        own.bytes_current, more.bytes_current
    );
    assert!(ratio <= 1.5, "{ratio:.2} times the memory of the offers");
}
