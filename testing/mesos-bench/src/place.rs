//! Places random requests on random offers: with `mesos-placement`, or with a nested loop.

use anyhow::{Result, ensure};
use mesos_core::resources::Resources;
use mesos_placement::{Cluster, Constraint, Field, Placer, Request, Strategy, TaskTemplate};
use mesos_proto::v1::resource::AllocationInfo;
use mesos_proto::v1::{Attribute, Offer, Resource};

use crate::job::{How, Outcome, Place};

/// The number of racks.
const RACKS: usize = 20;

/// The needs of a request, as the nested loop uses them.
struct Need {
    resources: Resources,
    rack: Option<String>,
}

pub(crate) fn run(job: Place) -> Result<Outcome> {
    let mut random = fastrand::Rng::with_seed(1);
    let offers: Vec<Offer> = (0..job.offers).map(|i| offer(i, &mut random)).collect();
    let needs: Vec<Need> = (0..job.requests).map(|_| need(&mut random)).collect();
    let requests: Vec<Request> = needs
        .iter()
        .enumerate()
        .map(|(i, need)| request(i, need))
        .collect();
    let placed = match job.how {
        How::Not => job.requests,
        How::Placer => {
            let round = Placer::new(Strategy::BestFit).place(&offers, &requests, &Cluster::new());
            round.accepts.iter().map(|accept| accept.placed.len()).sum()
        }
        How::Loop => nested_loop(&offers, &needs)?,
    };
    // What glibc needs to free a chunk depends on the chunks around it, so freeing the inputs would
    // cost more or less after a placement, and the difference would count as the placement's.
    std::mem::forget((offers, needs, requests));
    ensure!(
        placed == job.requests,
        "{placed} of {} requests were placed",
        job.requests
    );
    Ok(Outcome {
        count: placed as u64,
        ..Outcome::default()
    })
}

fn offer(number: usize, random: &mut fastrand::Rng) -> Offer {
    let resources = [
        Resource::scalar("cpus", f64::from(random.u32(10..320)) / 10.0),
        Resource::scalar("mem", f64::from(random.u32(1024..65_536))),
        Resource::scalar("disk", f64::from(random.u32(1024..1_000_000))),
        Resource::ports([31000..=32000]),
    ];
    let allocation = AllocationInfo {
        role: Some("web".into()),
    };
    let allocated = resources.map(|resource| Resource {
        allocation_info: Some(allocation.clone()),
        ..resource
    });
    Offer {
        id: format!("00000000-0000-0000-0000-000000000000-O{number}").into(),
        agent_id: format!("00000000-0000-0000-0000-000000000000-S{number}").into(),
        hostname: format!("agent-{number}.example.com"),
        resources: allocated.into(),
        attributes: vec![
            Attribute::text("os", "linux"),
            Attribute::text("rack", format!("r{}", random.usize(0..RACKS))),
        ],
        allocation_info: Some(allocation),
        ..Offer::default()
    }
}

/// Half of the requests need a rack.
fn need(random: &mut fastrand::Rng) -> Need {
    let cpus = f64::from(random.u32(1..40)) / 10.0;
    let mem = f64::from(random.u32(32..8192));
    let resources = vec![Resource::scalar("cpus", cpus), Resource::scalar("mem", mem)];
    let rack = random.usize(0..2 * RACKS);
    Need {
        resources: Resources::from_valid(resources).0,
        rack: (rack < RACKS).then(|| format!("r{rack}")),
    }
}

fn request(number: usize, need: &Need) -> Request {
    let request = Request::new(TaskTemplate::new(
        format!("task-{number}"),
        need.resources.clone(),
    ));
    match &need.rack {
        Some(rack) => request.constraint(Constraint::is(Field::attribute("rack"), rack)),
        None => request,
    }
}

/// Best fit as the first version of a scheduler has it: each request is compared with each offer.
fn nested_loop(offers: &[Offer], needs: &[Need]) -> Result<usize> {
    let parsed = offers
        .iter()
        .map(|offer| Resources::try_from(&offer.resources[..]));
    let mut free: Vec<Resources> = parsed.collect::<Result<_, _>>()?;
    let mut placed = 0;
    for need in needs {
        let cpus = need.resources.cpus().unwrap_or_default();
        let mem = need.resources.mem().unwrap_or_default();
        let mut best: Option<(f64, usize)> = None;
        for (i, offer) in offers.iter().enumerate() {
            let rack = offer.attribute("rack").and_then(Attribute::as_text);
            if need.rack.is_some() && rack != need.rack.as_deref() {
                continue;
            }
            let left_cpus = free[i].cpus().unwrap_or_default() - cpus;
            let left_mem = free[i].mem().unwrap_or_default() - mem;
            if left_cpus < 0.0 || left_mem < 0.0 {
                continue;
            }
            let left = (left_cpus / 32.0).max(left_mem / 65_536.0);
            if best.is_none_or(|(least, _)| left < least) {
                best = Some((left, i));
            }
        }
        if let Some((_, i)) = best {
            free[i].take(&need.resources)?;
            placed += 1;
        }
    }
    Ok(placed)
}
