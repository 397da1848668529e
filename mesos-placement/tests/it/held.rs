//! Offers that are held, compared with a simple model.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use mesos::placement::HeldOffers;
use mesos::v1::resource::AllocationInfo;
use mesos::v1::{AgentId, Offer, OfferId};
use proptest::prelude::*;

const HOLD: Duration = Duration::from_secs(10);

fn offer(number: u8) -> Box<Offer> {
    Box::new(Offer {
        id: id(number),
        agent_id: agent(number),
        allocation_info: Some(AllocationInfo {
            role: Some(role(number).to_owned()),
        }),
        ..Offer::default()
    })
}

fn id(number: u8) -> OfferId {
    format!("o{number}").into()
}

fn agent(number: u8) -> AgentId {
    format!("a{}", number % 4).into()
}

fn role(number: u8) -> &'static str {
    ["x", "y"][usize::from(number % 2)]
}

#[derive(Clone, Debug)]
enum Step {
    Add,
    Rescind(u8),
    LoseAgent(u8),
    Take(Vec<u8>),
    TakeAgent(u8),
    TakeAll,
    GiveBack,
    Use,
    Wait(u8),
    Trim(u8),
    Subscribe,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => Just(Step::Add),
        2 => (0..30u8).prop_map(Step::Rescind),
        1 => (0..4u8).prop_map(Step::LoseAgent),
        3 => prop::collection::vec(0..30u8, 1..3).prop_map(Step::Take),
        1 => (0..4u8).prop_map(Step::TakeAgent),
        1 => Just(Step::TakeAll),
        3 => Just(Step::GiveBack),
        2 => Just(Step::Use),
        3 => (0..8u8).prop_map(Step::Wait),
        1 => (0..4u8).prop_map(Step::Trim),
        1 => Just(Step::Subscribe),
    ]
}

/// Where each live offer is: held, or taken, with the time at which it expires.
#[derive(Default)]
struct Model {
    held: BTreeMap<u8, Instant>,
    taken: BTreeMap<u8, Instant>,
    /// Taken offers that became void.
    void: Vec<u8>,
}

fn number(offer: &Offer) -> u8 {
    offer.id.value[1..].parse().unwrap()
}

fn numbers(offers: &[Box<Offer>]) -> Vec<u8> {
    let mut all: Vec<u8> = offers.iter().map(|offer| number(offer)).collect();
    all.sort_unstable();
    all
}

