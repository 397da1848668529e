//! The text form: parsing, printing, and error messages.

use super::{fixed, resources, scalar, shared_volume, single, volume};
use crate::resources::{ParseError, Resources};
use mesos_proto::v1::resource::{ReservationInfo, RevocableInfo, disk_info::source};
use mesos_proto::v1::{Label, Labels, Resource, ResourceProviderId, Volume, volume as mount};

fn error(text: &str) -> ParseError {
    match text.parse::<Resources>() {
        Ok(read) => panic!("{text:?} was read as {read}"),
        Err(error) => error,
    }
}

/// Asserts the position, the found text, and a part of the advice.
#[track_caller]
fn rejects(text: &str, character: usize, found: &str, advice: &str) {
    let error = error(text);
    assert_eq!(
        (error.character(), error.found()),
        (character, found),
        "{error}"
    );
    assert!(error.advice().contains(advice), "{error}");
}

#[test]
fn the_examples_of_mesos_are_parsed() {
    let some = resources("cpus:45.55;ports:[10000-20000, 30000-50000];disks:{sda1}");
    assert_eq!(
        some.to_string(),
        "cpus:45.55; ports:[10000-20000, 30000-50000]; disks:{sda1}"
    );
    let ports: Vec<_> = some.ports().expect("ports").iter().collect();
    assert_eq!(ports, [10000..=20000, 30000..=50000]);
    assert_eq!(
        some.get_set("disks").map(|disks| disks.contains("sda1")),
        Some(true)
    );

    let some = resources("cpus:1;mem:32;ports:[31000-31005]");
    assert_eq!(
        (some.cpus(), some.mem(), some.disk(), some.gpus()),
        (Some(1.0), Some(32.0), None, None)
    );
    assert_eq!(some.to_string(), "cpus:1; mem:32; ports:[31000-31005]");
}

#[test]
fn a_role_is_a_static_reservation_and_a_star_is_unreserved() {
    let some = resources("cpus(web):2;mem( * ):3");
    let messages: Vec<Resource> = some.clone().into();
    assert_eq!(messages[0].reservations, [fixed("web")]);
    assert!(messages[1].reservations.is_empty());
    let defaulted = Resources::parse_for_role("cpus:2;mem(*):3", "web");
    assert_eq!(defaulted, Ok(some));
    let invalid = Resources::parse_for_role("cpus:2", "a//b").expect_err("no role");
    assert!(
        invalid
            .to_string()
            .contains("invalid default role: invalid role \"a//b\""),
        "{invalid}"
    );
}

#[test]
fn blanks_and_empty_parts_are_ignored() {
    let same = resources("cpus:1;ports:[1-2,4-5];disks:{a,b}");
    let loose = " cpus : 1 ;; ports:[ 1 - 2 ,, 4-5,] ;\n disks: { b , a } ; ";
    assert_eq!(resources(loose), same);
}

#[test]
fn empty_text_has_no_resources_and_they_print_as_braces() {
    for text in ["", " ", ";;", "{}", "gpus:0", "ports:[]", "disks:{}"] {
        assert!(resources(text).is_empty(), "{text:?}");
    }
    assert_eq!(Resources::new().to_string(), "{}");
}

#[test]
fn a_repeated_resource_is_added_up() {
    assert_eq!(resources("foo:0;foo:[0-1]"), resources("foo:[0-1]"));
    assert_eq!(
        resources("cpus:1;cpus:2;ports:[1-2];ports:[2-3]"),
        resources("cpus:3;ports:[1-3]")
    );
    assert_eq!(
        resources("ports:[7-8,1-4,8-10,4-5]").to_string(),
        "ports:[1-5, 7-10]"
    );
}

#[test]
fn the_limits_of_u64_are_parsed() {
    let whole = resources("ids:[0-18446744073709551615]");
    assert_eq!(
        whole.get_ranges("ids").map(|ids| ids.count()),
        Some(1 << 64)
    );
    rejects(
        "ids:[0-18446744073709551616]",
        8,
        "18446744073709551616",
        "write a whole number from 0 to 18446744073709551615",
    );
}

