//! Services, as a program sees them.

use std::sync::Arc;

use mesos_core::{Error, ErrorKind, Result};
use tokio::sync::watch;

use super::{Runner, accepted};
use crate::engine::ServiceRequest;
use crate::runtime::Command;
use crate::runtime::command::WatchedService;
use crate::{ServiceDetails, ServiceSpec, ServiceStatus};

impl Runner {
    /// Keeps a service running. When this returns, the service is stored, and it continues after a
    /// restart of the program.
    ///
    /// * A specification that was kept before under this name changes nothing, also after a restart
    ///   of the program, after [`ServiceHandle::scale`] and after a rollback.
    /// * Another number of instances or another policy takes effect at once.
    /// * Another task or pod is an update: new instances replace the old ones as
    ///   [`ServiceSpec::update`] says.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for an invalid specification, for the name of a job, and while the
    /// service is being removed; [`ErrorKind::Store`] if the state cannot be read;
    /// [`ErrorKind::Closed`], or the reason, if the runner has ended.
    pub async fn keep(&self, service: impl Into<ServiceSpec>) -> Result<ServiceHandle> {
        let service = Box::new(service.into());
        self.validate_service(&service)?;
        let watched = self.request(|reply| Command::Keep(service, reply)).await?;
        Ok(ServiceHandle::new(self.clone(), watched?))
    }

    /// A handle on a service that is kept, also since an earlier run of the program.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the service does not exist; the reason, if the runner has ended.
    pub async fn service(&self, name: impl Into<String>) -> Result<ServiceHandle> {
        let watched = self.change(name.into(), ServiceRequest::Show).await?;
        Ok(ServiceHandle::new(self.clone(), watched))
    }

    /// The states of all services, by their names.
    ///
    /// # Errors
    /// The reason, if the runner has ended.
    pub async fn services(&self) -> Result<Vec<ServiceStatus>> {
        self.request(Command::Services).await
    }

    /// All that is known about a service.
    ///
    /// # Errors
    /// As [`service`](Self::service).
    pub async fn describe_service(&self, name: impl Into<String>) -> Result<ServiceDetails> {
        let name = name.into();
        self.request(|reply| Command::DescribeService(name, reply))
            .await?
    }

    async fn change(&self, name: String, request: ServiceRequest) -> Result<WatchedService> {
        self.request(|reply| Command::Service(name, request, reply))
            .await?
    }

    fn validate_service(&self, service: &ServiceSpec) -> Result<()> {
        accepted(&service.name, service.validate(&self.shared.linter))?;
        // The record of a service also has the specifications before.
        self.check_size("service", &service.name, service, 7)
    }
}

/// A handle on a service. Dropping it does nothing to the service.
///
/// Each change returns when it is stored. The instances follow afterwards:
/// [`wait_ready`](Self::wait_ready).
#[derive(Clone, Debug)]
pub struct ServiceHandle {
    runner: Runner,
    name: String,
    status: watch::Receiver<Arc<ServiceStatus>>,
}

impl ServiceHandle {
    fn new(runner: Runner, (name, status): WatchedService) -> Self {
        Self {
            runner,
            name,
            status,
        }
    }

    /// The name of the service.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The present state.
    pub fn status(&self) -> Arc<ServiceStatus> {
        Arc::clone(&self.status.borrow())
    }

    /// Waits for another state than the last one that this handle returned here. States in between
    /// may be skipped. Cancel safe.
    ///
    /// # Errors
    /// The service was removed, and this was returned before; or the reason, if the runner has
    /// ended.
    pub async fn changed(&mut self) -> Result<Arc<ServiceStatus>> {
        match self.status.changed().await {
            Ok(()) => Ok(Arc::clone(&self.status.borrow_and_update())),
            Err(_) => Err(self.gone().await),
        }
    }

