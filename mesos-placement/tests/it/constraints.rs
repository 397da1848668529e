//! Each constraint, with old and new tasks.

use mesos_placement::{Cluster, Constraint, Field, Placer, Request, RunningTask, Strategy};
use mesos_proto::v1::{Attribute, Offer};

use crate::make::{first_fit, hosts, offer, offer_of, request, running};

fn rack() -> Field {
    Field::attribute("rack")
}

/// Agents 1 and 2 in rack r1, 3 in r2, 4 without a rack, with `cpus` each.
fn offers(cpus: u32) -> Vec<Offer> {
    let resources = format!("cpus:{cpus};mem:1000");
    let racks: [&[&str]; 4] = [&["rack=r1"], &["rack=r1"], &["rack=r2"], &[]];
    let numbered = racks.iter().enumerate();
    numbered
        .map(|(i, rack)| offer(i + 1, &resources, rack))
        .collect()
}

fn web(instances: u32, constraint: Constraint) -> Request {
    request("web", "cpus:1;mem:1")
        .instances(instances)
        .constraint(constraint)
}

fn placed_on(constraint: Constraint) -> Vec<String> {
    hosts(&first_fit(&offers(1), &[web(9, constraint)]))
}

#[test]
fn each_comparison_selects_the_agents_that_it_names() {
    let like = |pattern| Constraint::like(rack(), pattern).unwrap();
    let cases: [(Constraint, &[&str]); 13] = [
        (Constraint::is(rack(), "r1"), &["agent-1", "agent-2"]),
        (Constraint::is_not(rack(), "r1"), &["agent-3", "agent-4"]),
        (like("r[12]"), &["agent-1", "agent-2", "agent-3"]),
        (like("r"), &[]),
        (
            Constraint::unlike(rack(), ".1").unwrap(),
            &["agent-3", "agent-4"],
        ),
        (Constraint::is_in(rack(), ["r2", "r3"]), &["agent-3"]),
        (
            Constraint::not_in(rack(), ["r2", "r3"]),
            &["agent-1", "agent-2", "agent-4"],
        ),
        (
            Constraint::Exists(rack()),
            &["agent-1", "agent-2", "agent-3"],
        ),
        (
            Constraint::Not(Box::new(Constraint::Exists(rack()))),
            &["agent-4"],
        ),
        (Constraint::is(Field::Hostname, "agent-2"), &["agent-2"]),
        (Constraint::is(Field::AgentId, "S3"), &["agent-3"]),
        (
            Constraint::Any(vec![
                Constraint::is(rack(), "r2"),
                Constraint::is(Field::Hostname, "agent-4"),
            ]),
            &["agent-3", "agent-4"],
        ),
        (
            Constraint::All(vec![
                Constraint::is(rack(), "r1"),
                Constraint::is(Field::Hostname, "agent-2"),
            ]),
            &["agent-2"],
        ),
    ];
    for (constraint, expected) in cases {
        assert_eq!(placed_on(constraint.clone()), expected, "{constraint}");
    }
}

#[test]
fn a_number_and_ranges_are_compared_as_text() {
    let attributes = vec![
        Attribute::scalar("level", 3.0),
        Attribute::ranges("up", [1..=4]),
    ];
    let offers = [offer_of(1, "cpus:1".parse().unwrap(), attributes)];
    for (name, value) in [("level", "3"), ("up", "[1-4]")] {
        let is = Constraint::is(Field::attribute(name), value);
        let round = first_fit(&offers, &[request("t", "cpus:1").constraint(is)]);
        assert_eq!(hosts(&round), ["agent-1"], "{name}");
    }
}

#[test]
fn region_and_zone_are_fields() {
    use mesos_proto::v1::DomainInfo;
    use mesos_proto::v1::domain_info::FaultDomain;
    use mesos_proto::v1::domain_info::fault_domain::{RegionInfo, ZoneInfo};
    let mut offers = offers(1);
    offers[2].domain = Some(DomainInfo {
        fault_domain: Some(FaultDomain {
            region: RegionInfo { name: "eu".into() },
            zone: ZoneInfo { name: "a".into() },
        }),
    });
    for field in [(Field::Region, "eu"), (Field::Zone, "a")] {
        let round = first_fit(&offers, &[web(9, Constraint::is(field.0, field.1))]);
        assert_eq!(hosts(&round), ["agent-3"]);
    }
}

