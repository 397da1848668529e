//! Which resources are added, and which are counted.

use std::time::{Duration, Instant};

use mesos_proto::v1::resource::disk_info::{Source, source};
use mesos_proto::v1::resource::{ReservationInfo, RevocableInfo};
use mesos_proto::v1::{Label, Labels, Resource, ResourceProviderId, Volume, value};

use super::{disk, dynamic, fixed, resources, scalar, shared_volume, single, volume};
use crate::resources::Resources;

#[test]
fn resources_with_one_identity_are_added_in_any_order() {
    let sum = resources("cpus:1;mem:32;cpus(web):2") + resources("mem:32;cpus:0.5;cpus(web):1");
    assert_eq!(sum.to_string(), "cpus:1.5; mem:64; cpus(web):3");
    assert_eq!(sum.cpus(), Some(4.5));
    assert_eq!(sum, resources("cpus(web):3;mem:64;cpus:1.5"));
}

#[test]
fn subtraction_keeps_the_order_of_the_rest() {
    let left = resources("a:1;b:1;c:1;d:1") - resources("b:1");
    assert_eq!(left.to_string(), "a:1; c:1; d:1");
}

#[test]
fn subtraction_ignores_what_is_not_available() {
    let some = resources("cpus:1;ports:[1-5];disks:{a,b}");
    assert_eq!(&some - &resources("cpus(web):1;gpus:1"), some);
    assert_eq!(
        &some - &resources("cpus:2"),
        resources("ports:[1-5];disks:{a,b}")
    );
    assert_eq!(
        &some - &resources("ports:[4-9];disks:{b,c}"),
        resources("cpus:1;ports:[1-3];disks:{a}")
    );
}

#[test]
fn checked_subtraction_names_everything_that_is_missing() {
    let some = resources("cpus:1;mem(web):64;ports:[1-5];disks:{a}");
    assert_eq!(
        some.try_sub(&resources("cpus:1;ports:[2-3]")),
        Ok(resources("mem(web):64;ports:[1-1,4-5];disks:{a}"))
    );
    let missing = some
        .try_sub(&resources(
            "cpus:0.5;mem:32;mem(web):65;ports:[5-7];disks:{b}",
        ))
        .expect_err("not all is there");
    assert_eq!(
        missing.to_string(),
        "not enough resources: mem: needs 32, has nothing; mem(web): needs 65, has 64; \
         ports: needs [5-7], lacks [6-7]; disks: needs {b}, lacks {b}"
    );
    assert_eq!(missing.shortfalls().len(), 4);
}

#[test]
fn resources_with_different_identities_are_not_added() {
    let plain = scalar("disk", 1.0);
    let labeled = |key: &str, value: Option<&str>| ReservationInfo {
        labels: Some(Labels {
            labels: vec![Label {
                key: key.to_owned(),
                value: value.map(str::to_owned),
            }],
        }),
        ..dynamic("web", "ops")
    };
    let reserved = |stack: Vec<ReservationInfo>| Resource {
        reservations: stack,
        ..plain.clone()
    };
    let raw = |change: fn(&mut Source)| {
        let mut raw = disk(source::Type::Raw, "");
        if let Some(source) = raw.disk.as_mut().and_then(|disk| disk.source.as_mut()) {
            change(source);
        }
        single(raw)
    };
    let mut allocated = single(plain.clone());
    allocated.allocate("web");
    let different = [
        single(plain.clone()),
        single(scalar("mem", 1.0)),
        single(super::ranges("disk", &[(1, 1)])),
        allocated,
        single(reserved(vec![fixed("web")])),
        single(reserved(vec![fixed("db")])),
        single(reserved(vec![dynamic("web", "ops")])),
        single(reserved(vec![dynamic("web", "other")])),
        single(reserved(vec![fixed("web"), dynamic("web/a", "ops")])),
        single(reserved(vec![labeled("k", Some("v"))])),
        single(reserved(vec![labeled("k", Some("w"))])),
        single(disk(source::Type::Path, "/a")),
        single(disk(source::Type::Path, "/b")),
        single(disk(source::Type::Mount, "/a")),
        raw(|_| {}),
        raw(|source| source.vendor = Some("v".to_owned())),
        raw(|source| source.id = Some("i".to_owned())),
        raw(|source| source.profile = Some("p".to_owned())),
        raw(|source| source.metadata = Some(Labels::default())),
        single(volume("a")),
        single(volume("b")),
        single(shared_volume("a")),
        single(Resource {
            revocable: Some(RevocableInfo {}),
            ..plain.clone()
        }),
        single(Resource {
            provider_id: Some(ResourceProviderId {
                value: "p".to_owned(),
            }),
            ..plain.clone()
        }),
    ];
    let sum: Resources = different.iter().sum();
    assert_eq!(sum.len(), different.len());
    for (i, one) in different.iter().enumerate() {
        assert!(sum.contains(one), "{one}");
        for other in &different[i + 1..] {
            assert_ne!(one, other);
            assert!(
                !one.contains(other) && !other.contains(one),
                "{one} and {other}"
            );
        }
    }
}

