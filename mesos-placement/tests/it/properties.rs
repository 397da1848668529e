//! Properties of every round.

use std::collections::BTreeMap;

use mesos_core::resources::Resources;
use mesos_placement::{
    Agent, Avoided, Cluster, Constraint, Field, Placer, Ports, Request, Round, RunningTask,
    Strategy, TaskTemplate,
};
use mesos_proto::v1::Offer;
use proptest::prelude::{Just, ProptestConfig, any, prop, prop_assert_eq, prop_oneof, proptest};
use proptest::strategy::Strategy as Generate;

use crate::make::{offer, request, running};

fn tenths(amount: u32) -> String {
    format!("{}.{}", amount / 10, amount % 10)
}

fn offers() -> impl Generate<Value = Vec<Offer>> {
    let one = (
        0..60_u32,
        0..30_u32,
        0..2000_u32,
        0..6_u64,
        0..4_usize,
        0..2_usize,
    );
    prop::collection::vec(one, 0..14).prop_map(|all| {
        let all = all.into_iter().enumerate();
        all.map(|(i, (cpus, reserved, mem, ports, rack, shift))| {
            let ports = match ports {
                0 => String::new(),
                n => format!("ports:[31000-{}]", 30999 + n),
            };
            let resources = format!(
                "cpus:{};cpus(web):{};mem:{mem};{ports};devices:{{d{rack}}}",
                tenths(cpus),
                tenths(reserved)
            );
            let rack = format!("rack=r{rack}");
            let attributes = if rack == "rack=r3" {
                vec![]
            } else {
                vec![rack.as_str()]
            };
            // Some agents have two offers.
            let mut offer = offer(i - shift.min(i), &resources, &attributes);
            offer.id.value = format!("O{i}");
            offer
        })
        .collect()
    })
}

fn constraint() -> impl Generate<Value = Constraint> {
    let rack = || Field::attribute("rack");
    prop_oneof![
        Just(Constraint::is(rack(), "r1")),
        Just(Constraint::is_not(rack(), "r1")),
        Just(Constraint::is_in(rack(), ["r0", "r2"])),
        Just(Constraint::Unique(Field::Hostname)),
        Just(Constraint::Unique(rack())),
        Just(Constraint::max_per(rack(), 2)),
        Just(Constraint::max_per(Field::Hostname, 3)),
        Just(Constraint::group_by(rack(), 0)),
        Just(Constraint::Cluster(rack())),
        Just(Constraint::with(rack(), "kind", "db")),
        Just(Constraint::avoid(Field::Hostname, "kind", "db")),
    ]
}

fn requests() -> impl Generate<Value = Vec<Request>> {
    let one = (
        1..40_u32,
        0..600_u32,
        0..3_u32,
        1..7_u32,
        prop::collection::vec(constraint(), 0..3),
        0..5_u8,
    );
    prop::collection::vec(one, 0..10).prop_map(|all| {
        let all = all.into_iter().enumerate();
        all.map(|(i, (cpus, mem, ports, instances, constraints, extra))| {
            let text = format!("cpus:{};mem:{mem}", tenths(cpus));
            let text = if extra == 1 {
                format!("{text};devices:{{d1}}")
            } else {
                text
            };
            let mut task = TaskTemplate::new(format!("t{i}"), text.parse().unwrap());
            if ports > 0 {
                task = task.ports(Ports::any(ports));
            }
            if extra == 2 {
                task = task.ports(Ports::fixed(31002));
            }
            if extra == 3 {
                task = task.label("kind", "db");
            }
            let request = Request::new(task).instances(instances);
            constraints.into_iter().fold(request, Request::constraint)
        })
        .collect()
    })
}

