//! Changes of services as lines for people.

use mesos::error_chain;
use mesos::framework::Runner;
use mesos::scheduler::SessionState;

use super::api::{Instance, Service};

/// What has changed between two states of a service. Without the first state, the service is new.
pub(super) fn changes(old: Option<&Service>, new: &Service) -> Vec<String> {
    let name = &new.name;
    let before = |number| {
        let mut instances = old.into_iter().flat_map(|old| &old.instances);
        instances.find(|one| one.number == number)
    };
    let mut lines = Vec::new();
    for one in &new.instances {
        let label = format!("{name}/{}", one.number);
        let before = before(one.number);
        if before.is_some_and(|before| one.ends > before.ends)
            && let Some(end) = &one.last_end
        {
            lines.push(format!("{label}: ended: {end}"));
        }
        let changed = before.is_none_or(|before| shown(before) != shown(one));
        if changed {
            lines.push(format!("{label}: {}", shown(one)));
        }
    }
    let exists = |number| new.instances.iter().any(|one| one.number == number);
    for one in old.into_iter().flat_map(|old| &old.instances) {
        if !exists(one.number) {
            lines.push(format!("{name}/{}: stopped", one.number));
        }
    }
    let summary = summary(new);
    if old.is_none_or(|old| self::summary(old) != summary) {
        lines.push(format!("{name}: {summary}"));
    }
    lines
}

fn shown(instance: &Instance) -> String {
    match &instance.hostname {
        Some(hostname) => format!("{} on {hostname}", instance.state),
        None => instance.state.clone(),
    }
}

fn summary(service: &Service) -> String {
    let (ready, wanted) = (service.ready, service.wanted);
    format!("{ready} of {wanted} ready; {}", service.state)
}

/// What keeps the scheduler from working; `None` if it works.
pub(super) fn trouble(runner: &Runner) -> Option<String> {
    let health = runner.health();
    if health.state != SessionState::Subscribed {
        let mut reasons = health.transitions.iter().rev();
        let reason = reasons.find_map(|transition| transition.reason.as_ref());
        return Some(match reason {
            Some(reason) => format!("not connected to Mesos: {}", error_chain(reason)),
            None => "not connected to Mesos yet".to_owned(),
        });
    }
    let failure = runner.state_failure().borrow().clone();
    failure.map(|failure| format!("the state cannot be written: {failure}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(instances: &[(u32, &str, u32)]) -> Service {
        let instances = instances.iter().map(|(number, state, ends)| Instance {
            number: *number,
            generation: 1,
            state: (*state).to_owned(),
            agent_id: None,
            hostname: (*state != "waiting").then(|| "host".to_owned()),
            tasks: Vec::new(),
            ends: *ends,
            early_ends: 0,
            last_end: (*ends > 0).then(|| "TASK_FAILED".to_owned()),
        });
        let instances: Vec<_> = instances.collect();
        let ready = instances.iter().filter(|one| one.state == "ready").count();
        Service {
            name: "web".to_owned(),
            ready,
            wanted: 2,
            state: if ready == 2 { "ready" } else { "starting" }.to_owned(),
            is_ready: ready == 2,
            generation: 1,
            update: None,
            rolled_back: None,
            crash_loop: false,
            removing: false,
            instances,
        }
    }

    #[test]
    fn each_change_of_a_service_is_a_line_and_an_equal_state_is_not() {
        let new = service(&[(1, "waiting", 0), (2, "ready", 0)]);
        let all = [
            "web/1: waiting",
            "web/2: ready on host",
            "web: 1 of 2 ready; starting",
        ];
        assert_eq!(changes(None, &new), all);
        assert_eq!(changes(Some(&new), &new), [""; 0]);
        let next = service(&[(2, "delayed", 1), (3, "ready", 0)]);
        let all = [
            "web/2: ended: TASK_FAILED",
            "web/2: delayed on host",
            "web/3: ready on host",
            "web/1: stopped",
        ];
        assert_eq!(changes(Some(&new), &next), all);
        let ready = service(&[(3, "ready", 0), (4, "ready", 0)]);
        let lines = changes(Some(&next), &ready);
        assert_eq!(
            lines.last().map(String::as_str),
            Some("web: 2 of 2 ready; ready")
        );
    }
}
