//! Input that no offer satisfies, and offers that are not valid.

use mesos_placement::{
    Cluster, Constraint, DiskKind, Field, Pattern, Placer, Ports, Request, Revocable, Strategy,
    TaskTemplate, Volume,
};
use mesos_proto::v1::{AgentInfo, ExecutorInfo, Resource};

use crate::make::{first_fit, offer, request};

fn rack(value: &str) -> Constraint {
    Constraint::is(Field::attribute("rack"), value)
}

fn problem(request: &Request) -> String {
    request.check().unwrap_err().to_string()
}

#[test]
fn a_request_that_no_offer_can_satisfy_is_refused_before_offers() {
    let some = || request("t", "cpus:1");
    let spec = || TaskTemplate::new("t", "cpus:1".parse().unwrap());
    let volume = |id: &str| {
        Volume::new(DiskKind::Root, 8.0)
            .unwrap()
            .persistent(id, "data", None)
    };
    let cases = [
        (request("t", ""), "task t needs no resources"),
        (
            request("", "cpus:1"),
            "\"\" cannot be a part of a task's id",
        ),
        (
            request("a/b", "cpus:1"),
            "\"a/b\" cannot be a part of a task's id",
        ),
        (request("t", "gpus:0.5"), "needs 0.5 gpus"),
        (request("t", "ports:[65535-65536]"), "ports are 1 to 65535"),
        (Request::new(spec().ports(Ports::fixed(0))), "needs port 0"),
        (Request::new(spec().ports(Ports::any(0))), "needs 0 ports"),
        (
            Request::new(spec().ports(Ports::any(70_000))),
            "needs 70000 ports",
        ),
        (
            Request::new(spec().ports(Ports::within(3, [80..=81, 81..=81]))),
            "needs 3 ports, but [80-81] has 2",
        ),
        (
            Request::new(spec().ports(Ports::fixed(80)).ports(Ports::fixed(80))),
            "port 80 is needed twice",
        ),
        (
            Request::new(
                spec()
                    .ports(Ports::any(1).named(["http"]))
                    .check_port("htp"),
            ),
            "connects to the port \"htp\", but no port of the task has this name; use http",
        ),
        (
            Request::new(spec().health_check_port("http")),
            "the health check of task t connects to the port \"http\"",
        ),
        (
            Request::new(spec().ports(Ports::any(1).named(["a", "b"]))),
            "names 2 ports, but needs 1 port",
        ),
        (
            Request::new(spec().volume(volume("v"))).instances(2),
            "one instance",
        ),
        (
            Request::new(spec().volume(volume("a/b"))),
            "is not the id of a volume",
        ),
        (
            Request::new(
                spec().volume(
                    Volume::new(DiskKind::Block, 8.0)
                        .unwrap()
                        .persistent("v", "data", None),
                ),
            ),
            "cannot be made on a block disk",
        ),
        (
            Request::new(
                TaskTemplate::new("t", "cpus:1;disk:8".parse().unwrap()).volume(volume("v")),
            )
            .revocable("disk", Revocable::Only),
            "needs both revocable disk and disk that are not revocable",
        ),
        (some().role("a//b"), "two consecutive slashes"),
        (
            some().reserve("*", None),
            "cannot be reserved for the role *",
        ),
        (
            some().role("a").reserve("b", None),
            "cannot be reserved for role b",
        ),
        (some().ids(["a", "a"]), "two instances have the id a"),
        (
            Request::group("g", ExecutorInfo::builder("e").build(), [spec()]),
            "has no framework_id",
        ),
        (
            Request::group(
                "g",
                ExecutorInfo::builder("e").framework("F").build(),
                [spec()],
            ),
            "needs at least cpus 0.01",
        ),
        (
            Request::group("g", ExecutorInfo::builder("e").build(), []),
            "has no tasks",
        ),
        (
            some().constraint(Constraint::max_per(Field::Hostname, 0)),
            "use 1 or more",
        ),
        (some().constraint(Constraint::Any(vec![])), "empty `any`"),
    ];
    for (request, text) in cases {
        assert!(problem(&request).contains(text), "{}", problem(&request));
        let offers = [offer(1, "cpus:64;gpus:8;disk:1024;ports:[1-65535]", &[])];
        let round = first_fit(&offers, &[request]);
        assert!(round.accepts.is_empty());
        assert!(
            round.report.to_string().contains("invalid request"),
            "{}",
            round.report
        );
    }
}

#[test]
fn an_executor_with_an_invalid_amount_is_refused() {
    for wrong in [f64::NAN, -1.0, f64::INFINITY] {
        let executor = ExecutorInfo::builder("e")
            .resource(Resource::scalar("cpus", wrong))
            .build();
        assert!(problem(&request("t", "cpus:1").executor(executor)).starts_with("executor e: "));
        assert!(Volume::new(DiskKind::Root, wrong).is_err());
    }
}

