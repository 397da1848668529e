//! What programs and operators request of the world.

use super::*;

impl World {
    /// The job with the number `n` waits for the job before it, if its number is a multiple of 3.
    pub(in crate::engine::tests) fn submit(&mut self, n: u8) {
        let name = format!("job-{}", n % 8);
        let mut spec = JobSpec::new(TaskSpec::shell(&name, "true"))
            .retry(RetryPolicy::attempts(u32::from(n % 3) + 1));
        if n.is_multiple_of(3) && !n.is_multiple_of(8) {
            spec = spec.after(format!("job-{}", n % 8 - 1));
        }
        if n.is_multiple_of(5) {
            spec = spec.timeout(Duration::from_secs(20));
        }
        if let Some(known) = self.submitted.get(&name) {
            spec = known.clone();
        }
        let mut known = self.store.clone();
        for (changes, _) in &self.steps {
            apply(&mut known, changes);
        }
        let record = |name: &str| {
            let json = known.get(&format!("{DONE_JOB}{name}"))?;
            Some((name.to_owned(), serde_json::from_slice(json).unwrap()))
        };
        let names = spec.after.iter().chain([&spec.name]);
        let done: BTreeMap<String, DoneRecord> = names.filter_map(|name| record(name)).collect();
        let limit = Limit {
            group: "g".to_owned(),
            max: LIMIT,
        };
        let now = self.now();
        if let Ok((step, _)) = self
            .engine
            .submit(vec![spec.clone()], Some(&limit), &done, now)
        {
            self.push(step, []);
        }
    }

    /// A service that the number `n` describes. Every fourth specification always fails, if the
    /// service exists.
    pub(in crate::engine::tests) fn keep(&mut self, n: u8) {
        let name = format!("service-{}", n % 2);
        let exists = self.engine.service(&name).is_some();
        let bad = exists && n.is_multiple_of(4);
        let line = match bad {
            true => "bad".to_owned(),
            false => format!("good {}", n / 64),
        };
        let policy = match n % 5 {
            0 => UpdatePolicy::blue_green(),
            1 => UpdatePolicy::rolling(2).start_first(true),
            2 => UpdatePolicy::rolling(3),
            _ => UpdatePolicy::rolling(1),
        };
        let on_failure = match n % 3 {
            0 => OnFailure::Pause,
            _ => OnFailure::Rollback,
        };
        let spec = ServiceSpec::new(TaskSpec::shell(&name, line))
            .instances(u32::from(n % 4) + 1)
            .unreachable_after(Duration::from_secs(5))
            .update(
                policy
                    .on_failure(on_failure)
                    .timeout(Duration::from_secs(500)),
            );
        let now = self.now();
        if let Ok((step, _)) = self.engine.keep(spec, now) {
            self.push(step, []);
        }
    }

    /// The program changes a service.
    pub(in crate::engine::tests) fn request(&mut self, n: u8) {
        let name = format!("service-{}", n % 2);
        let request = match n / 2 % 9 {
            0 | 1 => ServiceRequest::Scale(u32::from(n / 16 % 5)),
            2 => ServiceRequest::Pause,
            3 | 4 => ServiceRequest::Resume,
            5 => ServiceRequest::Rollback,
            6 if n > 128 => ServiceRequest::Remove,
            8 => ServiceRequest::Restart,
            _ => ServiceRequest::Show,
        };
        let now = self.now();
        if let Ok((step, _)) = self.engine.change_service(&name, request, now) {
            self.push(step, []);
        }
    }

    /// The operator announces maintenance of one of the two agents, or takes it back.
    pub(in crate::engine::tests) fn maintenance(&mut self, n: u8) {
        let offer = format!("inverse-{}", n % 2);
        match n % 3 {
            0 => self.engine.announced(&format!("agent-{}", n % 2), &offer),
            1 => self.engine.rescinded(&offer),
            _ => self.engine.forget_announcements(),
        }
    }
}
