//! What a message must be like, and the formats of reservations.
#![allow(deprecated)]

use mesos_proto::v1::resource::disk_info::source;
use mesos_proto::v1::resource::{DiskInfo, ReservationInfo, SharedInfo, reservation_info};
use mesos_proto::v1::{Label, Labels, Resource, value};

use super::{disk, dynamic, fixed, of, ranges, resources, scalar};
use crate::resources::{Problem, Resources, roles, validate};

/// Asserts that the message is refused, and that the reason says this.
#[track_caller]
fn refuses(resource: &Resource, reason: &str) {
    let error = validate(resource).expect_err("not valid").to_string();
    assert!(error.contains(reason), "{error}");
    assert!(Resources::try_from(resource.clone()).is_err());
    let (valid, invalid) = Resources::from_valid([scalar("cpus", 1.0), resource.clone()]);
    assert_eq!((valid, invalid.len()), (resources("cpus:1"), 1));
}

#[test]
fn the_value_must_be_the_one_of_the_type_and_no_other() {
    refuses(&scalar("", 1.0), "it has no name");
    refuses(
        &Resource {
            scalar: None,
            ..scalar("cpus", 1.0)
        },
        "`scalar` must be set",
    );
    refuses(
        &Resource {
            r#type: value::Type::Ranges.into(),
            ..scalar("cpus", 1.0)
        },
        "`ranges` must be set",
    );
    refuses(
        &Resource {
            r#type: value::Type::Set.into(),
            ..scalar("cpus", 1.0)
        },
        "`set` must be set",
    );
    refuses(
        &Resource {
            ranges: Some(value::Ranges::default()),
            ..scalar("cpus", 1.0)
        },
        "no other value",
    );
    refuses(
        &Resource {
            r#type: value::Type::Text.into(),
            ..scalar("cpus", 1.0)
        },
        "TEXT",
    );
    refuses(
        &Resource {
            r#type: 77,
            ..scalar("cpus", 1.0)
        },
        "the type is 77, which is unknown here",
    );
}

#[test]
fn ranges_are_upright_and_apart() {
    assert!(validate(&ranges("ports", &[(5, 6), (1, 4), (7, 7)])).is_ok());
    refuses(
        &ranges("ports", &[(1, 2), (9, 3)]),
        "the range 9-3 ends before it begins; write 3-9",
    );
    refuses(
        &ranges("ports", &[(5, 9), (1, 5)]),
        "5 is in two of the ranges",
    );
    // Mesos looks only for a later range that begins inside an earlier one, and lets this one pass.
    refuses(
        &ranges("ports", &[(3, 9), (1, 20)]),
        "3 is in two of the ranges",
    );
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
    refuses(&resource, "\"a\" is in the set twice");
}

#[test]
fn disk_info_is_for_disks_and_fits_its_source() {
    let disk_info = Some(Box::default());
    refuses(
        &Resource {
            disk: disk_info,
            ..scalar("cpus", 1.0)
        },
        "`disk` is for the resource named disk",
    );
    refuses(
        &disk(source::Type::Unknown, ""),
        "`source.type` must be PATH, MOUNT, BLOCK or RAW",
    );
    for kind in [source::Type::Block, source::Type::Raw] {
        let mut with_path = disk(kind, "");
        let mut with_mount = with_path.clone();
        let of = |resource: &mut Resource| {
            resource
                .disk
                .as_mut()
                .and_then(|disk| disk.source.take())
                .expect("a source")
        };
        let (mut a, mut b) = (of(&mut with_path), of(&mut with_mount));
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
        refuses(&with_path, "no `path`");
        refuses(&with_mount, "no `mount`");
    }
    refuses(
        &Resource {
            shared: Some(SharedInfo {}),
            ..scalar("disk", 1.0)
        },
        "only a persistent volume can be shared",
    );
}

