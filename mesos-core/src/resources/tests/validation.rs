//! Rules for messages, and the formats of reservations.
#![allow(deprecated)]

use mesos_proto::v1::resource::disk_info::source;
use mesos_proto::v1::resource::{DiskInfo, ReservationInfo, SharedInfo, reservation_info};
use mesos_proto::v1::{Label, Labels, Resource, value};

use super::{disk, dynamic, fixed, ranges, resources, scalar, single};
use crate::resources::{Problem, Resources, roles, validate};

/// Asserts that the message is rejected, with this reason.
#[track_caller]
fn rejects(resource: &Resource, reason: &str) {
    let error = validate(resource).expect_err("not valid").to_string();
    assert!(error.contains(reason), "{error}");
    assert!(Resources::try_from(resource.clone()).is_err());
    let (valid, invalid) = Resources::from_valid([scalar("cpus", 1.0), resource.clone()]);
    assert_eq!((valid, invalid.len()), (resources("cpus:1"), 1));
}

#[test]
fn only_the_value_of_the_type_is_set() {
    rejects(&scalar("", 1.0), "the name is missing");
    rejects(
        &Resource {
            scalar: None,
            ..scalar("cpus", 1.0)
        },
        "set `scalar`",
    );
    rejects(
        &Resource {
            r#type: value::Type::Ranges.into(),
            ..scalar("cpus", 1.0)
        },
        "set `ranges`",
    );
    rejects(
        &Resource {
            r#type: value::Type::Set.into(),
            ..scalar("cpus", 1.0)
        },
        "set `set`",
    );
    rejects(
        &Resource {
            ranges: Some(value::Ranges::default()),
            ..scalar("cpus", 1.0)
        },
        "no other value",
    );
    rejects(
        &Resource {
            r#type: value::Type::Text.into(),
            ..scalar("cpus", 1.0)
        },
        "TEXT",
    );
    rejects(
        &Resource {
            r#type: 77,
            ..scalar("cpus", 1.0)
        },
        "the type is 77, which is unknown",
    );
}

#[test]
fn ranges_are_ordered_and_separate() {
    assert!(validate(&ranges("ports", &[(5, 6), (1, 4), (7, 7)])).is_ok());
    rejects(
        &ranges("ports", &[(1, 2), (9, 3)]),
        "the range 9-3 ends before it begins; write 3-9",
    );
    rejects(&ranges("ports", &[(5, 9), (1, 5)]), "5 is in two ranges");
    // Mesos only detects a later range that begins inside an earlier one, so it accepts this one.
    rejects(&ranges("ports", &[(3, 9), (1, 20)]), "3 is in two ranges");
}

#[test]
fn a_set_has_each_item_once() {
    let set = value::Set {
        item: vec!["a".to_owned(), "b".to_owned(), "a".to_owned()],
    };
    let resource = Resource {
        r#type: value::Type::Set.into(),
        scalar: None,
        set: Some(set),
        ..scalar("disks", 1.0)
    };
    rejects(&resource, "\"a\" is in the set twice");
}

#[test]
fn disk_info_is_only_for_disks_and_fits_its_source() {
    let disk_info = Some(Box::default());
    rejects(
        &Resource {
            disk: disk_info,
            ..scalar("cpus", 1.0)
        },
        "`disk` is only for the resource named disk",
    );
    rejects(
        &disk(source::Type::Unknown, ""),
        "`source.type` must be PATH, MOUNT, BLOCK or RAW",
    );
    for kind in [source::Type::Block, source::Type::Raw] {
        let mut with_path = disk(kind, "");
        let mut with_mount = with_path.clone();
        let take_source = |resource: &mut Resource| {
            resource
                .disk
                .as_mut()
                .and_then(|disk| disk.source.take())
                .expect("a source")
        };
        let (mut a, mut b) = (take_source(&mut with_path), take_source(&mut with_mount));
        a.path = Some(source::Path::default());
        b.mount = Some(source::Mount::default());
        with_path.disk = Some(Box::new(DiskInfo {
            source: Some(a),
            ..DiskInfo::default()
        }));
        with_mount.disk = Some(Box::new(DiskInfo {
            source: Some(b),
            ..DiskInfo::default()
        }));
        rejects(&with_path, "remove `path`");
        rejects(&with_mount, "remove `mount`");
    }
    rejects(
        &Resource {
            shared: Some(SharedInfo {}),
            ..scalar("disk", 1.0)
        },
        "only a persistent volume can be shared",
    );
}

#[test]
fn the_three_formats_of_reservations_are_equivalent() {
    let plain = scalar("cpus", 1.0);
    let role = Some("web".to_owned());
    assert_eq!(
        single(Resource {
            role: Some("*".to_owned()),
            ..plain.clone()
        }),
        single(plain.clone())
    );

    let refined = single(Resource {
        reservations: vec![fixed("web")],
        ..plain.clone()
    });
    assert_eq!(
        single(Resource {
            role: role.clone(),
            ..plain.clone()
        }),
        refined
    );
    let both = Resource {
        role: role.clone(),
        reservations: vec![fixed("web")],
        ..plain.clone()
    };
    assert_eq!(single(both), refined);

    let principal = ReservationInfo {
        principal: Some("ops".to_owned()),
        ..ReservationInfo::default()
    };
    let unrefined = Resource {
        role,
        reservation: Some(principal.into()),
        ..plain.clone()
    };
    let refined = single(Resource {
        reservations: vec![dynamic("web", "ops")],
        ..plain.clone()
    });
    assert_eq!(single(unrefined.clone()), refined);
    let both = single(Resource {
        reservations: vec![dynamic("web", "ops")],
        ..unrefined
    });
    assert_eq!(both, refined);

    let message: Vec<Resource> = both.into();
    assert_eq!((&message[0].role, &message[0].reservation), (&None, &None));
    assert_eq!(message[0].reservations, [dynamic("web", "ops")]);
}