#[test]
fn errors_name_the_position_the_text_and_the_correction() {
    rejects(
        "cpus(role1)",
        1,
        "cpus(role1)",
        "write a value after the name, as in cpus:1",
    );
    rejects("cpus:1;mem", 8, "mem", "write a value after the name");
    rejects(
        "cpus:1:2;mem:1",
        7,
        ":2",
        "write a semicolon between two resources",
    );
    rejects("cpus:1,mem:2", 11, ":2", "semicolon");
    rejects("cpus:", 6, "", "write a value after the colon");
    rejects(":1", 1, "", "write the name");
    rejects("(web):1", 1, "(web)", "write the name");
    rejects("cpus(role1:1", 1, "cpus(role1", "one pair of parentheses");
    rejects("cpus)(role1:1", 1, "cpus)(role1", "one pair of parentheses");
    rejects("cpus(a(b):1", 1, "cpus(a(b)", "one pair of parentheses");
    rejects("cpus(web)x:1", 10, "x", "write a colon and the value next");
    rejects(
        "cpus{REV}:1",
        1,
        "cpus{REV}",
        "a name cannot contain brackets",
    );
    rejects("cpus():1", 6, "", "invalid role \"\": it is empty");
    rejects("cpus(/web):1", 6, "/web", "begins with a slash");
    rejects("cpus:one", 6, "one", "write a number such as 0.5");
    rejects("cpus: 1 0", 7, "1 0", "write a number");
    rejects("cpus:0x10", 6, "0x10", "write a number");
    rejects("cpus:-1", 6, "-1", "cannot be negative");
    rejects("cpus:nan", 6, "nan", "NaN is not an amount");
    rejects("cpus:inf", 6, "inf", "above 8796093022208");
    rejects("cpus:-inf", 6, "-inf", "negative");
    rejects("cpus:1e300", 6, "1e300", "above");
    rejects("cpus:0.00001", 6, "0.00001", "the smallest amount is 0.001");
    rejects("ports:[1-2", 7, "[1-2", "end it with ]");
    rejects("ports:[", 7, "[", "end it with ]");
    rejects("ports:[1-2]]", 10, "2]", "whole number");
    rejects("ports:[1,2]", 8, "1", "write a range with both ends: [1-1]");
    rejects("ports:[1-2b]", 10, "2b", "write a whole number");
    rejects("ports:[1-]", 10, "", "write a whole number");
    rejects("ports:[a]", 8, "a", "a range such as");
    rejects("ports:[5-1]", 8, "5-1", "write the lower end first: 1-5");
    rejects("disks:{a", 7, "{a", "end it with }");
    rejects("disks:{aa,b}}", 11, "b}", "blanks, brackets or parentheses");
    rejects("disks:{a b}", 8, "a b", "write commas between items");
    rejects("disks:{a,b,a}", 12, "a", "write it once");
    rejects(
        "foo(a):1;foo(b):[0-1]",
        10,
        "foo(b):[0-1]",
        "type SCALAR before and RANGES here",
    );
    rejects("[{\"name\":\"cpus\"}]", 1, "[", "JSON");
}

#[test]
fn positions_are_counted_in_characters() {
    let error = error("größe:1;mäßig");
    assert_eq!(
        (error.character(), error.offset(), error.found()),
        (9, 10, "mäßig")
    );
}

#[test]
fn resources_without_a_text_form_are_printed_as_mesos_prints_them() {
    let mut disk = Resource {
        reservations: vec![fixed("alice")],
        ..scalar("disk", 1.0)
    };
    let print = |disk: &Resource| single(disk.clone()).to_string();
    assert_eq!(print(&disk), "disk(alice):1");

    let mut allocated = single(disk.clone());
    allocated.allocate("role");
    assert_eq!(allocated.to_string(), "disk(allocated: role)(alice):1");

    disk.disk = volume("hadoop").disk;
    let info = disk.disk.as_mut().expect("a disk");
    info.volume = Some(Volume {
        container_path: "/data".to_owned(),
        ..Volume::default()
    });
    assert_eq!(print(&disk), "disk(alice)[hadoop:/data]:1");

    disk.revocable = Some(RevocableInfo {});
    assert_eq!(print(&disk), "disk(alice)[hadoop:/data]{REV}:1");
    disk.revocable = None;

    let info = disk.disk.as_mut().expect("a disk");
    info.source = super::disk(source::Type::Mount, "/mnt1")
        .disk
        .and_then(|disk| disk.source);
    info.volume = Some(Volume {
        container_path: "/data".to_owned(),
        host_path: Some("/hdfs".to_owned()),
        mode: mount::Mode::Rw.into(),
        ..Volume::default()
    });
    assert_eq!(
        print(&disk),
        "disk(alice)[MOUNT:/mnt1,hadoop:/hdfs:/data:rw]:1"
    );

    let label = |key: &str, value: Option<&str>| Label {
        key: key.to_owned(),
        value: value.map(str::to_owned),
    };
    disk.reservations.push(ReservationInfo {
        labels: Some(Labels {
            labels: vec![label("foo", Some("bar")), label("foo", None)],
        }),
        ..super::dynamic("alice/refined", "hdfs-p")
    });
    disk.disk = None;
    assert_eq!(
        print(&disk),
        "disk(reservations: [(STATIC,alice),(DYNAMIC,alice/refined,hdfs-p,{foo: bar, foo})]):1"
    );

    let provided = Resource {
        provider_id: Some(ResourceProviderId {
            value: "p1".to_owned(),
        }),
        ..super::disk(source::Type::Raw, "")
    };
    assert_eq!(print(&provided), "disk(provider: p1)[RAW]:100");
}

#[test]
fn resources_without_a_text_form_are_not_parsed_as_something_else() {
    let odd = [
        Resource {
            reservations: vec![super::dynamic("web", "ops")],
            ..scalar("cpus", 1.0)
        },
        Resource {
            reservations: vec![fixed("a:b")],
            ..scalar("cpus", 1.0)
        },
        Resource {
            reservations: vec![fixed("a(b)")],
            ..scalar("cpus", 1.0)
        },
        Resource {
            provider_id: Some(ResourceProviderId {
                value: "p".to_owned(),
            }),
            ..scalar("cpus", 1.0)
        },
        Resource {
            revocable: Some(RevocableInfo {}),
            ..scalar("cpus", 1.0)
        },
        volume("a"),
        shared_volume("a"),
        super::disk(source::Type::Path, "/a"),
        super::disk(source::Type::Raw, ""),
        Resource {
            reservations: vec![],
            ..volume("a")
        },
    ];
    for one in odd.into_iter().map(single) {
        let text = one.to_string();
        assert!(text.parse::<Resources>().is_err(), "{text}");
    }
}