proptest! {
    #[test]
    fn every_offer_is_held_taken_or_returned_exactly_once(
        steps in prop::collection::vec(step(), 1..80)
    ) {
        let mut now = Instant::now();
        let mut pool = HeldOffers::new(HOLD);
        let mut model = Model::default();
        let mut out: Vec<Box<Offer>> = Vec::new();
        let mut next = 0u8;
        for step in steps {
            match step {
                Step::Add => {
                    // A later offer may expire earlier.
                    let expires = now + HOLD / (1 + u32::from(next % 3));
                    match next % 3 {
                        0 => pool.add(offer(next), now),
                        _ => pool.add_until(offer(next), expires),
                    }
                    model.held.insert(next, expires);
                    next += 1;
                }
                Step::Rescind(number) => {
                    let returned = pool.rescind(&id(number));
                    prop_assert_eq!(returned.is_some(), model.held.remove(&number).is_some());
                    if model.taken.remove(&number).is_some() {
                        model.void.push(number);
                    }
                }
                Step::LoseAgent(lost) => {
                    let returned = numbers(&pool.agent_lost(&agent(lost)));
                    let on_agent = |number: &u8| number % 4 == lost;
                    let expected: Vec<u8> = model.held.keys().copied().filter(on_agent).collect();
                    prop_assert_eq!(returned, expected);
                    model.held.retain(|number, _| !on_agent(number));
                    let void: Vec<u8> = model.taken.keys().copied().filter(on_agent).collect();
                    model.taken.retain(|number, _| !on_agent(number));
                    model.void.extend(void);
                }
                Step::Take(mut wanted) => {
                    wanted.sort_unstable();
                    wanted.dedup();
                    let ids: Vec<OfferId> = wanted.iter().map(|number| id(*number)).collect();
                    let before = pool.len();
                    match pool.take(&ids) {
                        Ok(taken) => {
                            prop_assert_eq!(numbers(&taken), wanted.clone());
                            for number in wanted {
                                let expires = model.held.remove(&number);
                                prop_assert!(expires.is_some());
                                model.taken.extend(expires.map(|expires| (number, expires)));
                            }
                            out.extend(taken);
                        }
                        Err(missing) => {
                            prop_assert_eq!(pool.len(), before, "nothing is taken");
                            prop_assert!(!model.held.keys().any(|held| id(*held) == missing));
                        }
                    }
                }
                Step::TakeAgent(of) => {
                    let taken = pool.take_agent(&agent(of));
                    for number in numbers(&taken) {
                        prop_assert_eq!(number % 4, of);
                        model.taken.insert(number, model.held.remove(&number).unwrap());
                    }
                    prop_assert!(!model.held.keys().any(|number| number % 4 == of));
                    out.extend(taken);
                }
                Step::TakeAll => {
                    let taken = pool.take_all();
                    let agents: Vec<&AgentId> = taken.iter().map(|offer| &offer.agent_id).collect();
                    let mut changes = agents.clone();
                    changes.dedup();
                    let count = changes.len();
                    changes.sort();
                    changes.dedup();
                    prop_assert_eq!(changes.len(), count, "offers of an agent are together");
                    prop_assert_eq!(numbers(&taken), Vec::from_iter(model.held.keys().copied()));
                    model.taken.append(&mut model.held);
                    out.extend(taken);
                }
                Step::GiveBack => if let Some(offer) = out.pop() {
                    let given = number(&offer);
                    let returned = pool.give_back(offer, now);
                    match model.taken.remove(&given) {
                        Some(expires) if expires > now => {
                            prop_assert!(returned.is_none());
                            model.held.insert(given, expires);
                        }
                        _ => {
                            prop_assert!(returned.is_some());
                            model.void.retain(|void| *void != given);
                        }
                    }
                },
                Step::Use => if let Some(offer) = out.pop() {
                    pool.forget(&offer.id);
                    model.taken.remove(&number(&offer));
                    model.void.retain(|void| *void != number(&offer));
                },
                Step::Wait(seconds) => {
                    now += Duration::from_secs(seconds.into());
                    let expired = numbers(&pool.expire(now));
                    let is_over = |expires: &Instant| *expires <= now;
                    let expected: Vec<u8> = model.held.iter()
                        .filter(|(_, expires)| is_over(expires))
                        .map(|(number, _)| *number)
                        .collect();
                    prop_assert_eq!(expired, expected);
                    model.held.retain(|_, expires| !is_over(expires));
                }
                Step::Trim(share) => {
                    let shares = BTreeMap::from([("x".to_owned(), share.into())]);
                    let returned = pool.trim(&shares);
                    for number in numbers(&returned) {
                        model.held.remove(&number);
                    }
                    let left = model.held.keys();
                    prop_assert!(left.clone().all(|number| role(*number) == "x"));
                    prop_assert!(left.count() <= usize::from(share));
                }
                Step::Subscribe => {
                    let returned = numbers(&pool.clear());
                    prop_assert_eq!(returned, Vec::from_iter(model.held.keys().copied()));
                    model.held.clear();
                    model.void.extend(std::mem::take(&mut model.taken).into_keys());
                }
            }
            prop_assert_eq!(pool.len(), model.held.len());
            let grouped: usize = pool.agents().map(|(_, offers)| offers.len()).sum();
            prop_assert_eq!(grouped, model.held.len());
            let first = model.held.values().min().copied();
            if let (Some(first), Some(wakes)) = (first, pool.next_expiry()) {
                prop_assert!(wakes <= first, "the caller wakes up in time");
            } else {
                prop_assert!(first.is_none());
            }
        }
    }
}

#[test]
fn an_offer_can_be_held_for_the_longest_duration() {
    let now = Instant::now();
    let mut pool = HeldOffers::new(Duration::MAX);
    pool.add(offer(0), now);
    pool.add_for(offer(1), Duration::MAX, now);
    pool.add_for(offer(2), HOLD, now);
    assert_eq!(numbers(&pool.expire(now + HOLD)), [2]);
    assert!(
        pool.next_expiry()
            .is_some_and(|at| at > now + 1_000_000 * HOLD)
    );
    assert_eq!(pool.len(), 2);
}