fn old_tasks() -> impl Generate<Value = Vec<RunningTask>> {
    prop::collection::vec((0..6_usize, 0..12_usize, 0..3_usize, any::<bool>()), 0..6).prop_map(
        |all| {
            let all = all.into_iter();
            all.map(|(task, agent, rack, label)| {
                let offer = offer(agent + 20, "", &[&format!("rack=r{rack}")]);
                let avoids = Constraint::avoid(Field::attribute("rack"), "kind", "db");
                let agent = Agent::of(&offer);
                match (label, task) {
                    (true, _) => running(&format!("t{task}"), &offer).with_label("kind", "db"),
                    (false, 5) => {
                        RunningTask::of(&request("old", "cpus:1").constraint(avoids), agent)
                    }
                    (false, _) => running(&format!("t{task}"), &offer),
                }
            })
            .collect()
        },
    )
}

fn strategy() -> impl Generate<Value = Strategy> {
    prop_oneof![
        Just(Strategy::FirstFit),
        Just(Strategy::BestFit),
        Just(Strategy::Spread),
        Just(Strategy::Weighted(vec![
            (1.0, Strategy::Spread),
            (0.5, Strategy::FirstFit)
        ])),
    ]
}

fn sum<'a>(messages: impl IntoIterator<Item = &'a mesos_proto::v1::Resource>) -> Resources {
    Resources::from_valid(messages.into_iter().cloned()).0
}

/// Every task has a part of its own offers, with roles and reservations intact, and nothing is
/// used twice.
fn check_resources(offers: &[Offer], round: &Round<&Offer>) {
    let mut seen: Vec<&str> = round
        .unused
        .iter()
        .map(|offer| offer.id.value.as_str())
        .collect();
    for accept in &round.accepts {
        let offered = sum(accept.offers.iter().flat_map(|offer| &offer.resources));
        let tasks: Vec<Resources> = accept.tasks().map(|task| sum(&task.resources)).collect();
        for task in &tasks {
            assert!(offered.contains(task));
        }
        let used: Resources = tasks.iter().sum();
        assert_eq!(&used + &accept.left, offered);
        // Ports of two tasks would be one in the sum.
        let ports: usize = tasks.iter().map(|task| task.port_numbers().count()).sum();
        assert_eq!(ports, used.port_numbers().count());
        for task in accept.tasks() {
            assert_eq!(task.agent_id, accept.offers[0].agent_id);
        }
        seen.extend(accept.offers.iter().map(|offer| offer.id.value.as_str()));
    }
    seen.sort_unstable();
    let mut all: Vec<&str> = offers.iter().map(|offer| offer.id.value.as_str()).collect();
    all.sort_unstable();
    assert_eq!(seen, all);
}

/// The constraints of the new tasks hold among the new and the old tasks.
fn check_constraints(requests: &[Request], old: &[RunningTask], round: &Round<&Offer>) {
    let placed: Vec<_> = round
        .accepts
        .iter()
        .flat_map(|accept| &accept.placed)
        .collect();
    for (number, request) in requests.iter().enumerate() {
        let new: Vec<_> = placed
            .iter()
            .filter(|placed| placed.request == number)
            .collect();
        let same = old.iter().filter(|task| task.request == request.name());
        let all: Vec<&RunningTask> = same
            .chain(new.iter().map(|placed| &placed.running))
            .collect();
        for constraint in request.constraints() {
            let field = constraint.field().unwrap();
            let mut counts: BTreeMap<Option<&str>, u32> = BTreeMap::new();
            for task in &all {
                *counts.entry(task.agent.value(field)).or_default() += 1;
            }
            for task in new.iter().map(|placed| &placed.running) {
                let value = task.agent.value(field);
                let others = old
                    .iter()
                    .chain(placed.iter().map(|placed| &placed.running));
                let mut others = others.filter(|other| !std::ptr::eq(*other, task));
                let labeled = others.any(|other| {
                    other.labels.contains_key("kind") && other.agent.value(field) == value
                });
                let labeled = labeled && value.is_some();
                let holds = match constraint {
                    Constraint::Is { value: wanted, .. } => value == Some(wanted),
                    Constraint::IsNot { value: other, .. } => value != Some(other),
                    Constraint::In { values, .. } => value.is_some_and(|v| values.contains(v)),
                    Constraint::Unique(_) => value.is_some() && counts[&value] == 1,
                    Constraint::MaxPer { max, .. } => value.is_some() && counts[&value] <= *max,
                    Constraint::GroupBy { .. } => {
                        let fewest = counts.iter().filter(|(value, _)| value.is_some());
                        let fewest = fewest.map(|(_, count)| *count).min().unwrap();
                        value.is_some() && counts[&value] <= fewest + 1
                    }
                    Constraint::Cluster(_) => value.is_some() && counts.len() == 1,
                    Constraint::With { .. } => value.is_some() && labeled,
                    Constraint::Avoid { .. } => !labeled,
                    other => panic!("{other} is not checked"),
                };
                assert!(holds, "{constraint} at {value:?} with {counts:?}");
            }
        }
    }
}