#[test]
fn unique_and_max_per_count_old_and_new_tasks() {
    let offers = offers(10);
    let place = |constraint, tasks: Vec<RunningTask>| {
        let requests = [web(20, constraint)];
        hosts(&Placer::new(Strategy::FirstFit).place(&offers, &requests, &tasks.into()))
    };
    let unique = || Constraint::Unique(rack());
    assert_eq!(place(unique(), vec![]), ["agent-1", "agent-3"]);
    assert_eq!(
        place(unique(), vec![running("web", &offers[1])]),
        ["agent-3"]
    );
    assert_eq!(
        place(unique(), vec![running("db", &offers[1])]),
        ["agent-1", "agent-3"]
    );
    let two = || Constraint::max_per(rack(), 2);
    assert_eq!(
        place(two(), vec![running("web", &offers[1])]),
        ["agent-1", "agent-3", "agent-3"]
    );
}

#[test]
fn group_by_spreads_evenly_over_old_and_new_tasks() {
    let offers = offers(10);
    let place = |values, instances, tasks: Vec<RunningTask>| {
        let requests = [web(instances, Constraint::group_by(rack(), values))];
        hosts(&Placer::new(Strategy::FirstFit).place(&offers, &requests, &tasks.into()))
    };
    assert_eq!(
        place(0, 4, vec![]),
        ["agent-1", "agent-1", "agent-3", "agent-3"]
    );
    let two = vec![running("web", &offers[0]), running("web", &offers[1])];
    assert_eq!(place(0, 2, two), ["agent-3", "agent-3"]);
    // A third rack exists, so no rack gets a second task before the third rack has one.
    assert_eq!(place(3, 4, vec![]), ["agent-1", "agent-3"]);
    let third = offer(5, "cpus:1", &["rack=r3"]);
    let old = vec![running("web", &third)];
    assert_eq!(
        place(3, 4, old),
        ["agent-1", "agent-1", "agent-3", "agent-3"]
    );
}

#[test]
fn group_by_does_not_wait_for_a_value_that_other_constraints_exclude() {
    let offers = offers(10);
    let request = web(3, Constraint::group_by(rack(), 0));
    let request = request.constraint(Constraint::is_not(rack(), "r2"));
    assert_eq!(hosts(&first_fit(&offers, &[request])).len(), 3);
}

#[test]
fn cluster_keeps_all_tasks_on_one_value() {
    let offers = offers(2);
    let cluster = || web(9, Constraint::Cluster(rack()));
    assert_eq!(
        hosts(&first_fit(&offers, &[cluster()])),
        ["agent-1", "agent-1", "agent-2", "agent-2"]
    );
    let old = Cluster::from(vec![running("web", &offers[2])]);
    let round = Placer::new(Strategy::FirstFit).place(&offers, &[cluster()], &old);
    assert_eq!(hosts(&round), ["agent-3", "agent-3"]);
}

#[test]
fn labels_attract_and_repel_tasks() {
    let offers = offers(2);
    let old = || Cluster::from(vec![running("db", &offers[2]).with_label("kind", "db")]);
    let place = |constraint| {
        hosts(&Placer::new(Strategy::FirstFit).place(&offers, &[web(9, constraint)], &old()))
    };
    assert_eq!(
        place(Constraint::with(rack(), "kind", "db")),
        ["agent-3", "agent-3"]
    );
    let away = place(Constraint::avoid(rack(), "kind", "db"));
    assert!(
        away.len() == 6 && !away.contains(&"agent-3".to_owned()),
        "{away:?}"
    );
}