#[test]
fn reservations_are_complete_and_refine_each_other() {
    let with = |reservations: Vec<ReservationInfo>| Resource {
        reservations,
        ..scalar("cpus", 1.0)
    };
    assert!(
        validate(&with(vec![
            fixed("a"),
            dynamic("a/b", "p"),
            dynamic("a/b/c", "p")
        ]))
        .is_ok()
    );
    rejects(
        &with(vec![ReservationInfo {
            r#type: None,
            ..fixed("a")
        }]),
        "needs a `type`",
    );
    let unknown = Some(reservation_info::Type::Unknown.into());
    rejects(
        &with(vec![ReservationInfo {
            r#type: unknown,
            ..fixed("a")
        }]),
        "needs a `type`",
    );
    rejects(
        &with(vec![ReservationInfo {
            role: None,
            ..fixed("a")
        }]),
        "needs a `role`",
    );
    rejects(
        &with(vec![fixed("*")]),
        "the role * cannot have reservations",
    );
    rejects(&with(vec![fixed("a b")]), "whitespace");
    rejects(
        &with(vec![fixed("a"), fixed("a/b")]),
        "only the first of `reservations` can be STATIC",
    );
    rejects(
        &with(vec![fixed("a"), dynamic("ab", "p")]),
        "the role \"ab\" is not below \"a\"",
    );
    rejects(&with(vec![fixed("a"), dynamic("a", "p")]), "is not below");
}

#[test]
fn the_older_fields_agree_with_the_newer_ones() {
    let role = Some("web".to_owned());
    let plain = scalar("cpus", 1.0);
    let principal = |principal: &str| ReservationInfo {
        principal: Some(principal.to_owned()),
        ..ReservationInfo::default()
    };
    let both = Resource {
        role: role.clone(),
        reservation: Some(principal("ops").into()),
        reservations: vec![dynamic("web", "ops")],
        ..plain.clone()
    };
    assert!(validate(&both).is_ok());
    rejects(
        &Resource {
            role: Some("db".to_owned()),
            ..both.clone()
        },
        "`role` differs from the role",
    );
    rejects(
        &Resource {
            reservation: Some(principal("x").into()),
            ..both.clone()
        },
        "principal",
    );
    rejects(
        &Resource {
            reservation: None,
            ..both.clone()
        },
        "set both",
    );
    rejects(
        &Resource {
            reservations: vec![fixed("web")],
            ..both.clone()
        },
        "remove `reservation`",
    );
    let stack = vec![dynamic("web", "ops"), dynamic("web/a", "ops")];
    rejects(
        &Resource {
            reservations: stack,
            ..both.clone()
        },
        "more than one reservation",
    );
    let labels = Some(Labels {
        labels: vec![Label {
            key: "k".to_owned(),
            value: None,
        }],
    });
    let labeled = ReservationInfo {
        labels,
        ..principal("ops")
    };
    rejects(
        &Resource {
            reservation: Some(labeled.into()),
            ..both
        },
        "labels",
    );

    rejects(
        &Resource {
            reservation: Some(principal("ops").into()),
            ..plain.clone()
        },
        "the role * cannot have reservations",
    );
    rejects(
        &Resource {
            role: role.clone(),
            reservation: Some(fixed("web").into()),
            ..plain.clone()
        },
        "a `type` or a `role`",
    );
    rejects(
        &Resource {
            role: Some(String::new()),
            ..plain
        },
        "it is empty",
    );
}

#[test]
fn role_names_follow_the_rules_of_mesos() {
    for good in ["*", "web", "eng/web", "a.b", "a-b", "...", "größe", "a*"] {
        assert!(roles::validate(good).is_ok(), "{good}");
    }
    for bad in [
        "", "/", "/a", "a/", "a//b", ".", "..", "a/.", "../a", "a/*", "*/a", "-a", "a/-b", "a b",
        "a\tb", "a\u{7f}",
    ] {
        assert!(roles::validate(bad).is_err(), "{bad:?}");
    }
    assert!(roles::is_strict_subrole("eng/web", "eng") && roles::is_strict_subrole("a/b/c", "a"));
    for (role, ancestor) in [
        ("eng", "eng"),
        ("engine", "eng"),
        ("eng", "eng/web"),
        ("web", "eng"),
    ] {
        assert!(
            !roles::is_strict_subrole(role, ancestor),
            "{role} below {ancestor}"
        );
    }
}

#[test]
fn an_invalid_resource_is_returned_and_the_others_are_kept() {
    let (valid, invalid) = Resources::from_valid([
        scalar("cpus", 1.0),
        scalar("mem", -1.0),
        scalar("cpus", 2.0),
    ]);
    assert_eq!(valid, resources("cpus:3"));
    let (resource, why) = &invalid[0];
    assert_eq!((resource.name.as_str(), why.name()), ("mem", "mem"));
    assert!(matches!(why.problem(), Problem::Scalar(_)));
    assert_eq!(
        why.to_string(),
        "invalid resource \"mem\": -1 is not a valid scalar: an amount cannot be negative"
    );
}
