//! Services, as the program requests and sees them.

use std::collections::HashMap;
use std::sync::Arc;

use mesos_core::{Error, ErrorKind, Result};
use tokio::sync::watch;

use super::command::{Reply, WatchedService};
use super::input::then;
use super::load::Loaded;
use super::{Driver, Runtime};
use crate::engine::{Engine, Name, ServiceRequest, Step, unknown_service};
use crate::{ServiceDetails, ServiceSpec, ServiceStatus};

/// Those who watch services. A service that nobody watches costs nothing here.
#[derive(Default)]
pub(crate) struct ServiceListeners(HashMap<Name, watch::Sender<Arc<ServiceStatus>>>);

impl ServiceListeners {
    fn watch(&mut self, name: &Name, engine: &Engine) -> watch::Receiver<Arc<ServiceStatus>> {
        if let Some(sender) = self.0.get(name) {
            return sender.subscribe();
        }
        let status = engine.service_status(name);
        let sender = watch::Sender::new(Arc::new(status.unwrap_or_else(|| removed(name))));
        let receiver = sender.subscribe();
        // A service that was removed does not change any more.
        if engine.service(name).is_some() {
            self.0.insert(name.clone(), sender);
        }
        receiver
    }

    /// Shows the present state of a service.
    pub(crate) fn changed(&mut self, name: &Name, engine: &Engine) {
        let Some(sender) = self.0.get(name) else {
            return;
        };
        if sender.is_closed() {
            self.0.remove(name);
            return;
        }
        match engine.service_status(name) {
            Some(status) => {
                sender.send_if_modified(|old| {
                    let changed = **old != status;
                    if changed {
                        *old = Arc::new(status);
                    }
                    changed
                });
            }
            None => {
                sender.send_replace(Arc::new(removed(name)));
                self.0.remove(name);
            }
        }
    }
}

/// The state of a service that does not exist any more.
fn removed(name: &str) -> ServiceStatus {
    ServiceStatus {
        name: name.to_owned(),
        wanted: 0,
        instances: Vec::new(),
        generation: 0,
        update: None,
        rolled_back: None,
        crash_loop: false,
        removing: true,
    }
}

impl Runtime {
    pub(super) fn keep(
        &mut self,
        driver: &Driver,
        spec: ServiceSpec,
        reply: Reply<Result<WatchedService>>,
        loaded: &Loaded,
    ) {
        let result = self.keep_checked(spec, loaded);
        self.answer_service(driver, result, reply);
    }

    fn keep_checked(&mut self, spec: ServiceSpec, loaded: &Loaded) -> Result<(Step, Name)> {
        if self.stopping {
            return Err(Error::new(ErrorKind::Closed, "the runner is stopping"));
        }
        let of_job = loaded.get(&spec.name).is_some_and(Option::is_some);
        if self.engine.service(&spec.name).is_none() && of_job {
            let message = format!(
                "the name {:?} is the name of a job that has ended; use another name for the \
                 service, or forget the job",
                spec.name
            );
            return Err(Error::new(ErrorKind::Config, message));
        }
        self.engine.keep(spec, self.now())
    }

    /// The program receives the service when the change is stored.
    pub(super) fn answer_service(
        &mut self,
        driver: &Driver,
        result: Result<(Step, Name)>,
        reply: Reply<Result<WatchedService>>,
    ) {
        let (mut step, name) = match result {
            Ok(both) => both,
            Err(error) => return drop(reply.send(Err(error))),
        };
        // With the instances that the request makes, so that the program sees them.
        let judged = self.engine.judge(self.now());
        step.changes.extend(judged.changes);
        step.actions.extend(judged.actions);
        let receiver = self.services.watch(&name, &self.engine);
        let answer = move || drop(reply.send(Ok((name.to_string(), receiver))));
        self.store(driver, step, then(answer));
    }

    pub(super) fn all_services(&self) -> Vec<ServiceStatus> {
        let names = self.engine.service_names();
        names
            .filter_map(|name| self.engine.service_status(name))
            .collect()
    }

    pub(super) fn describe_service(&self, name: &str) -> Result<ServiceDetails> {
        let known = self.engine.service_status(name);
        let (Some(status), Some(service)) = (known, self.engine.service(name)) else {
            return Err(unknown_service(name));
        };
        let mut spec = (**service.record.spec()).clone();
        spec.instances = status.wanted;
        Ok(ServiceDetails {
            status,
            spec,
            reports: self.engine.service_reports(name),
        })
    }

    /// The framework ends, so that its services end, too.
    pub(super) fn remove_services(&mut self, driver: &Driver) {
        let names: Vec<Name> = self.engine.service_names().cloned().collect();
        for name in names {
            let now = self.now();
            match self
                .engine
                .change_service(&name, ServiceRequest::Remove, now)
            {
                Ok((step, _)) => self.store(driver, step, Vec::new()),
                Err(error) => tracing::error!(%error, "bug: cannot remove the service"),
            }
        }
        let step = self.engine.judge(self.now());
        self.store(driver, step, Vec::new());
    }
}
