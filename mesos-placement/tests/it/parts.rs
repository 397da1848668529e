//! Ports, disks, volumes, reservations, revocable resources and groups.

use mesos_core::resources::Resources;
use mesos_placement::{
    DiskKind, Ports, Request, Reservations, Revocable, Strategy, TaskTemplate, Volume,
};
use mesos_proto::v1::resource::DiskInfo;
use mesos_proto::v1::resource::disk_info::source::{Mount, Path, Type};
use mesos_proto::v1::resource::disk_info::{Persistence, Source};
use mesos_proto::v1::resource::{RevocableInfo, SharedInfo};
use mesos_proto::v1::{
    CheckInfo, CommandInfo, ExecutorInfo, HealthCheck, Offer, Resource, TaskInfo,
};

use crate::make::{first_fit, hosts, offer, offer_of, place, request};

fn spec(resources: &str) -> TaskTemplate {
    TaskTemplate::new("t", resources.parse().unwrap())
}

fn disk(size: f64, source: Source) -> Resource {
    let disk = DiskInfo {
        source: Some(source),
        ..DiskInfo::default()
    };
    Resource {
        disk: Some(Box::new(disk)),
        ..Resource::scalar("disk", size)
    }
}

fn mount(size: f64, root: &str) -> Resource {
    disk(
        size,
        Source {
            r#type: Type::Mount.into(),
            mount: Some(Mount {
                root: Some(root.into()),
            }),
            ..Source::default()
        },
    )
}

#[test]
fn fixed_ports_are_taken_before_any_ports() {
    let offers = [offer(1, "cpus:1;ports:[31000-31003]", &[])];
    let task = spec("cpus:1")
        .command(CommandInfo::sh("serve"))
        .ports(Ports::any(1).named(["http"]))
        .ports(Ports::within(1, [31003..=32000]).named(["admin-x"]))
        .ports(Ports::fixed(31000));
    let round = first_fit(&offers, &[Request::new(task)]);
    let placed = &round.accepts[0].placed[0];
    assert_eq!(placed.ports, [[31001, 31003, 31000]]);
    let task = round.accepts[0].tasks().next().unwrap();
    let environment = &task.command.as_ref().unwrap().environment;
    let variables = &environment.as_ref().unwrap().variables;
    let pairs: Vec<_> = variables
        .iter()
        .map(|variable| (variable.name.as_str(), variable.value.as_deref().unwrap()))
        .collect();
    let expected = [
        ("PORT0", "31001"),
        ("PORT1", "31003"),
        ("PORT2", "31000"),
        ("PORT_HTTP", "31001"),
        ("PORT_ADMIN_X", "31003"),
    ];
    assert_eq!(pairs, expected);
}

#[test]
fn checks_connect_to_the_ports_that_they_name() {
    let offers = [offer(1, "cpus:1;ports:[31000-31003]", &[])];
    let template = TaskInfo::builder("t")
        .check(CheckInfo::tcp(1))
        .health_check(HealthCheck::http(1, "/"))
        .build();
    let task = spec("cpus:1")
        .template(template)
        .ports(Ports::any(2).named(["http", "admin"]))
        .check_port("admin")
        .health_check_port("http");
    let round = first_fit(&offers, &[Request::new(task)]);
    let task = round.accepts[0].tasks().next().unwrap();
    let check = task.check.as_ref().unwrap().tcp.as_ref().unwrap();
    let health = task.health_check.as_ref().unwrap().http.as_ref().unwrap();
    assert_eq!((check.port, health.port), (31001, 31000));
}

#[test]
fn ports_that_are_taken_are_not_taken_again() {
    let offers = [offer(1, "cpus:9;ports:[31000-31002]", &[])];
    let task = Request::new(spec("cpus:1").ports(Ports::any(1))).instances(5);
    let round = first_fit(&offers, &[task]);
    let placed = &round.accepts[0].placed;
    let ports: Vec<_> = placed.iter().map(|placed| placed.ports[0][0]).collect();
    assert_eq!(ports, [31000, 31001, 31002]);
    let text = round.report.to_string();
    assert!(
        text.contains("needs ports 1: the largest free is 0 on agent-1"),
        "{text}"
    );
}

#[test]
fn a_set_and_a_fixed_port_are_found_on_the_offer_that_has_them() {
    let offers = [
        offer(1, "cpus:1;ports:[1-79]", &[]),
        offer(2, "cpus:1;ports:[80-80];devices:{a,b}", &[]),
    ];
    let task = spec("cpus:1;devices:{b}").ports(Ports::fixed(80));
    let round = first_fit(&offers, &[Request::new(task).instances(2)]);
    assert_eq!(round.accepts[0].offers[0].hostname, "agent-2");
    assert_eq!(
        round.accepts[0].left.to_string(),
        "devices(allocated: web):{a}"
    );
}

