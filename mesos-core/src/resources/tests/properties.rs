//! Properties of sums and differences, for resources of all kinds.

use proptest::prelude::*;

use mesos_proto::v1::Resource;
use mesos_proto::v1::resource::RevocableInfo;
use mesos_proto::v1::resource::disk_info::source;

use super::{disk, dynamic, fixed, scalar, shared_volume, single, volume};
use crate::resources::{Prefer, Ranges, Resources, Scalar};

const ROLES: [&str; 3] = ["*", "web", "web/front"];

/// Resources that the text form can express.
fn textual() -> impl Strategy<Value = Resources> {
    let number = (1i64..100_000).prop_map(|n| (n as f64 / 1000.0).to_string());
    let ranges = prop::collection::vec((0u64..200, 0u64..20), 1..6).prop_map(|ranges| {
        let all: Ranges = ranges
            .into_iter()
            .map(|(begin, more)| begin..=begin + more)
            .collect();
        all.to_string()
    });
    let set = prop::collection::btree_set("[a-e]{1,2}", 1..4)
        .prop_map(|items| format!("{{{}}}", items.into_iter().collect::<Vec<_>>().join(",")));
    let role = prop::sample::select(&ROLES[..]);
    let one = (
        prop_oneof![
            ("(cpus|mem|gpus)", number),
            ("(ports|ids)", ranges),
            ("(disks|names)", set)
        ],
        role,
    )
        .prop_map(|((name, value), role)| format!("{name}({role}):{value}"));
    prop::collection::vec(one, 0..10).prop_map(|parts| super::resources(&parts.join(";")))
}

/// Also resources that the text form cannot express.
fn any_resources() -> impl Strategy<Value = Resources> {
    let amount = (1u32..100_000).prop_map(|n| f64::from(n) / 1000.0);
    let special: BoxedStrategy<Resource> = prop_oneof![
        amount.clone().prop_map(|n| Resource {
            revocable: Some(RevocableInfo {}),
            ..scalar("cpus", n)
        }),
        amount.clone().prop_map(|n| Resource {
            reservations: vec![dynamic("web", "ops")],
            ..scalar("cpus", n)
        }),
        amount.prop_map(|n| Resource {
            reservations: vec![fixed("web"), dynamic("web/front", "ops")],
            ..scalar("mem", n)
        }),
        Just(disk(source::Type::Mount, "/a")),
        Just(disk(source::Type::Path, "/a")),
        "[ab]".prop_map(|id| volume(&id)),
        "[ab]".prop_map(|id| shared_volume(&id)),
    ]
    .boxed();
    (
        textual(),
        prop::collection::vec(special, 0..5),
        any::<bool>(),
    )
        .prop_map(|(text, special, allocated)| {
            let mut all = special
                .into_iter()
                .map(single)
                .fold(text, |sum, one| sum + one);
            if allocated {
                all.allocate("web");
            }
            all
        })
}

/// `b` without the numbers and items of `a`: the resources of one agent do not repeat them.
fn apart(a: &Resources, b: &Resources) -> Resources {
    let mine = a.filter(|resource| resource.scalar.is_none());
    b - &mine
}

proptest! {
    #[test]
    fn subtraction_reverses_addition(a in any_resources(), b in any_resources()) {
        let b = apart(&a, &b);
        prop_assert_eq!((&a + &b) - &b, a);
    }

    #[test]
    fn addition_is_commutative(a in any_resources(), b in any_resources()) {
        prop_assert_eq!(&a + &b, &b + &a);
    }

    #[test]
    fn addition_is_associative(a in any_resources(), b in any_resources(), c in any_resources()) {
        prop_assert_eq!(&(&a + &b) + &c, &a + &(&b + &c));
    }

    #[test]
    fn a_sum_contains_its_parts(a in any_resources(), b in any_resources()) {
        let sum = &a + &b;
        prop_assert!(sum.contains(&a) && sum.contains(&b));
        prop_assert!(sum.try_sub(&a).is_ok());
        prop_assert!(a.contains(&Resources::new()));
    }

    #[test]
    fn mutual_containment_is_equality(a in any_resources(), b in any_resources()) {
        prop_assert_eq!(a.contains(&b) && b.contains(&a), a == b);
    }

    #[test]
    fn containment_and_checked_subtraction_agree(a in any_resources(), b in any_resources()) {
        match a.try_sub(&b) {
            Ok(rest) => {
                prop_assert!(a.contains(&b));
                prop_assert_eq!(rest + b, a);
            }
            Err(missing) => {
                prop_assert!(!a.contains(&b));
                prop_assert!(!missing.shortfalls().is_empty());
            }
        }
    }

    #[test]
    fn printed_text_parses_to_the_same_resources(a in textual()) {
        prop_assert_eq!(a.to_string().parse::<Resources>(), Ok(a));
    }

    #[test]
    fn messages_convert_to_the_same_resources(a in any_resources()) {
        let messages: Vec<Resource> = a.clone().into();
        prop_assert_eq!(messages.len(), a.len());
        prop_assert_eq!(Resources::try_from(messages), Ok(a));
    }

    #[test]
    fn parsing_never_panics(text in "[a-c:;(){}\\[\\],.0-9* \n-]{0,30}") {
        if let Err(error) = text.parse::<Resources>() {
            prop_assert!(!error.advice().is_empty());
            prop_assert!(error.offset() + error.found().len() <= text.len());
            prop_assert_eq!(&text[error.offset()..][..error.found().len()], error.found());
        }
    }

    #[test]
    fn taking_conserves_resources(
        offered in any_resources(), request in any_resources(), unreserved in any::<bool>()
    ) {
        let prefer = if unreserved { Prefer::Unreserved } else { Prefer::Reserved };
        let mut left = offered.clone();
        match left.take_preferring(&request, prefer) {
            Ok(taken) => {
                prop_assert!(offered.contains(&taken));
                prop_assert_eq!(&left, &(&offered - &taken));
                for name in ["cpus", "mem", "gpus"] {
                    prop_assert_eq!(taken.get_scalar(name), request.get_scalar(name));
                }
            }
            Err(missing) => {
                prop_assert!(!missing.shortfalls().is_empty());
                prop_assert_eq!(&left, &offered);
                prop_assert!(!offered.contains(&request));
            }
        }
    }

    #[test]
    fn contained_resources_can_be_taken(a in any_resources(), b in any_resources()) {
        let b = apart(&a, &b);
        let mut offered = &a + &b;
        prop_assert!(offered.take(&a).is_ok());
    }

    #[test]
    fn scalars_follow_the_sum_of_their_thousandths(parts in prop::collection::vec(1i64..10_000_000, 1..50)) {
        let sum: Resources = parts.iter().map(|&n| single(scalar("mem", n as f64 / 1000.0))).sum();
        let total = Scalar::from_f64(sum.mem().unwrap_or(0.0)).map(Scalar::thousandths);
        prop_assert_eq!(total, Ok(parts.iter().sum()));
    }
}
