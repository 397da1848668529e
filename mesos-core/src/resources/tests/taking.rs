//! Subsets by role, reservations, and taking the resources of a task from an offer.

use mesos_proto::v1::resource::RevocableInfo;
use mesos_proto::v1::resource::disk_info::source;
use mesos_proto::v1::{Resource, Volume};

use super::{disk, dynamic, resources, scalar, shared_volume, single, volume};
use crate::resources::{Amount, Prefer, Resources};

#[track_caller]
fn takes(offered: &str, request: &str, taken: &str) {
    let mut left = resources(offered);
    let got = left.take_preferring(&resources(request), Prefer::Unreserved);
    assert_eq!(got, Ok(resources(taken)));
    assert_eq!(left, resources(offered) - resources(taken));
}

#[test]
fn taking_follows_the_role_order_of_mesos() {
    // The cases of Mesos' own test of `Resources::find`.
    takes(
        "cpus(role1):2;mem(role1):10;cpus:4;mem:20",
        "cpus(role1):3;mem(role1):15",
        "cpus(role1):2;mem(role1):10;cpus:1;mem:5",
    );
    takes(
        "cpus(role1):1;mem(role1):5;cpus(role2):2;mem(role2):8;cpus:1;mem:7",
        "cpus(role1):3;mem(role1):15",
        "cpus(role1):1;mem(role1):5;cpus:1;mem:7;cpus(role2):1;mem(role2):3",
    );
    takes(
        "cpus(role1):5;mem(role1):5;cpus:5;mem:5",
        "cpus:6;mem:6",
        "cpus:5;mem:5;cpus(role1):1;mem(role1):1",
    );
    let mut few = resources("cpus(role1):1;mem(role1):1");
    assert!(few.take(&resources("cpus(role1):2;mem(role1):2")).is_err());
}

#[test]
fn reserved_resources_are_taken_first_by_default() {
    let offered = resources("cpus:2;cpus(web):2");
    let mut left = offered.clone();
    assert_eq!(
        left.take(&resources("cpus:3")),
        Ok(resources("cpus(web):2;cpus:1"))
    );
    let mut left = offered;
    let taken = left.take_preferring(&resources("cpus:3"), Prefer::Unreserved);
    assert_eq!(taken, Ok(resources("cpus:2;cpus(web):1")));
}

#[test]
fn requests_with_a_role_are_served_first() {
    let mut offered = resources("cpus(web):1;cpus:1");
    let taken = offered.take(&resources("cpus:1;cpus(web):1"));
    assert_eq!(taken, Ok(resources("cpus(web):1;cpus:1")));
    assert!(offered.is_empty());
}

#[test]
fn a_request_with_a_role_takes_from_its_reservation_first() {
    let mut offered = resources("cpus(web):2;cpus(db):2;cpus:2");
    let taken = offered.take(&resources("cpus:2;cpus(web):2"));
    assert_eq!(taken, Ok(resources("cpus(web):2;cpus(db):2")));
}

#[test]
fn other_reservations_of_the_role_are_used_before_unreserved_resources() {
    let dynamic = single(Resource {
        reservations: vec![dynamic("web", "ops")],
        ..scalar("cpus", 1.0)
    });
    let mut offered = resources("cpus:1") + dynamic.clone();
    assert_eq!(offered.take(&resources("cpus(web):1")), Ok(dynamic));
}

#[test]
fn one_name_with_two_types_is_two_resources() {
    let mut both = resources("gpus:2") + resources("gpus:{a}");
    assert_eq!(both.gpus(), Some(2.0));
    assert_eq!(both.get_set("gpus").map(|set| set.len()), Some(1));
    let missing = both.take(&resources("gpus:3")).expect_err("two gpus");
    assert_eq!(missing.shortfalls()[0].unusable(), None);
}