#[test]
fn reservations_are_used_as_the_request_says() {
    let left = |reservations: Reservations| {
        let offers = [offer(1, "cpus:2;cpus(web):2", &[])];
        let round = first_fit(
            &offers,
            &[request("t", "cpus:2").reservations(reservations)],
        );
        let left = &round.accepts[0].left;
        (
            left.reserved("web").cpus().is_some(),
            left.unreserved().cpus().is_some(),
        )
    };
    assert_eq!(left(Reservations::ReservedFirst), (false, true));
    assert_eq!(left(Reservations::UnreservedFirst), (true, false));
    assert_eq!(left(Reservations::Reserved), (false, true));
    assert_eq!(left(Reservations::Unreserved), (true, false));
    let offers = [offer(1, "cpus:2;cpus(web):2", &[])];
    for wanted in [
        request("t", "cpus:3").reservations(Reservations::Reserved),
        request("t", "cpus:3").reservations(Reservations::Unreserved),
        request("t", "cpus(web):3"),
        request("t", "cpus(db):1"),
    ] {
        assert!(first_fit(&offers, &[wanted]).accepts.is_empty());
    }
}

#[test]
fn revocable_resources_are_used_as_the_request_says() {
    let revocable = Resource {
        revocable: Some(RevocableInfo {}),
        ..Resource::scalar("cpus", 2.0)
    };
    let mut resources: Resources = "cpus:1;mem:64".parse().unwrap();
    resources += Resources::try_from(revocable).unwrap();
    let offers = [offer_of(1, resources, vec![])];
    let fits = |cpus: &str, setting| {
        let request = request("t", &format!("cpus:{cpus};mem:1")).revocable("cpus", setting);
        let round = first_fit(&offers, &[request]);
        let task = round.accepts.first()?.tasks().next()?.clone();
        let taken = Resources::try_from(task.resources).unwrap();
        Some(!taken.revocable().is_empty())
    };
    assert_eq!(fits("1", Revocable::Never), Some(false));
    assert_eq!(fits("2", Revocable::Never), None);
    assert_eq!(fits("1", Revocable::Allowed), Some(false));
    assert_eq!(fits("2", Revocable::Allowed), Some(true));
    // Mesos does not accept a mix.
    assert_eq!(fits("3", Revocable::Allowed), None);
    assert_eq!(fits("1", Revocable::Only), Some(true));
}

