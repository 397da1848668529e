//! Choosing and taking ports.

use mesos_proto::v1::resource::RevocableInfo;
use mesos_proto::v1::{Resource, TaskInfo};

use super::{resources, single, volume};
use crate::resources::{Amount, Resources};

#[test]
fn revocable_ports_are_not_picked() {
    let revocable = Resource {
        revocable: Some(RevocableInfo {}),
        ..super::ranges("ports", &[(1, 9)])
    };
    let offered = single(revocable) + resources("ports:[20-20]");
    assert_eq!(offered.pick_ports(1), Ok(resources("ports:[20-20]")));
    assert!(offered.pick_ports(2).is_err());
}

#[test]
fn the_lowest_ports_are_picked_reserved_ones_first() {
    let offered = resources("ports:[31000-31001];ports(web):[40000-40000,40005-40009]");
    let picked = offered.pick_ports(4);
    assert_eq!(
        picked,
        Ok(resources("ports(web):[40000-40000,40005-40007]"))
    );
    assert_eq!(
        offered.pick_ports(7),
        Ok(resources(
            "ports(web):[40000-40000,40005-40009];ports:[31000-31000]"
        ))
    );
    assert_eq!(offered.pick_ports(8), Ok(offered.clone()));
    assert_eq!(offered.pick_ports(0), Ok(Resources::new()));
    let missing = offered.pick_ports(9).expect_err("eight ports");
    assert_eq!(
        missing.to_string(),
        "not enough resources: ports: needs 9, has 8"
    );
    assert_eq!(missing.shortfalls()[0].needed(), &Amount::Count(9));
    assert!(resources("cpus:1").pick_ports(usize::MAX).is_err());
}

#[test]
fn a_port_in_two_resources_is_picked_once() {
    let sum = resources("ports:[1-2];ports(web):[1-1]");
    let picked = sum.pick_ports(2).expect("two ports");
    assert_eq!(picked, resources("ports(web):[1-1];ports:[2-2]"));
    assert!(sum.pick_ports(3).is_err());
}

#[test]
fn excluded_ports_are_not_picked() {
    let offered = resources("ports:[31000-31003];ports(web):[40000-40001]");
    let picked = offered.pick_ports_except(3, [31000, 40000, 31002, 9]);
    assert_eq!(
        picked,
        Ok(resources(
            "ports(web):[40001-40001];ports:[31001-31001,31003-31003]"
        ))
    );
    let missing = offered.pick_ports_except(4, [31000, 40000, 31002]);
    assert_eq!(
        missing.expect_err("three ports").to_string(),
        "not enough resources: ports: needs 4, has 3"
    );
}

#[test]
fn numbers_that_no_program_can_listen_on_are_not_ports() {
    let offered = resources("ports:[0-1,65535-70000]");
    assert_eq!(offered.port_numbers().collect::<Vec<_>>(), [1, 65535]);
    assert_eq!(
        offered.pick_ports(2),
        Ok(resources("ports:[1-1,65535-65535]"))
    );
    assert!(offered.pick_ports(3).is_err());
}

#[test]
fn taken_ports_leave_the_offer_with_their_numbers() {
    let mut offered = resources("cpus:1;ports(web):[31005-31006];ports:[31000-31001]");
    offered.allocate("web");
    let whole = offered.clone();
    let (ports, numbers) = offered.take_ports(3).expect("four ports");
    assert_eq!(numbers, [31000, 31005, 31006]);
    assert!(whole.contains(&ports));
    assert_eq!(offered, &whole - &ports);
    assert!(offered.take_ports_except(1, [31001]).is_err());
    assert_eq!(offered, whole - ports);
}

#[test]
fn resources_are_built_from_port_ranges() {
    assert_eq!(
        Resources::from_ports([31000..=31005, 31003..=31010]),
        resources("ports:[31000-31010]")
    );
    assert_eq!(Resources::from_ports([]), Resources::new());
}

#[test]
fn a_task_accepts_resources_by_value_and_by_reference() {
    let sum = resources("cpus:1;mem:32") + single(volume("a")) + single(volume("a"));
    let messages: Vec<Resource> = sum.clone().into();
    assert_eq!(messages.len(), 4);
    for task in [
        TaskInfo::builder("t").resources(&sum),
        TaskInfo::builder("t").resources(sum.clone()),
        TaskInfo::builder("t").resources(&messages),
        TaskInfo::builder("t").resources(messages.clone()),
    ] {
        assert_eq!(task.build().resources, messages);
    }
    assert_eq!((&sum).into_iter().count(), sum.len());
}