#[test]
fn taken_resources_keep_their_reservation_and_allocation() {
    let reserved = Resource {
        reservations: vec![dynamic("web", "ops")],
        ..scalar("cpus", 2.0)
    };
    let mut offered = single(reserved.clone()) + resources("mem:64;ports:[31000-31005]");
    offered.allocate("web");
    let whole = offered.clone();
    let request = resources("cpus:0.5;mem:32") + whole.pick_ports(2).expect("ports");
    let task: Vec<Resource> = offered.take(&request).expect("enough").into();
    for resource in &task {
        assert_eq!(
            resource.allocation_info.as_ref().map(|info| info.role()),
            Some("web")
        );
        let reserved = if resource.name == "cpus" {
            vec![dynamic("web", "ops")]
        } else {
            vec![]
        };
        assert_eq!(resource.reservations, reserved, "{}", resource.name);
    }
    assert_eq!(task.len(), 3);
    assert_eq!(offered + Resources::try_from(task).expect("valid"), whole);
}

#[test]
fn an_allocated_request_takes_only_from_its_role() {
    let mut offered = resources("cpus:1");
    offered.allocate("web");
    let mut request = resources("cpus:1");
    request.allocate("db");
    assert!(offered.take(&request).is_err());
    request.allocate("web");
    assert_eq!(offered.take(&request), Ok(request));
}

#[test]
fn shortfalls_are_reported_with_amounts_and_nothing_is_taken() {
    let mut offered = resources("cpus:1.5;mem:64;mem(web):64;ports:[31000-31001];disks:{a}");
    let before = offered.clone();
    let request = resources("cpus:2;mem:100;ports:[31001-31003];disks:{b};gpus:1");
    let missing = offered.take(&request).expect_err("too little");
    assert_eq!(
        missing.to_string(),
        "not enough resources: cpus: needs 2, has 1.5; ports: needs [31001-31003], lacks [31002-31003]; \
         disks: needs {b}, lacks {b}; gpus: needs 1, has nothing"
    );
    let cpus = &missing.shortfalls()[0];
    assert_eq!(cpus.resource(), "cpus");
    assert_eq!(
        (cpus.needed().to_string(), cpus.available().to_string()),
        ("2".to_owned(), "1.5".to_owned())
    );
    assert_eq!(offered, before);
}

#[test]
fn resources_of_another_kind_are_not_used_but_reported() {
    let revocable = Resource {
        revocable: Some(RevocableInfo {}),
        ..scalar("cpus", 4.0)
    };
    let mut offered = resources("cpus:1") + single(revocable.clone());
    let missing = offered.take(&resources("cpus:2")).expect_err("revocable");
    assert_eq!(
        missing.to_string(),
        "not enough resources: cpus: needs 2, has 1 (not usable: 4 of cpus{REV})"
    );
    assert_eq!(
        missing.shortfalls()[0].unusable().map(Amount::to_string),
        Some("4".to_owned())
    );
    assert_eq!(
        offered.take(&single(revocable.clone())),
        Ok(single(revocable))
    );
}

#[test]
fn a_part_of_a_mount_disk_is_refused_with_the_reason_and_the_size() {
    let sized = |kind, path, size| Resource {
        scalar: scalar("disk", size).scalar,
        ..disk(kind, path)
    };
    let mut offered = single(sized(source::Type::Path, "/a", 28.0))
        + single(sized(source::Type::Path, "/b", 28.0))
        + single(sized(source::Type::Mount, "/m", 1000.0));
    let part = single(sized(source::Type::Mount, "/m", 10.0));
    let missing = offered.take(&part).expect_err("goes whole");
    assert_eq!(
        missing.to_string(),
        "not enough resources: disk[MOUNT:/m]: needs 10, has 1000, which can only be taken whole \
         (not usable: 28 of disk[PATH:/a], 28 of disk[PATH:/b])"
    );
    let shortfall = &missing.shortfalls()[0];
    assert_eq!(shortfall.needed().to_string(), "10");
    assert_eq!(shortfall.available().to_string(), "0");
    assert_eq!(
        shortfall.whole().map(Amount::to_string),
        Some("1000".to_owned())
    );
    let subtracted = offered.try_sub(&part).expect_err("goes whole");
    assert!(
        subtracted
            .to_string()
            .contains("needs 10, has 1000, which can"),
        "{subtracted}"
    );
    let whole = single(sized(source::Type::Mount, "/m", 1000.0));
    assert_eq!(offered.take(&whole), Ok(whole));
}