#[test]
fn the_smallest_sufficient_mount_disk_is_taken_whole() {
    let mut resources: Resources = "cpus:1;disk:5000".parse().unwrap();
    for (size, root) in [(900.0, "/a"), (400.0, "/b"), (100.0, "/c")] {
        resources += Resources::try_from(mount(size, root)).unwrap();
    }
    let path = Source {
        r#type: Type::Path.into(),
        path: Some(Path {
            root: Some("/p".into()),
        }),
        ..Source::default()
    };
    resources += Resources::try_from(disk(1000.0, path)).unwrap();
    let typed = |kind: Type| Source {
        r#type: kind.into(),
        ..Source::default()
    };
    for (size, id) in [(700.0, "a"), (500.0, "b")] {
        let source = Source {
            id: Some(id.into()),
            ..typed(Type::Block)
        };
        resources += Resources::try_from(disk(size, source)).unwrap();
    }
    resources += Resources::try_from(disk(800.0, typed(Type::Raw))).unwrap();
    let offers = [offer_of(1, resources, vec![])];
    let sizes = |kind| {
        let task = spec("cpus:1").volume(Volume::new(kind, 200.0).unwrap());
        let round = first_fit(&offers, &[Request::new(task)]);
        let task = round.accepts[0].tasks().next().unwrap().clone();
        let disk = task
            .resources
            .into_iter()
            .find(|one| one.name == "disk")
            .unwrap();
        let source = disk.disk.as_ref().and_then(|disk| disk.source.clone());
        (
            disk.scalar.unwrap().value,
            source.map(|source| source.r#type()),
        )
    };
    assert_eq!(sizes(DiskKind::Mount), (400.0, Some(Type::Mount)));
    assert_eq!(sizes(DiskKind::Path), (200.0, Some(Type::Path)));
    assert_eq!(sizes(DiskKind::Root), (200.0, None));
    assert_eq!(sizes(DiskKind::Block), (500.0, Some(Type::Block)));
    // A part of a storage pool.
    assert_eq!(sizes(DiskKind::Raw), (200.0, Some(Type::Raw)));
}

/// Raw storage with an id is a disk that existed before.
#[test]
fn raw_storage_with_an_id_is_taken_whole() {
    let source = Source {
        r#type: Type::Raw.into(),
        id: Some("disk-1".into()),
        ..Source::default()
    };
    let mut resources: Resources = "cpus:1".parse().unwrap();
    resources += Resources::try_from(disk(800.0, source)).unwrap();
    let offers = [offer_of(1, resources, vec![])];
    let task = spec("cpus:1").volume(Volume::new(DiskKind::Raw, 200.0).unwrap());
    let round = first_fit(&offers, &[Request::new(task)]);
    assert!(round.accepts[0].left.is_empty());
}

#[test]
fn a_volume_is_created_on_reserved_disk_and_used_again() {
    let task = spec("cpus:1").volume(Volume::new(DiskKind::Root, 64.0).unwrap().persistent(
        "v1",
        "data",
        Some("ops"),
    ));
    let unreserved = [offer(1, "cpus:1;disk:100", &[])];
    let plain = Request::new(task.clone());
    assert!(
        first_fit(&unreserved, std::slice::from_ref(&plain))
            .accepts
            .is_empty()
    );

    let reserving = Request::new(task).reserve("web", Some("ops"));
    let round = first_fit(&unreserved, &[reserving]);
    let operations = &round.accepts[0].operations;
    assert!(operations[0].reserve.is_some() && operations[2].launch.is_some());
    let volume = &operations[1].create.as_ref().unwrap().volumes[0];
    assert_eq!(volume.reservations.last().unwrap().role(), "web");
    let persistence = &volume.disk.as_ref().unwrap().persistence;
    assert_eq!(persistence.as_ref().map(|one| one.id.as_str()), Some("v1"));

    let mut again = offer(1, "cpus:1", &[]);
    again.resources.push(volume.clone());
    let again = [again];
    let round = first_fit(&again, &[plain]);
    assert_eq!(round.accepts[0].operations.len(), 1);
    let task = round.accepts[0].tasks().next().unwrap();
    assert!(task.resources.contains(volume));
    let _: &Option<Persistence> = persistence;
}

#[test]
fn the_tasks_of_a_group_share_the_executor_and_one_agent() {
    let offers = [
        offer(1, "cpus:1.5;mem:64;disk:9", &[]),
        offer(2, "cpus:4;mem:640;disk:9", &[]),
    ];
    let executor = ExecutorInfo::builder("pod")
        .framework("F")
        .cpus(0.5)
        .mem(32.0)
        .disk(1.0)
        .build();
    let task = |name: &str| TaskTemplate::new(name, "cpus:1;mem:16".parse().unwrap());
    let group = Request::group("pod", executor, [task("a"), task("b")]).ids(["p1", "p2"]);
    let round = first_fit(&offers, &[group]);
    assert_eq!(round.accepts.len(), 1);
    let group = round.accepts[0].operations[0]
        .launch_group
        .as_ref()
        .unwrap();
    assert_eq!(group.executor.executor_id.value, "pod.p1");
    assert!(!group.executor.resources.is_empty());
    let ids: Vec<_> = group
        .task_group
        .tasks
        .iter()
        .map(|task| &task.task_id.value)
        .collect();
    assert_eq!(ids, ["p1.a", "p1.b"]);
    assert_eq!(round.accepts[0].left.cpus(), Some(1.5));
    assert_eq!(round.report.unplaced[0].missing, 1);
}

fn volume(id: &str) -> Volume {
    let volume = Volume::new(DiskKind::Root, 64.0).unwrap();
    volume.persistent(id, "data", None)
}

/// An offer with a persistent volume.
fn with_volume(number: usize, id: &str, shared: bool) -> Offer {
    let mut resource: Resource = Resources::iter(&"disk(web):64".parse().unwrap())
        .next()
        .unwrap()
        .clone();
    resource.disk = Some(Box::new(DiskInfo {
        persistence: Some(Persistence {
            id: id.into(),
            ..Persistence::default()
        }),
        volume: Some(mesos_proto::v1::Volume::default()),
        ..DiskInfo::default()
    }));
    resource.shared = shared.then(SharedInfo::default);
    let mut resources: Resources = "cpus:4;mem:64;disk(web):500".parse().unwrap();
    resources += Resources::try_from(resource).unwrap();
    offer_of(number, resources, vec![])
}

#[test]
fn a_task_goes_to_the_agent_that_has_its_volume() {
    for strategy in [Strategy::FirstFit, Strategy::BestFit, Strategy::Spread] {
        let offers = [
            offer(1, "cpus:1;disk(web):64", &[]),
            with_volume(2, "v", false),
            offer(3, "cpus:9;mem:4096;disk(web):640", &[]),
        ];
        let task = Request::new(spec("cpus:1").volume(volume("v")));
        let round = place(strategy, &offers, &[task]);
        assert_eq!(hosts(&round), ["agent-2"]);
        assert_eq!(round.accepts[0].operations.len(), 1, "nothing is created");
    }
}

#[test]
fn a_volume_is_not_created_a_second_time() {
    let offers = [
        with_volume(1, "v", false),
        offer(2, "cpus:4;disk(web):640", &[]),
    ];
    let two = ["a", "b"].map(|name| {
        let task = TaskTemplate::new(name, "cpus:1".parse().unwrap());
        Request::new(task.volume(volume("v")))
    });
    let round = first_fit(&offers, &two);
    assert_eq!(hosts(&round), ["agent-1"]);
    let text = round.report.to_string();
    assert!(
        text.contains("needs volume v of 64 on a root disk: 2 offers lack it"),
        "{text}"
    );
    // Likewise a volume that the round creates.
    let round = first_fit(&offers[1..], &two);
    assert_eq!(hosts(&round), ["agent-2"]);
    // A volume that is shared, and one that is not, are not the same.
    let shared = Request::new(spec("cpus:1").volume(volume("v").shared()));
    assert!(first_fit(&offers, &[shared]).accepts.is_empty());
}

#[test]
fn the_instances_of_a_request_share_a_volume() {
    let shared = || Request::new(spec("cpus:1").volume(volume("v").shared())).instances(3);
    let created = [
        offer(1, "cpus:2;disk(web):64", &[]),
        offer(2, "cpus:4;disk(web):640", &[]),
    ];
    let round = first_fit(&created, &[shared()]);
    // The first agent has the volume after the first instance, and no room for a third instance.
    assert_eq!(hosts(&round), ["agent-1", "agent-1"]);
    let volumes = &round.accepts[0].operations[0]
        .create
        .as_ref()
        .unwrap()
        .volumes;
    assert_eq!(volumes.len(), 1);
    assert!(volumes[0].shared.is_some());
    for task in round.accepts[0].tasks() {
        assert!(task.resources.contains(&volumes[0]));
    }

    let offered = [with_volume(1, "v", true)];
    let round = first_fit(&offered, &[shared()]);
    assert_eq!(hosts(&round).len(), 3);
    assert_eq!(round.accepts[0].operations.len(), 1);
}

/// A master does not add the copies of a shared volume for groups (`accept` in
/// src/master/master.cpp).
#[test]
fn only_one_group_uses_a_shared_volume() {
    let offers = [with_volume(1, "v", true)];
    let executor = ExecutorInfo::builder("pod")
        .framework("F")
        .cpus(0.1)
        .mem(32.0);
    let executor = executor.disk(1.0).build();
    let task = |name| {
        let task = TaskTemplate::new(name, "cpus:0.1".parse().unwrap());
        task.volume(volume("v").shared())
    };
    let group =
        |name: &str, tasks: Vec<TaskTemplate>| Request::group(name, executor.clone(), tasks);
    let one = |name: &str| group(name, vec![task("a")]);
    assert_eq!(
        first_fit(&offers, &[one("g"), one("h")]).accepts[0]
            .placed
            .len(),
        1
    );
    // Tasks are launched before groups.
    let alone = Request::new(task("t"));
    for requests in [[alone.clone(), one("g")], [one("g"), alone.clone()]] {
        assert_eq!(first_fit(&offers, &requests).accepts[0].placed.len(), 1);
    }
}

#[test]
fn an_operation_has_the_resources_of_one_provider() {
    let mut pool: Resource = Resource::scalar("disk", 100.0);
    pool.provider_id = Some("provider".into());
    pool.disk = Some(Box::new(DiskInfo {
        source: Some(Source {
            r#type: Type::Mount.into(),
            ..Source::default()
        }),
        ..DiskInfo::default()
    }));
    let mut resources: Resources = "cpus:1;disk:100".parse().unwrap();
    resources += Resources::try_from(pool).unwrap();
    let offers = [offer_of(1, resources, vec![])];
    let mounted = Volume::new(DiskKind::Mount, 64.0).unwrap();
    let task = spec("cpus:1")
        .volume(volume("a"))
        .volume(mounted.persistent("b", "more", None));
    let round = first_fit(&offers, &[Request::new(task).reserve("web", None)]);
    let operations = &round.accepts[0].operations;
    let creates = operations.iter().filter_map(|one| one.create.as_ref());
    assert_eq!(Vec::from_iter(creates.map(|one| one.volumes.len())), [1, 1]);
    let reserves = operations.iter().filter(|one| one.reserve.is_some());
    assert_eq!(reserves.count(), 2);
}