#[test]
fn labels_are_equal_in_any_order_and_empty_equals_unset() {
    let label = |key: &str, value: Option<&str>| Label {
        key: key.to_owned(),
        value: value.map(str::to_owned),
    };
    let with = |labels| Resource {
        reservations: vec![ReservationInfo {
            labels: Some(Labels { labels }),
            ..dynamic("web", "ops")
        }],
        ..scalar("cpus", 1.0)
    };
    let sum = single(with(vec![label("a", None), label("b", Some("1"))]))
        + single(with(vec![label("b", Some("1")), label("a", Some(""))]));
    assert_eq!((sum.len(), sum.cpus()), (1, Some(2.0)));
}

#[test]
fn the_mount_of_a_volume_is_not_part_of_its_identity() {
    let mut mounted = volume("a");
    if let Some(disk) = &mut mounted.disk {
        disk.volume = Some(Volume {
            container_path: "data".to_owned(),
            ..Volume::default()
        });
    }
    assert_eq!(single(mounted), single(volume("a")));
}

#[test]
fn a_path_disk_is_divisible_and_a_mount_disk_is_not() {
    let half = |mut disk: Resource| {
        disk.scalar = scalar("disk", 50.0).scalar;
        disk
    };
    let path = disk(source::Type::Path, "/a");
    assert!(single(path.clone()).contains(&single(half(path.clone()))));
    assert_eq!(
        (single(path.clone()) - single(half(path))).disk(),
        Some(50.0)
    );

    for kind in [source::Type::Mount, source::Type::Block] {
        let whole = disk(kind, "/a");
        assert!(!single(whole.clone()).contains(&single(half(whole.clone()))));
        assert_eq!(
            single(whole.clone()) - single(half(whole.clone())),
            single(whole.clone())
        );
        assert!((single(whole.clone()) - single(whole)).is_empty());
    }
}

#[test]
fn a_raw_disk_is_divisible_only_without_an_id() {
    let raw = disk(source::Type::Raw, "");
    assert_eq!((single(raw.clone()) + single(raw.clone())).len(), 1);
    let mut with_id = raw;
    if let Some(source) = with_id.disk.as_mut().and_then(|disk| disk.source.as_mut()) {
        source.id = Some("volume-1".to_owned());
    }
    assert_eq!((single(with_id.clone()) + single(with_id)).len(), 2);
}

#[test]
fn copies_of_a_shared_volume_are_counted_and_its_size_is_not_added() {
    let one = single(shared_volume("a"));
    let two = &one + &one;
    assert_eq!(two.to_string(), "disk(web)[a]<SHARED>:64<2>");
    assert_eq!(two.disk(), Some(64.0));
    assert_eq!(two.count(&shared_volume("a")), 2);
    assert_ne!(one, two);
    assert!(two.contains(&one) && !one.contains(&two));
    assert_eq!(&two - &one, one);
    assert!((&one - &two).is_empty());
    assert_eq!(
        one.try_sub(&two).expect_err("one copy only").to_string(),
        "not enough resources: disk(web)[a]<SHARED>: needs 2, has 1"
    );
    let messages: Vec<Resource> = two.clone().into();
    assert_eq!(messages.len(), 2);
    assert_eq!(Resources::try_from(messages), Ok(two));
}

#[test]
fn a_divisible_resource_counts_once_with_its_exact_amount() {
    let some = resources("cpus:2");
    assert_eq!(some.count(&scalar("cpus", 2.0)), 1);
    assert_eq!(some.count(&scalar("cpus", 1.0)), 0);
    assert_eq!(some.count(&scalar("cpus", -1.0)), 0);
}

#[test]
fn sets_are_equal_in_any_order() {
    let set = |items: &[&str]| {
        let item = items.iter().map(|&item| item.to_owned()).collect();
        single(Resource {
            r#type: value::Type::Set.into(),
            scalar: None,
            set: Some(value::Set { item }),
            ..scalar("disks", 0.0)
        })
    };
    assert_eq!(set(&["c", "a", "b"]), resources("disks:{a,b,c}"));
    assert!(set(&["c", "a", "b"]).contains(&resources("disks:{a,c}")));
}

#[test]
fn adding_thousands_of_distinct_resources_is_not_quadratic() {
    let started = Instant::now();
    let many: Vec<Resource> = (0..20_000)
        .map(|n| scalar(&format!("resource-{n}"), 1.0))
        .collect();
    let mut sum = Resources::try_from(many).expect("valid");
    sum += sum.clone();
    assert_eq!(sum.len(), 20_000);
    assert_eq!(sum.get_scalar("resource-19999"), Some(2.0));
    let all = sum.clone();
    assert!(sum.contains(&all));
    sum -= &all;
    assert!(sum.is_empty());
    // A comparison of each with each would take 4 * 10^8 comparisons for each operation.
    assert!(
        started.elapsed() < Duration::from_secs(10),
        "{:?}",
        started.elapsed()
    );
}
