//! Which agent each strategy prefers.

use mesos_placement::{Cluster, Placer, Strategy};

use crate::make::{hosts, offer, place, request};

fn offers() -> [mesos_proto::v1::Offer; 3] {
    [
        offer(1, "cpus:4;mem:4096", &[]),
        offer(2, "cpus:1.5;mem:512", &[]),
        offer(3, "cpus:8;mem:8192", &[]),
    ]
}

#[test]
fn each_strategy_prefers_its_agent() {
    let fewest_mem = Strategy::fitness(|candidate| -candidate.free.mem().unwrap_or_default());
    let middle = Strategy::fitness(|candidate| f64::from(candidate.agent.hostname == "agent-1"));
    let cases = [
        (Strategy::FirstFit, "agent-1"),
        (Strategy::BestFit, "agent-2"),
        (Strategy::Spread, "agent-3"),
        (fewest_mem, "agent-2"),
        (
            Strategy::Weighted(vec![(1.0, Strategy::Spread), (5.0, middle.clone())]),
            "agent-1",
        ),
        (
            Strategy::Weighted(vec![(5.0, Strategy::Spread), (1.0, middle)]),
            "agent-3",
        ),
    ];
    for (strategy, expected) in cases {
        let name = format!("{strategy:?}");
        let offers = offers();
        assert_eq!(
            hosts(&place(strategy, &offers, &[request("t", "cpus:1;mem:64")])),
            [expected],
            "{name}"
        );
    }
}

#[test]
fn spread_alternates_between_equal_agents() {
    let offers: Vec<_> = (0..3).map(|i| offer(i, "cpus:4;mem:4096", &[])).collect();
    let round = place(
        Strategy::Spread,
        &offers,
        &[request("t", "cpus:1;mem:64").instances(6)],
    );
    assert_eq!(
        hosts(&round),
        [
            "agent-0", "agent-0", "agent-1", "agent-1", "agent-2", "agent-2"
        ]
    );
}

#[test]
fn an_agent_that_a_function_rates_as_nan_is_not_used() {
    let offers = offers();
    let round = place(
        Strategy::fitness(|_| f64::NAN),
        &offers,
        &[request("t", "cpus:1")],
    );
    assert!(round.accepts.is_empty());
}

#[test]
fn a_higher_priority_comes_first() {
    let offers = [offer(1, "cpus:1", &[])];
    for strategy in [Strategy::FirstFit, Strategy::BestFit, Strategy::Spread] {
        let requests = [
            request("low", "cpus:0.5"),
            request("high", "cpus:1").priority(1),
        ];
        let round = place(strategy, &offers, &requests);
        assert_eq!(round.accepts[0].placed[0].running.request, "high");
    }
}

#[test]
fn a_seed_changes_the_order_and_nothing_else() {
    let offers: Vec<_> = (0..50).map(|i| offer(i, "cpus:1", &[])).collect();
    let requests = [request("t", "cpus:1").instances(5)];
    let run = |seed| {
        let placer = Placer::new(Strategy::FirstFit).seed(seed);
        hosts(&placer.place(&offers, &requests, &Cluster::new()))
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
    assert_eq!(run(1).len(), 5);
}