#[test]
fn reservations_of_all_three_formats_mean_the_same() {
    let plain = scalar("cpus", 1.0);
    let role = Some("web".to_owned());
    assert_eq!(
        of(Resource {
            role: Some("*".to_owned()),
            ..plain.clone()
        }),
        of(plain.clone())
    );

    let refined = of(Resource {
        reservations: vec![fixed("web")],
        ..plain.clone()
    });
    assert_eq!(
        of(Resource {
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
    assert_eq!(of(both), refined);

    let principal = ReservationInfo {
        principal: Some("ops".to_owned()),
        ..ReservationInfo::default()
    };
    let unrefined = Resource {
        role,
        reservation: Some(principal),
        ..plain.clone()
    };
    let refined = of(Resource {
        reservations: vec![dynamic("web", "ops")],
        ..plain.clone()
    });
    assert_eq!(of(unrefined.clone()), refined);
    let both = of(Resource {
        reservations: vec![dynamic("web", "ops")],
        ..unrefined
    });
    assert_eq!(both, refined);

    let message: Vec<Resource> = both.into();
    assert_eq!((&message[0].role, &message[0].reservation), (&None, &None));
    assert_eq!(message[0].reservations, [dynamic("web", "ops")]);
}

#[test]
fn reservations_must_be_whole_and_refine_each_other() {
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
    refuses(
        &with(vec![ReservationInfo {
            r#type: None,
            ..fixed("a")
        }]),
        "needs a `type`",
    );
    let unknown = Some(reservation_info::Type::Unknown.into());
    refuses(
        &with(vec![ReservationInfo {
            r#type: unknown,
            ..fixed("a")
        }]),
        "needs a `type`",
    );
    refuses(
        &with(vec![ReservationInfo {
            role: None,
            ..fixed("a")
        }]),
        "needs a `role`",
    );
    refuses(
        &with(vec![fixed("*")]),
        "nothing can be reserved for the role *",
    );
    refuses(&with(vec![fixed("a b")]), "whitespace");
    refuses(
        &with(vec![fixed("a"), fixed("a/b")]),
        "only the first of `reservations` can be STATIC",
    );
    refuses(
        &with(vec![fixed("a"), dynamic("ab", "p")]),
        "the role \"ab\" is not below \"a\"",
    );
    refuses(&with(vec![fixed("a"), dynamic("a", "p")]), "is not below");
}

#[test]
fn the_older_fields_must_agree_with_the_newer_ones() {
    let role = Some("web".to_owned());
    let plain = scalar("cpus", 1.0);
    let principal = |principal: &str| ReservationInfo {
        principal: Some(principal.to_owned()),
        ..ReservationInfo::default()
    };
    let both = Resource {
        role: role.clone(),
        reservation: Some(principal("ops")),
        reservations: vec![dynamic("web", "ops")],
        ..plain.clone()
    };
    assert!(validate(&both).is_ok());
    refuses(
        &Resource {
            role: Some("db".to_owned()),
            ..both.clone()
        },
        "`role` is not the role",
    );
    refuses(
        &Resource {
            reservation: Some(principal("x")),
            ..both.clone()
        },
        "principal",
    );
    refuses(
        &Resource {
            reservation: None,
            ..both.clone()
        },
        "set both",
    );
    refuses(
        &Resource {
            reservations: vec![fixed("web")],
            ..both.clone()
        },
        "drop `reservation`",
    );
    let stack = vec![dynamic("web", "ops"), dynamic("web/a", "ops")];
    refuses(
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
    let labelled = ReservationInfo {
        labels,
        ..principal("ops")
    };
    refuses(
        &Resource {
            reservation: Some(labelled),
            ..both
        },
        "labels",
    );

    refuses(
        &Resource {
            reservation: Some(principal("ops")),
            ..plain.clone()
        },
        "nothing can be reserved for the role *",
    );
    refuses(
        &Resource {
            role: role.clone(),
            reservation: Some(fixed("web")),
            ..plain.clone()
        },
        "no `type` and no `role`",
    );
    refuses(
        &Resource {
            role: Some(String::new()),
            ..plain
        },
        "it is empty",
    );
}

#[test]
fn role_names_follow_mesos_rules() {
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
fn one_bad_resource_is_handed_back_and_the_others_stay() {
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