    /// Waits until the service [is ready](ServiceStatus::is_ready): all instances run and are
    /// healthy, and an update is not in progress. Cancel safe.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the last update has failed and was rolled back, or is paused;
    /// [`ErrorKind::Closed`] if the service is being removed; the reason, if the runner has ended.
    pub async fn wait_ready(&self) -> Result<Arc<ServiceStatus>> {
        let mut status = self.status.clone();
        let decided = |one: &Arc<ServiceStatus>| {
            let paused = one.update.as_ref().is_some_and(|update| update.paused);
            one.is_ready() || one.removing || paused
        };
        let one = match status.wait_for(decided).await {
            Ok(one) => Arc::clone(&one),
            Err(_) => return Err(self.gone().await),
        };
        if one.removing {
            let message = format!("the service {:?} is being removed", self.name);
            return Err(Error::new(ErrorKind::Closed, message));
        }
        let stopped = match (&one.update, &one.rolled_back) {
            (Some(update), _) => match &update.failure {
                Some(failure) => format!("has failed and is paused: {failure}"),
                None => "is paused; resume it, or roll it back".to_owned(),
            },
            (None, Some(reason)) => format!("was rolled back: {reason}"),
            (None, None) => return Ok(one),
        };
        let message = format!("the update of the service {:?} {stopped}", self.name);
        Err(Error::new(ErrorKind::Config, message))
    }

    /// Changes the number of instances. The number is stored, and holds until another specification
    /// is kept. Instances that are not ready, and then the newest, are stopped first.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the service was removed or is being removed; the reason, if the
    /// runner has ended.
    pub async fn scale(&self, instances: u32) -> Result<()> {
        self.request(ServiceRequest::Scale(instances)).await
    }

    /// Gives the service another specification, as [`Runner::keep`], also one that was rolled back.
    ///
    /// # Errors
    /// As [`Runner::keep`]; [`ErrorKind::Config`] for the name of another service.
    pub async fn update(&self, service: impl Into<ServiceSpec>) -> Result<()> {
        let service = Box::new(service.into());
        self.runner.validate_service(&service)?;
        self.request(ServiceRequest::Update(service)).await
    }

    /// Pauses the update in progress: old instances are not replaced any more. Instances that end
    /// are started again as before.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if an update is not in progress; otherwise as [`scale`](Self::scale).
    pub async fn pause(&self) -> Result<()> {
        self.request(ServiceRequest::Pause).await
    }

    /// Continues an update that is paused or has failed.
    ///
    /// # Errors
    /// As [`pause`](Self::pause).
    pub async fn resume(&self) -> Result<()> {
        self.request(ServiceRequest::Resume).await
    }

    /// Goes back to the specification before the update: of the update in progress, or of the last
    /// one. The old instances replace the new ones as the old specification says.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the service had only one specification; otherwise as
    /// [`scale`](Self::scale).
    pub async fn rollback(&self) -> Result<()> {
        self.request(ServiceRequest::Rollback).await
    }

    /// Replaces all instances by new ones with the same specification, in the order of
    /// [`ServiceSpec::update`].
    ///
    /// # Errors
    /// [`ErrorKind::Config`] while an update is paused; otherwise as [`scale`](Self::scale).
    pub async fn restart(&self) -> Result<()> {
        self.request(ServiceRequest::Restart).await
    }

    /// Removes the service, and waits until all its instances have ended. Kills are repeated until
    /// Mesos has confirmed the ends. An instance that is unreachable for longer than
    /// [`ServiceSpec::unreachable_after`] is given up, and killed if it comes back.
    ///
    /// Dropping the future does not take the removal back.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the service was removed before; the reason, if the runner has
    /// ended.
    pub async fn remove(&self) -> Result<()> {
        self.request(ServiceRequest::Remove).await?;
        let mut status = self.status.clone();
        // The sender is dropped after the last state.
        while status.changed().await.is_ok() {}
        let removed = {
            let last = status.borrow();
            last.removing && last.instances.is_empty()
        };
        match removed {
            true => Ok(()),
            false => Err(self.runner.ended().await),
        }
    }

    async fn request(&self, request: ServiceRequest) -> Result<()> {
        self.runner.change(self.name.clone(), request).await?;
        Ok(())
    }

    async fn gone(&self) -> Error {
        if self.status.borrow().removing {
            let message = format!("the service {:?} was removed", self.name);
            return Error::new(ErrorKind::Closed, message);
        }
        self.runner.ended().await
    }
}
