//! Checks of requests that need no offers.

use mesos_core::resources::roles;

use crate::ports::Choice;
use crate::{Constraint, Request};

/// A request that no offer can satisfy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct InvalidRequest {
    text: String,
}

impl InvalidRequest {
    pub(crate) fn new(text: impl Into<String>) -> InvalidRequest {
        InvalidRequest { text: text.into() }
    }
}

impl Request {
    /// Checks what can be checked without offers. A round does the same check, and reports the
    /// error.
    ///
    /// # Errors
    /// [`InvalidRequest`] with the first reason why no offer can satisfy the request.
    pub fn check(&self) -> Result<(), InvalidRequest> {
        if self.tasks.is_empty() {
            return Err(InvalidRequest::new("the group has no tasks; add a task"));
        }
        for task in &self.tasks {
            for ports in &task.ports {
                if let Choice::Fixed(fixed) = &ports.choice
                    && fixed.contains(&0)
                {
                    return Err(InvalidRequest::new("port 0 is not a port; use 1 to 65535"));
                }
            }
        }
        if let Some(role) = &self.role {
            roles::validate(role).map_err(|error| InvalidRequest::new(error.to_string()))?;
        }
        for constraint in &self.constraints {
            if let Constraint::MaxPer { max: 0, .. } = constraint {
                return Err(InvalidRequest::new(format!(
                    "{constraint} permits no task; use 1 or more"
                )));
            }
        }
        Ok(())
    }
}