#[test]
fn contradictory_constraints_are_refused() {
    let like = |text| Constraint::like(Field::attribute("rack"), text).unwrap();
    let host = || Constraint::is(Field::Hostname, "h");
    let cases = [
        vec![rack("r1"), rack("r2")],
        vec![
            rack("r1"),
            Constraint::is_not(Field::attribute("rack"), "r1"),
        ],
        vec![
            rack("r1"),
            Constraint::not_in(Field::attribute("rack"), ["r1", "r2"]),
        ],
        vec![rack("r1"), like("s.*")],
        vec![Constraint::is_in(
            Field::attribute("rack"),
            Vec::<String>::new(),
        )],
        vec![
            Constraint::All(vec![rack("r1")]),
            Constraint::All(vec![rack("r2")]),
        ],
        vec![host(), Constraint::Unique(Field::Hostname)],
        vec![
            Constraint::Cluster(Field::Zone),
            Constraint::max_per(Field::Zone, 1),
        ],
        vec![
            Constraint::with(Field::Zone, "a", "b"),
            Constraint::avoid(Field::Zone, "a", "b"),
        ],
    ];
    for constraints in cases {
        let request = constraints
            .iter()
            .cloned()
            .fold(request("t", "cpus:1").instances(2), Request::constraint);
        assert!(request.check().is_err(), "{constraints:?}");
    }
    let fine = request("t", "cpus:1").instances(2);
    let fine = fine.constraint(like("r.")).constraint(rack("r1"));
    assert_eq!(
        fine.constraint(Constraint::max_per(Field::attribute("rack"), 2))
            .check(),
        Ok(())
    );
}

#[test]
fn a_pattern_that_is_not_an_expression_is_an_error() {
    assert!(Pattern::new("r[").is_err());
    assert!(Pattern::new("a)(b").is_err());
    assert!(
        serde_json::from_str::<Constraint>(r#"{"like": {"field": "hostname", "pattern": "r["}}"#)
            .is_err()
    );
    let pattern = Pattern::new("(?x) r1 # the first").unwrap();
    assert!(pattern.matches("r1") && !pattern.matches("r11") && !pattern.matches("xr1"));
}

#[test]
fn an_unknown_attribute_gets_the_similar_names() {
    let offers = [
        offer(1, "cpus:1", &["rack=r1", "zone=a"]),
        offer(2, "cpus:1", &[]),
    ];
    let text = |constraint| {
        let round = first_fit(&offers, &[request("t", "cpus:1").constraint(constraint)]);
        round.report.to_string()
    };
    let unknown = text(Constraint::is(Field::attribute("rak"), "r1"));
    assert!(
        unknown.contains("no agent has an attribute rak; similar names: rack"),
        "{unknown}"
    );
    let far = text(Constraint::is(Field::attribute("building"), "r1"));
    assert!(far.contains("no agent has an attribute building)"), "{far}");
    let value = text(Constraint::is(Field::attribute("rack"), "r2"));
    assert!(value.contains("similar values: r1"), "{value}");
}

#[test]
fn invalid_resources_of_an_offer_are_not_used() {
    let mut wrong = offer(1, "cpus:1", &[]);
    for value in [f64::NAN, -4.0] {
        wrong.resources.push(Resource::scalar("mem", value));
    }
    let mut overlap = Resource::ports([31000..=31005, 31004..=31010]);
    overlap
        .allocation_info
        .clone_from(&wrong.resources[0].allocation_info);
    wrong.resources.push(overlap);
    let offers = [wrong];
    let round = first_fit(&offers, &[request("t", "cpus:1;mem:1")]);
    assert!(round.accepts.is_empty());
    let round = first_fit(&offers, &[request("t", "cpus:1")]);
    assert_eq!(round.accepts.len(), 1);
}

#[test]
fn a_request_larger_than_every_agent_is_known_before_offers() {
    let agent = |cpus: &str| AgentInfo {
        hostname: format!("agent-{cpus}"),
        resources: format!("cpus:{cpus};mem(db):64")
            .parse::<mesos_core::resources::Resources>()
            .unwrap()
            .into(),
        ..AgentInfo::default()
    };
    let mut agents = [agent("2"), agent("2.5")];
    for (i, agent) in agents.iter_mut().enumerate() {
        agent.id = Some(format!("S{i}").into());
    }
    let placer = Placer::new(Strategy::FirstFit);
    let never = |request: &Request, role| {
        placer
            .fits_never(request, &agents, role)
            .map(|report| report.to_string())
    };
    assert_eq!(
        never(&request("t", "cpus:4").instances(9), Some("web")).unwrap(),
        "t: 1 of 1 instance not placed on 2 offers: needs cpus 4: the largest free is 2.5 on \
         agent-2.5"
    );
    assert_eq!(
        never(&request("t", "cpus:2.5").instances(9), Some("web")),
        None
    );
    assert_eq!(never(&request("t", "mem:64"), Some("db")), None);
    assert!(never(&request("t", "mem:64"), Some("web")).is_some());
}

#[test]
fn ten_thousand_roles_are_placed_like_one() {
    let offers: Vec<_> = (0..10_000)
        .map(|i| {
            let mut offer = offer(i, "", &[]);
            let mut resources: mesos_core::resources::Resources =
                format!("cpus(r{i}):1;mem:64").parse().unwrap();
            resources.allocate(&format!("r{i}"));
            offer.resources = resources.into();
            offer.allocation_info = offer.resources[0].allocation_info.clone();
            offer
        })
        .collect();
    let requests: Vec<_> = (0..10_000)
        .map(|i| request(&format!("t{i}"), &format!("cpus(r{i}):1;mem:64")).role(format!("r{i}")))
        .collect();
    let round = Placer::new(Strategy::FirstFit).place(&offers, &requests, &Cluster::new());
    assert!(round.report.is_empty(), "{}", round.report);
    assert_eq!(round.accepts.len(), 10_000);
}
