//! Agents that instances have to leave.

use std::collections::BTreeSet;

use super::{Engine, Name};

impl Engine {
    /// The operator announced maintenance of an agent.
    pub(crate) fn announced(&mut self, agent: &str, inverse_offer: &str) {
        let offers = self.leaving.entry(agent.to_owned()).or_default();
        offers.insert(inverse_offer.to_owned());
        self.judge_agent(agent);
    }

    /// The master has rescinded the announcement of a maintenance.
    pub(crate) fn rescinded(&mut self, inverse_offer: &str) {
        let of = |(agent, offers): (&String, &BTreeSet<String>)| {
            offers.contains(inverse_offer).then(|| agent.clone())
        };
        let Some(agent) = self.leaving.iter().find_map(of) else {
            return;
        };
        if let Some(offers) = self.leaving.get_mut(&agent) {
            offers.remove(inverse_offer);
            if offers.is_empty() {
                self.leaving.remove(&agent);
            }
        }
        self.judge_agent(&agent);
    }

    /// Announcements do not outlive their subscription. The master repeats them.
    pub(crate) fn forget_announcements(&mut self) {
        for agent in std::mem::take(&mut self.leaving).into_keys() {
            self.judge_agent(&agent);
        }
    }

    /// The inverse offers of agents that nothing uses any more. They can be accepted: Mesos does not
    /// rescind an inverse offer that was accepted, so the announcement is forgotten here.
    pub(crate) fn take_left(&mut self) -> Vec<String> {
        if self.leaving.is_empty() {
            return Vec::new();
        }
        let attempts = self.units.values().filter_map(|unit| unit.attempt());
        let used: BTreeSet<&str> = attempts.map(|one| one.agent.id.as_str()).collect();
        let mut left = Vec::new();
        self.leaving.retain(|agent, offers| {
            let keep = used.contains(agent.as_str());
            if !keep {
                left.extend(std::mem::take(offers));
            }
            keep
        });
        left
    }

    /// The agents that get no new instances.
    pub(crate) fn leaving(&self) -> impl Iterator<Item = &String> {
        self.leaving.keys()
    }

    fn judge_agent(&mut self, agent: &str) {
        self.queue.gained();
        let affected = |unit: &super::unit::Unit| -> Option<Name> {
            let instance = unit.instance()?;
            let here = unit.attempt()?.agent.id == agent;
            here.then(|| instance.service.clone())
        };
        let services: Vec<Name> = self.units.values().filter_map(affected).collect();
        self.dirty.extend(services);
    }
}
