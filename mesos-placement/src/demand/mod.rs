//! Which roles of a framework need offers.

mod bucket;
mod constraints;
mod shares;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use mesos_proto::v1::scheduler::OfferConstraints;
use mesos_proto::v1::scheduler::offer_constraints::RoleConstraints;

use self::bucket::Bucket;
pub use self::constraints::role_constraints;
pub use self::shares::{Want, fair_shares};
use crate::Request;

/// Knows what each role of a framework waits for, and which calls make the master know it, too.
///
/// A role without demand is suppressed. A role with new demand is revived, which also ends the
/// filters of declined offers. Changes of roles and of offer constraints need UPDATE_FRAMEWORK.
/// The calls are limited by a token bucket, because each of them costs the allocator of the master
/// a walk over all agents; changes in between are combined.
///
/// The caller passes the time, makes the call of [`next`](Self::next), and reports its success by
/// [`done`](Self::done). A call that failed is simply due again.
#[derive(Clone, Debug)]
pub struct Demand {
    bucket: Bucket,
    roles: BTreeMap<String, Role>,
    /// The roles and the constraints that the master has; `None` if they are not known.
    asserted: Option<(BTreeSet<String>, Option<OfferConstraints>)>,
    uses_constraints: bool,
    /// The number of the subscription.
    subscription: u64,
    /// Counts the new demands.
    version: u64,
}

#[derive(Clone, Debug, Default)]
struct Role {
    waiting: u64,
    constraints: Option<RoleConstraints>,
    /// Whether the master has the role as suppressed; `None` if that is not known.
    suppressed: Option<bool>,
    /// The number of the newest demand whose filters must end.
    revive: Option<u64>,
}

/// A call that is due. Pass it to [`Demand::done`] when it succeeded.
#[derive(Clone, Debug, PartialEq)]
pub struct DueCall {
    /// What to call.
    pub change: Change,
    subscription: u64,
    /// The newest demand that the call knows.
    version: u64,
}

/// The content of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// UPDATE_FRAMEWORK.
    Update {
        /// All roles of the framework.
        roles: Vec<String>,
        /// The roles without demand.
        suppressed: Vec<String>,
        /// What the waiting requests of each role have in common.
        constraints: Option<OfferConstraints>,
    },
    /// SUPPRESS of these roles.
    Suppress(Vec<String>),
    /// REVIVE of these roles.
    Revive(Vec<String>),
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Make this call.
    Call(DueCall),
    /// A call is due, but not before this time.
    At(Instant),
    /// The master knows everything.
    Nothing,
}

impl Demand {
    /// The demand of a framework with these roles, which is not subscribed yet. At most `burst`
    /// calls are made at once, and later one for each `refill`.
    pub fn new(
        roles: impl IntoIterator<Item = impl Into<String>>,
        burst: u32,
        refill: Duration,
    ) -> Self {
        let roles: BTreeSet<String> = roles.into_iter().map(Into::into).collect();
        let entries = roles.iter().map(|role| (role.clone(), Role::default()));
        Self {
            bucket: Bucket::new(burst, refill),
            roles: entries.collect(),
            asserted: Some((roles, None)),
            uses_constraints: false,
            subscription: 0,
            version: 0,
        }
    }

    /// Lets the master offer only agents on which waiting requests can be placed (Mesos 1.11).
    #[must_use]
    pub fn with_offer_constraints(mut self) -> Self {
        self.uses_constraints = true;
        self
    }

    /// Uses offer constraints no longer, because the master does not support them.
    pub fn give_up_offer_constraints(&mut self) {
        self.uses_constraints = false;
    }

    /// Replaces the roles of the framework. New roles have no demand.
    pub fn set_roles(&mut self, roles: impl IntoIterator<Item = impl Into<String>>) {
        let wanted: BTreeSet<String> = roles.into_iter().map(Into::into).collect();
        self.roles.retain(|role, _| wanted.contains(role));
        for role in wanted {
            self.roles.entry(role).or_default();
        }
    }

    /// What a role waits for: the number of tasks or groups, and which agents they permit. A role
    /// that the framework does not have is ignored.
    pub fn set(&mut self, role: &str, waiting: u64, constraints: Option<RoleConstraints>) {
        let Some(entry) = self.roles.get_mut(role) else {
            return;
        };
        let is_new = waiting > entry.waiting || constraints != entry.constraints;
        if waiting == 0 {
            entry.revive = None;
        } else if is_new {
            self.version += 1;
            entry.revive = Some(self.version);
        }
        entry.waiting = waiting;
        entry.constraints = constraints;
    }

