//! Subscription, takeover, disconnection and removal of frameworks: `subscribe`, `_subscribe`,
//! `failoverFramework`, `exited` and `removeFramework` in src/master/master.cpp.

use std::time::Duration;

use mesos_proto::v1::scheduler::call;
use mesos_proto::v1::{FrameworkId, FrameworkInfo};

use super::super::Stream;
use super::super::clock::Action;
use super::super::validate::{self, Check};
use super::Cluster;
use super::records::Framework;
use crate::events;

impl Cluster {
    /// SUBSCRIBE. `stream` is already open and the call answered with 200, so any error is sent as
    /// ERROR on the stream.
    pub(crate) fn subscribe(&mut self, mut subscribe: call::Subscribe, stream: &Stream) {
        let info = &mut subscribe.framework_info;
        let checks = self
            .framework_fits(info, &subscribe.suppressed_roles)
            .and_then(|()| {
                let constraints = subscribe.offer_constraints.as_ref();
                constraints.map_or(Ok(()), validate::constraints)
            });
        if let Err(message) = checks {
            return refuse(stream, message);
        }
        let known = info.id.clone().filter(|id| !id.value.is_empty());
        let framework_id = known.clone().unwrap_or_else(|| self.new_framework_id());
        info.id = Some(framework_id.clone());
        if let Some(framework) = self.frameworks.get(framework_id.as_str()) {
            // A changed user or checkpoint is ignored; a changed principal is an error.
            info.user.clone_from(&framework.info.user);
            info.checkpoint = framework.info.checkpoint;
            if let Err(message) = validate::same_principal(&framework.info, info) {
                return refuse(stream, message);
            }
        }
        let taken_over = self
            .frameworks
            .get_mut(framework_id.as_str())
            .and_then(|framework| framework.stream.take());
        if let Some(old) = taken_over {
            old.send(events::error("Framework failed over"));
            old.end();
        }
        // The offers end without a RESCIND.
        self.withdraw_offers(&framework_id);
        let framework = self
            .frameworks
            .entry(framework_id.value.clone())
            .or_insert_with(|| Framework::new(subscribe.framework_info.clone()));
        framework.info = subscribe.framework_info;
        framework.suppressed = subscribe.suppressed_roles.into_iter().collect();
        framework.constraints = subscribe.offer_constraints.unwrap_or_default();
        framework.recovered = false;
        framework.stream = Some(stream.clone());
        stream.set_owner(framework_id.as_str());
        let interval = self.settings.heartbeat;
        let master_info = Some(self.info.clone());
        stream.send(events::subscribed(&framework_id, interval, master_info));
        stream.send(events::heartbeat());
        let heartbeat = Action::Heartbeat(stream.clone());
        self.clock.after(interval, heartbeat);
        self.request_allocation();
    }

    fn new_framework_id(&mut self) -> FrameworkId {
        let number = self.frameworks_so_far;
        self.frameworks_so_far += 1;
        FrameworkId::from(format!("{}-{number:04}", self.info.id))
    }

    /// `validateFramework`.
    pub(super) fn framework_fits(&self, info: &FrameworkInfo, suppressed: &[String]) -> Check {
        validate::framework(info)?;
        let roles = validate::roles_of(info);
        if let Some(allowed) = &self.settings.roles {
            let strange: Vec<&str> = roles
                .iter()
                .filter(|role| *role != "*" && !allowed.contains(role))
                .map(String::as_str)
                .collect();
            if !strange.is_empty() {
                return Err(format!(
                    "Roles {{ {} }} are not present in the master's --roles",
                    strange.join(", ")
                ));
            }
        }
        if let Some(role) = suppressed.iter().find(|role| !roles.contains(role)) {
            return Err(format!(
                "Suppressed role '{role}' is not contained in the list of roles"
            ));
        }
        if info.user == "root" && !self.settings.root_submissions {
            return Err(
                "User 'root' is not allowed to run frameworks without --root_submissions set"
                    .to_owned(),
            );
        }
        let id = info.id.as_ref().map(FrameworkId::as_str);
        if id.is_some_and(|id| self.completed.iter().any(|completed| completed == id)) {
            return Err("Framework has been removed".to_owned());
        }
        validate::failover_timeout(info)
    }

    /// A stream has ended. If it was the current stream of a framework, the framework is
    /// disconnected.
    pub(super) fn disconnected(&mut self, stream: &Stream) {
        let framework_id = stream.framework_id();
        let Some(framework) = self.frameworks.get_mut(framework_id.as_str()) else {
            return;
        };
        if framework.stream.as_ref() != Some(stream) {
            return;
        }
        framework.stream = None;
        framework.filters.clear();
        self.absences_so_far += 1;
        let absence = self.absences_so_far;
        framework.absence = absence;
        let seconds = framework.info.failover_timeout.unwrap_or_default();
        self.withdraw_offers(&framework_id);
        self.request_allocation();
        if seconds <= 0.0 {
            return self.remove_framework(&framework_id);
        }
        if let Ok(timeout) = Duration::try_from_secs_f64(seconds) {
            let action = Action::FailoverTimeout(framework_id, absence);
            self.clock.after(timeout, action);
        }
    }

    pub(super) fn failover_timeout(&mut self, framework_id: &FrameworkId, absence: u64) {
        let still_away = self
            .frameworks
            .get(framework_id.as_str())
            .is_some_and(|framework| framework.stream.is_none() && framework.absence == absence);
        if still_away {
            self.remove_framework(framework_id);
        }
    }

    /// Removes a framework: its tasks are killed silently, its stream ends without ERROR, and its
    /// id cannot be used again.
    pub(crate) fn remove_framework(&mut self, framework_id: &FrameworkId) {
        self.withdraw_offers(framework_id);
        let Some(framework) = self.frameworks.remove(framework_id.as_str()) else {
            return;
        };
        for task in framework.tasks.values() {
            self.release(task);
        }
        if let Some(stream) = framework.stream {
            stream.end();
        }
        self.completed.push_back(framework_id.value.clone());
        if self.completed.len() > self.settings.max_completed {
            self.completed.pop_front();
        }
        self.request_allocation();
    }

    /// The ids of the frameworks that are not removed.
    pub(crate) fn framework_ids(&self) -> Vec<FrameworkId> {
        self.frameworks.values().map(Framework::id).collect()
    }
}

fn refuse(stream: &Stream, message: String) {
    stream.send(events::error(message));
    stream.end();
}
