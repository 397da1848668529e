//! What a service has to do next. This only calculates.

use std::cmp::Reverse;
use std::time::Duration;

use super::instance::Health;
use super::service::ServiceRecord;
use crate::UpdateStrategy;

/// An instance that exists, was not killed and was not replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct View {
    pub(super) id: u32,
    pub(super) generation: u32,
    pub(super) up: Up,
    /// Whether the instance has to leave its agent.
    pub(super) leaving: bool,
    /// Whether the instance was replaced and came back.
    pub(super) returned: bool,
    pub(super) early: u32,
    /// Whether and since when the instance is healthy.
    pub(super) health: Health,
}

/// How far an instance is. An instance that is less far is stopped before the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Up {
    Waiting,
    Unreachable,
    Launched,
    Ready,
}

/// What to do, in this order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// Why the update has failed. Nothing else is to be done then.
    pub(super) failed: Option<String>,
    /// Whether the update is complete.
    pub(super) complete: bool,
    /// How many instances may exist.
    pub(super) most: u32,
    pub(super) stop: Vec<u32>,
    /// The generation of the new instances, and their number.
    pub(super) create: (u32, usize),
    /// When to judge again.
    pub(super) wake: Option<Duration>,
}

/// `stopping` is the number of instances of other generations that were killed and have not ended.
pub(super) fn plan(
    record: &ServiceRecord,
    mut views: Vec<View>,
    stopping: usize,
    now: Duration,
) -> Plan {
    let spec = record.spec();
    let policy = &spec.update;
    let wanted = record.wanted() as usize;
    let paused = record.is_paused();
    let running_update = record.update.is_some() && !paused;
    views.sort_unstable_by_key(|one| (one.up, Reverse(one.returned), Reverse(one.id)));

    let mut plan = Plan::default();
    let is_old = |one: &View| !paused && one.generation != record.target;
    let (leavers, keepers): (Vec<View>, Vec<View>) = views
        .iter()
        .copied()
        .partition(|one| one.leaving || is_old(one));
    let old = views.iter().filter(|one| one.generation != record.target);
    plan.most = record.most(!leavers.is_empty() || paused, old.count() + stopping);

    let mut wake = |at: Duration| {
        if at > now {
            plan.wake = Some(plan.wake.map_or(at, |other| other.min(at)));
        }
    };
    let mut ready = 0;
    for one in &keepers {
        match one.health {
            Health::Good(since) => {
                let at = since.end_of(policy.healthy_for);
                ready += usize::from(at <= now);
                wake(at);
            }
            Health::Bad(since) if running_update => {
                let end = since.saturating_add(policy.timeout);
                wake(end);
                if one.early >= spec.restart.crash_loop_after {
                    plan.failed = Some(format!(
                        "the new instance {} ended {} times in a row soon after its start",
                        one.id, one.early
                    ));
                } else if end <= now {
                    plan.failed = Some(format!(
                        "the new instance {} was not healthy for {} within {}",
                        one.id,
                        humantime::format_duration(policy.healthy_for),
                        humantime::format_duration(policy.timeout)
                    ));
                }
                if plan.failed.is_some() {
                    return plan;
                }
            }
            Health::Bad(_) => {}
        }
    }
    let unready = keepers.len() - ready;
    let batch = (policy.batch as usize).min(wanted).max(1);
    let blue_green = policy.strategy == UpdateStrategy::BlueGreen && running_update;

    let total = views.len();
    let missing = wanted.saturating_sub(total);
    let mut create = missing;
    let (mut stop_leavers, mut stop_keepers) = (0, keepers.len().saturating_sub(wanted));
    if blue_green {
        create = wanted.saturating_sub(keepers.len());
        stop_leavers = match ready >= wanted {
            true => leavers.len(),
            false => leavers.len().saturating_sub(wanted),
        };
    } else if paused {
        stop_keepers = total.saturating_sub(plan.most as usize).min(keepers.len());
    } else if record.surges() {
        let surge = batch.saturating_sub(unready + missing).min(leavers.len());
        create = (missing + surge).min(wanted.saturating_sub(keepers.len()));
        stop_leavers = (ready + leavers.len()).saturating_sub(wanted);
    } else {
        let surplus = total.saturating_sub(wanted);
        let replaced = batch.saturating_sub(unready + missing);
        let kept = leavers.len() - surplus.min(leavers.len());
        let replaced = replaced.min(kept);
        stop_leavers = surplus.min(leavers.len()) + replaced;
        create += replaced;
    }
    let stopped = leavers.iter().take(stop_leavers);
    let stopped = stopped.chain(keepers.iter().take(stop_keepers));
    plan.stop = stopped.map(|one| one.id).collect();
    // While an update is paused, missing instances have the last specification that worked.
    let generation = if paused { record.stable } else { record.target };
    plan.create = (generation, create);
    plan.complete = running_update
        && leavers.iter().all(|one| one.generation == record.target)
        && stopping == 0
        && ready >= wanted
        && keepers.len() == wanted;
    plan
}