#[test]
fn plain_disk_is_never_taken_from_volumes_or_other_disks() {
    let volumes = single(volume("a"))
        + single(disk(source::Type::Mount, "/a"))
        + single(disk(source::Type::Path, "/b"));
    let mut offered = resources("disk:10") + volumes.clone();
    assert!(offered.take(&resources("disk:11")).is_err());
    assert_eq!(
        offered.take(&resources("disk:10")),
        Ok(resources("disk:10"))
    );
    assert_eq!(offered, volumes);
}

#[test]
fn a_volume_is_taken_whole_and_mounted_as_requested() {
    let mut offered = single(volume("a")) + single(volume("b"));
    let mut request = volume("b");
    let mount = Volume {
        container_path: "data".to_owned(),
        ..Volume::default()
    };
    if let Some(disk) = &mut request.disk {
        disk.volume = Some(mount.clone());
    }
    let task: Vec<Resource> = offered
        .take(&single(request.clone()))
        .expect("there")
        .into();
    assert_eq!(
        task[0].disk.as_ref().and_then(|disk| disk.volume.as_ref()),
        Some(&mount)
    );
    assert_eq!(offered, single(volume("a")));
    assert!(offered.take(&single(request)).is_err());
}

#[test]
fn copies_of_a_shared_volume_are_taken_one_by_one() {
    let one = single(shared_volume("a"));
    let mut offered = &one + &one;
    assert_eq!(offered.take(&one), Ok(one.clone()));
    assert_eq!(offered.take(&one), Ok(one.clone()));
    assert!(offered.take(&one).is_err());
}

#[test]
fn queries_by_role_use_the_last_reservation() {
    let refined = resources("cpus(web):4")
        .push_reservation(&dynamic("web/front", "ops"))
        .expect("a refinement");
    let all = resources("cpus:1;mem(web):2;mem(db):3") + refined.clone();
    assert_eq!(all.reserved("web"), resources("mem(web):2"));
    assert_eq!(all.reserved("web/front"), refined);
    assert!(all.reserved("*").is_empty());
    assert_eq!(all.unreserved(), resources("cpus:1"));
    assert_eq!(
        all.allocatable_to("web/front"),
        resources("cpus:1;mem(web):2") + refined.clone()
    );
    assert_eq!(all.allocatable_to("web"), resources("cpus:1;mem(web):2"));
    let by_role: Vec<_> = all.reservations().into_keys().collect();
    assert_eq!(by_role, ["db", "web", "web/front"]);
    assert_eq!(all.get("mem"), resources("mem(web):2;mem(db):3"));
    assert_eq!(
        all.filter(|resource| resource.name == "cpus").cpus(),
        Some(5.0)
    );
    assert_eq!(
        (single(volume("a")) + all.clone()).persistent_volumes(),
        single(volume("a"))
    );
    assert_eq!(
        (all.revocable(), all.non_revocable()),
        (Resources::new(), all)
    );
}

#[test]
fn reservations_are_pushed_popped_and_removed() {
    let plain = resources("cpus:2;mem:64");
    let reserved = plain
        .push_reservation(&dynamic("web", "ops"))
        .expect("a reservation");
    assert_eq!(reserved.reserved("web"), reserved);
    assert_eq!(reserved.pop_reservation(), plain);
    assert_eq!(reserved.to_unreserved(), plain);
    assert_eq!(plain.pop_reservation(), plain);
    assert!(reserved.push_reservation(&dynamic("db", "ops")).is_err());
    assert!(plain.push_reservation(&Default::default()).is_err());
    assert_eq!(
        resources("cpus(a):1;cpus(b):2;cpus:3").to_unreserved(),
        resources("cpus:6")
    );
}

#[test]
fn allocation_is_marked_replaced_and_removed() {
    let plain = resources("cpus:1;mem:2");
    let mut marked = plain.clone();
    marked.allocate("web");
    assert_ne!(marked, plain);
    let mut both = plain.clone() + marked.clone();
    both.allocate("web");
    assert_eq!(both, marked.clone() + marked.clone());
    both.unallocate();
    assert_eq!(both, resources("cpus:2;mem:4"));
}