    /// Sets what each role waits for. A request without a role can use offers of every role.
    pub fn set_waiting<'a>(&mut self, requests: impl IntoIterator<Item = &'a Request>) {
        let requests: Vec<&Request> = requests.into_iter().collect();
        let roles: Vec<String> = self.roles.keys().cloned().collect();
        for role in roles {
            let own = requests
                .iter()
                .copied()
                .filter(|request| request.role_of_offers().is_none_or(|wanted| wanted == role));
            let own: Vec<&Request> = own.collect();
            let waiting = own.iter().map(|request| u64::from(request.count())).sum();
            self.set(&role, waiting, role_constraints(own));
        }
    }

    /// What each role waits for.
    pub fn waiting(&self) -> impl Iterator<Item = (&str, u64)> {
        let roles = self.roles.iter();
        roles.map(|(role, entry)| (role.as_str(), entry.waiting))
    }

    /// Divides a number of offers among the roles by what they wait for.
    pub fn shares(&self, total: u64) -> BTreeMap<String, u64> {
        let wants = self.roles.iter().map(|(role, entry)| {
            let amount = entry.waiting;
            (
                role.clone(),
                Want {
                    amount,
                    weight: 1.0,
                },
            )
        });
        fair_shares(total, wants)
    }

    /// The framework has a new subscription. Whether the calls of the old one took effect is not
    /// known, so everything is asserted again. The roles are those of the SUBSCRIBE.
    pub fn subscribed(&mut self, roles: impl IntoIterator<Item = impl Into<String>>) {
        self.subscription += 1;
        // A SUBSCRIBE can have constraints of an earlier call.
        let constraints = match &self.asserted {
            Some((_, None)) => Some(None),
            _ => None,
        };
        let roles = roles.into_iter().map(Into::into).collect();
        self.asserted = constraints.map(|constraints| (roles, constraints));
        for entry in self.roles.values_mut() {
            entry.suppressed = None;
        }
    }

    /// The call that is due at `now`. The framework must be subscribed.
    pub fn next(&mut self, now: Instant) -> Next {
        let Some(change) = self.change() else {
            return Next::Nothing;
        };
        match self.bucket.take(now) {
            Err(at) => Next::At(at),
            Ok(()) => {
                self.unknown(&change);
                Next::Call(DueCall {
                    change,
                    subscription: self.subscription,
                    version: self.version,
                })
            }
        }
    }

    /// A call that fails can have taken effect, so what it changes is not known until it is done.
    fn unknown(&mut self, change: &Change) {
        match change {
            Change::Update { .. } => self.asserted = None,
            Change::Suppress(roles) | Change::Revive(roles) => {
                self.each(roles, |role| role.suppressed = None);
            }
        }
    }

    fn change(&self) -> Option<Change> {
        let roles: Vec<String> = self.roles.keys().cloned().collect();
        let constraints = self.constraints();
        let is_known = self.asserted.as_ref().is_some_and(|(known, has)| {
            roles.iter().eq(known) && (!self.uses_constraints || constraints == *has)
        });
        if !is_known {
            let suppressed = self.select(|role| role.waiting == 0);
            return Some(Change::Update {
                roles,
                suppressed,
                constraints,
            });
        }
        let idle = self.select(|role| role.waiting == 0 && role.suppressed != Some(true));
        if !idle.is_empty() {
            return Some(Change::Suppress(idle));
        }
        let busy = |role: &Role| role.revive.is_some() || role.suppressed != Some(false);
        let busy = self.select(|role| role.waiting > 0 && busy(role));
        (!busy.is_empty()).then_some(Change::Revive(busy))
    }

    fn select(&self, wanted: impl Fn(&Role) -> bool) -> Vec<String> {
        let roles = self.roles.iter().filter(|(_, role)| wanted(role));
        roles.map(|(name, _)| name.clone()).collect()
    }

    fn constraints(&self) -> Option<OfferConstraints> {
        if !self.uses_constraints {
            return None;
        }
        let roles = self.roles.iter();
        let role_constraints: BTreeMap<String, RoleConstraints> = roles
            .filter_map(|(name, role)| Some((name.clone(), role.constraints.clone()?)))
            .collect();
        (!role_constraints.is_empty()).then_some(OfferConstraints { role_constraints })
    }

    /// The call succeeded. A call of an earlier subscription is ignored.
    pub fn done(&mut self, call: &DueCall) {
        if call.subscription != self.subscription {
            return;
        }
        match &call.change {
            Change::Update {
                roles,
                suppressed,
                constraints,
            } => {
                self.asserted = Some((roles.iter().cloned().collect(), constraints.clone()));
                for (name, role) in &mut self.roles {
                    role.suppressed = Some(suppressed.contains(name));
                }
            }
            Change::Suppress(roles) => self.each(roles, |role| role.suppressed = Some(true)),
            Change::Revive(roles) => self.each(roles, |role| {
                role.suppressed = Some(false);
                // A newer demand is due again.
                role.revive = role.revive.filter(|version| *version > call.version);
            }),
        }
    }

    fn each(&mut self, names: &[String], change: impl Fn(&mut Role)) {
        for name in names {
            if let Some(role) = self.roles.get_mut(name) {
                change(role);
            }
        }
    }
}
