//! The demand of roles, against a master that only knows what it was told.

use std::collections::{BTreeMap, BTreeSet};
use std::slice::from_ref;
use std::time::{Duration, Instant};

use mesos::placement::{
    Change, Constraint, Demand, DueCall, Field, Next, Request, TaskTemplate, Want, fair_shares,
    role_constraints,
};
use mesos::v1::scheduler::{AttributeConstraint, OfferConstraints};
use proptest::prelude::*;

const ROLES: [&str; 3] = ["a", "b", "c"];
const REFILL: Duration = Duration::from_secs(1);
const BURST: u32 = 2;

/// What a master knows.
#[derive(Debug, Default, PartialEq)]
struct Master {
    roles: BTreeSet<String>,
    suppressed: BTreeSet<String>,
    constraints: Option<OfferConstraints>,
    /// The roles with filters of declined offers.
    filtered: BTreeSet<String>,
}

impl Master {
    fn apply(&mut self, change: &Change) {
        match change {
            Change::Update {
                roles,
                suppressed,
                constraints,
            } => {
                self.roles = roles.iter().cloned().collect();
                self.suppressed = suppressed.iter().cloned().collect();
                self.constraints.clone_from(constraints);
                self.filtered.retain(|role| roles.contains(role));
            }
            Change::Suppress(roles) => self.suppressed.extend(roles.iter().cloned()),
            Change::Revive(roles) => {
                self.suppressed.retain(|role| !roles.contains(role));
                self.filtered.retain(|role| !roles.contains(role));
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// A role waits for a number of tasks on a rack.
    Set(usize, u64, Option<&'static str>),
    SetRoles(Vec<usize>),
    /// The next call succeeds, fails, or succeeds without its answer.
    Call(Fate),
    /// An offer of each role was declined.
    Decline,
    Subscribe,
    Wait(u8),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Done,
    Failed,
    Unanswered,
}

fn step() -> impl Strategy<Value = Step> {
    let rack = prop_oneof![Just(None), Just(Some("r1")), Just(Some("r2"))];
    let fate =
        prop_oneof![4 => Just(Fate::Done), 1 => Just(Fate::Failed), 1 => Just(Fate::Unanswered)];
    prop_oneof![
        4 => (0..3usize, 0..3u64, rack).prop_map(|(role, waiting, rack)| Step::Set(role, waiting, rack)),
        1 => prop::collection::vec(0..3usize, 1..4).prop_map(Step::SetRoles),
        6 => fate.prop_map(Step::Call),
        1 => Just(Step::Decline),
        1 => Just(Step::Subscribe),
        2 => (0..4u8).prop_map(Step::Wait),
    ]
}

fn on_rack(rack: &str) -> Request {
    let task = TaskTemplate::new("task", "cpus:1".parse().unwrap());
    Request::new(task).constraint(Constraint::is(Field::attribute("rack"), rack))
}

/// The next call, after as many waits as the bucket needs.
fn next(demand: &mut Demand, now: &mut Instant) -> Option<DueCall> {
    loop {
        match demand.next(*now) {
            Next::Nothing => return None,
            Next::Call(call) => return Some(call),
            Next::At(at) => {
                assert!(at > *now, "a wait has an end");
                *now = at;
            }
        }
    }
}

proptest! {
    #[test]
    fn the_master_learns_the_demand_of_every_role_and_ends_the_filters_of_new_demand(
        steps in prop::collection::vec(step(), 1..60)
    ) {
        let mut now = Instant::now();
        let mut demand = Demand::new(ROLES, BURST, REFILL).with_offer_constraints();
        let mut master = Master {
            roles: ROLES.map(str::to_owned).into(),
            ..Default::default()
        };
        let mut wanted: BTreeMap<String, (u64, Option<&str>)> =
            ROLES.map(|role| (role.to_owned(), (0, None))).into();
        // Filters that are older than the newest demand of their role.
        let mut outdated: BTreeSet<String> = BTreeSet::new();
        demand.subscribed(ROLES);
        for step in steps {
            match step {
                Step::Set(role, waiting, rack) => {
                    let role = ROLES[role].to_owned();
                    let rack = rack.filter(|_| waiting > 0);
                    let constraints = rack.and_then(|rack| role_constraints([&on_rack(rack)]));
                    demand.set(&role, waiting, constraints);
                    if let Some(entry) = wanted.get_mut(&role) {
                        let is_new = waiting > entry.0 || rack != entry.1;
                        if is_new && waiting > 0 && master.filtered.contains(&role) {
                            outdated.insert(role.clone());
                        }
                        *entry = (waiting, rack);
                    }
                }
                Step::SetRoles(roles) => {
                    let roles: BTreeSet<String> =
                        roles.into_iter().map(|role| ROLES[role].to_owned()).collect();
                    demand.set_roles(roles.clone());
                    wanted.retain(|role, _| roles.contains(role));
                    outdated.retain(|role| roles.contains(role));
                    for role in roles {
                        wanted.entry(role).or_insert((0, None));
                    }
                }
                Step::Call(fate) => if let Some(call) = next(&mut demand, &mut now) {
                    if fate != Fate::Failed {
                        master.apply(&call.change);
                    }
                    if fate == Fate::Done {
                        demand.done(&call);
                    }
                },
                Step::Decline => master.filtered = master.roles.clone(),
                Step::Subscribe => {
                    // A lost call may have changed the roles of the driver.
                    let roles = master.roles.clone();
                    demand.subscribed(roles);
                }
                Step::Wait(seconds) => now += Duration::from_secs(seconds.into()),
            }
            outdated.retain(|role| master.filtered.contains(role));
        }
        let mut calls = 0;
        while let Some(call) = next(&mut demand, &mut now) {
            master.apply(&call.change);
            demand.done(&call);
            calls += 1;
            prop_assert!(calls <= 4, "the calls end: {:?}", call);
        }
        prop_assert_eq!(&master.roles, &wanted.keys().cloned().collect());
        let idle = wanted.iter().filter(|(_, (waiting, _))| *waiting == 0);
        prop_assert_eq!(&master.suppressed, &idle.map(|(role, _)| role.clone()).collect());
        for role in outdated {
            let waits = wanted.get(&role).is_some_and(|(waiting, _)| *waiting > 0);
            prop_assert!(!waits || !master.filtered.contains(&role), "{} has old filters", role);
        }
        let mut constraints = OfferConstraints::default();
        for (role, (_, rack)) in &wanted {
            if let Some(rack) = rack {
                let group = [AttributeConstraint::text_equals("rack", *rack)];
                constraints = constraints.with_group(role, group);
            }
        }
        let expected = (!constraints.role_constraints.is_empty()).then_some(constraints);
        prop_assert_eq!(master.constraints, expected);
    }

    #[test]
    fn calls_are_not_more_frequent_than_the_bucket_permits(
        changes in prop::collection::vec((0..3usize, 0..2u64, 0..500u64), 1..100)
    ) {
        let start = Instant::now();
        let mut now = start;
        let mut demand = Demand::new(ROLES, BURST, REFILL);
        demand.subscribed(ROLES);
        let mut calls = 0;
        for (role, waiting, milliseconds) in changes {
            now += Duration::from_millis(milliseconds);
            demand.set(ROLES[role], waiting, None);
            if let Next::Call(call) = demand.next(now) {
                demand.done(&call);
                calls += 1;
            }
        }
        let seconds = (now - start).as_secs();
        prop_assert!(calls <= u64::from(BURST) + seconds, "{} calls in {} s", calls, seconds);
    }

    #[test]
    fn shares_are_fair(
        total in 0..1000u64,
        wants in prop::collection::btree_map("[a-f]", (0..400u64, 0.1..10f64), 0..6),
    ) {
        let wants: BTreeMap<String, Want> = wants
            .into_iter()
            .map(|(role, (amount, weight))| (role, Want { amount, weight }))
            .collect();
        let shares = fair_shares(total, wants.clone());
        let wanted: u64 = wants.values().map(|want| want.amount).sum();
        prop_assert_eq!(shares.values().sum::<u64>(), total.min(wanted));
        for (role, want) in &wants {
            prop_assert!(shares[role] <= want.amount);
            // Nobody who wants more has less, by weight, than another role.
            for (other, others) in &wants {
                if shares[role] < want.amount {
                    let own = (shares[role] as f64 + 2.0) / want.weight;
                    let theirs = (shares[other] as f64 - 2.0) / others.weight;
                    prop_assert!(theirs <= own, "{} {} {:?}", role, other, shares);
                }
            }
        }
    }
}

#[test]
fn a_demand_that_appears_during_a_revive_is_revived_again() {
    let now = Instant::now();
    let mut demand = Demand::new(["a"], 10, REFILL);
    demand.subscribed(["a"]);
    demand.set("a", 1, None);
    let Next::Call(revive) = demand.next(now) else {
        panic!("a REVIVE is due");
    };
    demand.set("a", 2, None);
    demand.done(&revive);
    let again = demand.next(now);
    assert!(matches!(&again, Next::Call(call) if call.change == Change::Revive(vec!["a".into()])));
}

#[test]
fn the_answer_to_a_call_of_an_earlier_subscription_is_ignored() {
    let now = Instant::now();
    let mut demand = Demand::new(["a"], 10, REFILL);
    demand.subscribed(["a"]);
    let Next::Call(suppress) = demand.next(now) else {
        panic!("a SUPPRESS is due");
    };
    demand.subscribed(["a"]);
    demand.done(&suppress);
    assert!(matches!(demand.next(now), Next::Call(_)));
}

#[test]
fn constraints_that_mesos_can_express_are_translated_and_the_others_permit_more() {
    let request = |constraints: &[Constraint]| {
        let task = TaskTemplate::new("task", "cpus:1".parse().unwrap());
        let constraints = constraints.iter().cloned();
        constraints.fold(Request::new(task), Request::constraint)
    };
    let rack = || Field::attribute("rack");
    let one_of = Constraint::is_in(rack(), ["r1", "r2"]);
    let not = Constraint::is_not(Field::Hostname, "h");
    let groups = |requests: &[Request]| role_constraints(requests).map(|all| all.groups.len());
    assert_eq!(groups(&[request(&[one_of.clone(), not])]), Some(2));
    let racks = from_ref(&one_of);
    assert_eq!(groups(&[request(racks), request(racks)]), Some(2));
    assert_eq!(groups(&[request(&[Constraint::Unique(rack())])]), Some(1));
    // One request without constraints permits every agent.
    assert_eq!(groups(&[request(racks), request(&[])]), None);
    let like = Constraint::unlike(rack(), "r.*").unwrap();
    assert_eq!(groups(&[request(&[like])]), None);
    assert_eq!(groups(&[]), None);
    // Too many alternatives: the second factor is left out.
    let values = (0..20).map(|number| number.to_string());
    let many = Constraint::is_in(Field::Hostname, values);
    assert_eq!(groups(&[request(&[one_of, many])]), Some(2));
}