/// Kubernetes' anti-affinity is symmetric, too.
#[test]
fn a_task_is_not_placed_near_a_task_that_avoids_its_label() {
    use mesos_placement::{Agent, TaskTemplate};
    let db = || TaskTemplate::new("db", "cpus:1".parse().unwrap()).label("kind", "db");
    let db = || Request::new(db()).instances(9);
    let alone = web(1, Constraint::avoid(rack(), "kind", "db"));
    let offers = offers(2);
    // In a later round.
    let old = Cluster::from(vec![RunningTask::of(&alone, Agent::of(&offers[0]))]);
    let round = Placer::new(Strategy::FirstFit).place(&offers, &[db()], &old);
    assert_eq!(hosts(&round), ["agent-3", "agent-3", "agent-4", "agent-4"]);
    let text = round.report.to_string();
    assert!(
        text.contains("2 offers fail: a task on the same attribute rack avoids the label kind=db"),
        "{text}"
    );
    // In the same round, in both orders.
    for requests in [[alone.clone(), db()], [db(), alone.clone()]] {
        let requests = requests.map(|request| match request.name() {
            "db" => request.instances(1),
            _ => request,
        });
        let round = first_fit(&offers, &requests);
        assert_eq!(hosts(&round), ["agent-1", "agent-3"]);
    }
    // Tasks that avoid themselves, and a choice, which has one direction.
    let exclusive = db().constraint(Constraint::avoid(rack(), "kind", "db"));
    assert_eq!(hosts(&first_fit(&offers, &[exclusive])).len(), 4);
    let choice = Constraint::Any(vec![Constraint::avoid(rack(), "kind", "db")]);
    let old = RunningTask::of(&web(1, choice), Agent::of(&offers[0]));
    let round = Placer::new(Strategy::FirstFit).place(&offers, &[db()], &vec![old].into());
    assert_eq!(hosts(&round).len(), 8);
}

#[test]
fn a_task_follows_a_task_that_is_placed_in_the_same_round() {
    use mesos_placement::TaskTemplate;
    let db = TaskTemplate::new("db", "cpus:1".parse().unwrap()).label("kind", "db");
    let web = web(1, Constraint::with(Field::Hostname, "kind", "db"));
    for strategy in [Strategy::FirstFit, Strategy::BestFit, Strategy::Spread] {
        let offers = offers(2);
        let requests = [web.clone(), Request::new(db.clone())];
        let round = Placer::new(strategy).place(&offers, &requests, &Cluster::new());
        let hosts = hosts(&round);
        assert!(hosts.len() == 2 && hosts[0] == hosts[1], "{hosts:?}");
    }
}

#[test]
fn agents_with_gpus_are_kept_and_unavailable_agents_are_avoided() {
    let mut offers = vec![
        offer(1, "cpus:4;gpus:1", &[]),
        offer(2, "cpus:4", &[]),
        offer(3, "cpus:4", &[]),
        offer(4, "cpus:4", &[]),
    ];
    offers[1].unavailability = Some(Default::default());
    let mut cluster = Cluster::new();
    cluster.draining.insert("S3".into());
    let placer = Placer::new(Strategy::FirstFit);
    let requests = [request("plain", "cpus:1"), request("gpu", "cpus:1;gpus:1")];
    let round = placer.place(&offers, &requests, &cluster);
    assert_eq!(hosts(&round), ["agent-1", "agent-4"]);
    let open = Placer::new(Strategy::FirstFit).constraints([]);
    let round = open.place(&offers, &requests[..1], &cluster);
    assert_eq!(hosts(&round), ["agent-1"]);
}

#[test]
fn constraints_survive_json() {
    let constraints = vec![
        Constraint::is(rack(), "r1"),
        Constraint::like(Field::Region, "eu-.*").unwrap(),
        Constraint::Any(vec![
            Constraint::Unique(Field::Zone),
            Constraint::Not(Box::new(Constraint::max_per(Field::AgentId, 2))),
        ]),
        Constraint::avoid(Field::Hostname, "kind", "db"),
        Constraint::KeepGpus,
    ];
    let json = serde_json::to_string(&constraints).unwrap();
    assert_eq!(
        serde_json::from_str::<Vec<Constraint>>(&json).unwrap(),
        constraints
    );
}