/// New tasks are not near old tasks that avoid them.
fn check_avoided(old: &[RunningTask], round: &Round<&Offer>) {
    let new = round.accepts.iter().flat_map(|accept| &accept.placed);
    for task in new.map(|placed| &placed.running) {
        for avoided in old
            .iter()
            .flat_map(|old| old.avoids.iter().map(move |one| (old, one)))
        {
            let (old, Avoided { key, value, field }) = avoided;
            let near = old.agent.value(field) == task.agent.value(field);
            assert!(
                !near || task.labels.get(key) != Some(value),
                "{task:?} is near {old:?}"
            );
        }
    }
}

/// What was not placed, and has no constraints, fits nowhere.
fn check_complete(requests: &[Request], round: &Round<&Offer>) {
    let mut free: Vec<Resources> = round
        .accepts
        .iter()
        .map(|accept| accept.left.clone())
        .collect();
    let mut by_agent: BTreeMap<&str, Resources> = BTreeMap::new();
    for offer in &round.unused {
        *by_agent.entry(&offer.agent_id.value).or_default() += sum(&offer.resources);
    }
    free.extend(by_agent.into_values());
    for unplaced in &round.report.unplaced {
        for name in &unplaced.requests {
            let request = requests
                .iter()
                .find(|request| request.name() == name)
                .unwrap();
            let task = &request.tasks()[0];
            // Other tasks can avoid a labeled task.
            let labeled = !RunningTask::of(request, Agent::default()).labels.is_empty();
            if !request.constraints().is_empty() || labeled || unplaced.requests.len() > 1 {
                continue;
            }
            for free in &free {
                let fits = free.clone().take(task.resources()).is_ok();
                // All ports that any request here can need.
                let plenty = free.port_numbers().count() == 5;
                assert!(!fits || !plenty, "{name} fits on {free}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_round_is_sound(
        offers in offers(),
        requests in requests(),
        old in old_tasks(),
        strategy in strategy(),
    ) {
        let cluster = Cluster::from(old);
        let placer = Placer::new(strategy);
        let round = placer.place(&offers, &requests, &cluster);
        check_resources(&offers, &round);
        check_constraints(&requests, &cluster.tasks, &round);
        check_avoided(&cluster.tasks, &round);
        check_complete(&requests, &round);
        let mut count = vec![0; requests.len()];
        for placed in round.accepts.iter().flat_map(|accept| &accept.placed) {
            count[placed.request] += 1;
        }
        let missing: u64 = round.report.unplaced.iter().map(|unplaced| unplaced.missing).sum();
        let wanted: u64 = requests.iter().map(|request| u64::from(request.count())).sum();
        prop_assert_eq!(count.iter().sum::<u64>() + missing, wanted);
        let again = placer.place(&offers, &requests, &cluster);
        prop_assert_eq!(format!("{round:?}"), format!("{again:?}"));
    }
}
