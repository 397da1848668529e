//! Calls of the v1 API as calls of `MesosSchedulerDriver`, and what of them it cannot
//! make. What would end the process there is refused here (`src/sched/sched.cpp`).

use std::collections::BTreeSet;

use mesos_core::{Capability, Error, ErrorKind, Result};
use mesos_proto::v1::scheduler::{Call, call};
use mesos_proto::v1::{Filters, FrameworkId, TaskState, TaskStatus};
use prost::Message;

use crate::sys;

/// One call, as messages in bytes.
#[derive(Debug)]
pub(super) enum Native {
    Accept {
        offer_ids: Vec<Vec<u8>>,
        operations: Vec<Vec<u8>>,
        filters: Vec<u8>,
    },
    /// One call of libmesos for each offer.
    Decline {
        offer_ids: Vec<Vec<u8>>,
        filters: Vec<u8>,
    },
    Revive(Vec<String>),
    Suppress(Vec<String>),
    Kill(Vec<u8>),
    Acknowledge(Vec<u8>),
    Message {
        executor_id: Vec<u8>,
        agent_id: Vec<u8>,
        data: Vec<u8>,
    },
    Reconcile(Vec<Vec<u8>>),
    Request(Vec<Vec<u8>>),
    UpdateFramework {
        framework: Vec<u8>,
        suppressed_roles: Vec<String>,
        offer_constraints: Option<Vec<u8>>,
    },
    Teardown,
}

/// What `call` is for libmesos. `known` is the id that the master gave, `has` whether
/// this libmesos can do something.
pub(super) fn native(
    call: Call,
    known: Option<&FrameworkId>,
    has: impl Fn(Capability) -> bool,
) -> Result<Native> {
    use call::Type;
    let require = |capability| {
        if has(capability) {
            return Ok(());
        }
        let text = format!("this libmesos has no {capability:?}");
        Err(Error::new(ErrorKind::Unsupported, text))
    };
    match call.r#type() {
        Type::Accept => {
            let accept = body(call.accept, "accept")?;
            if let Some(operation) = accept.operations.iter().find(|one| one.id.is_some()) {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    format!(
                        "libmesos reports no operation's status, so operations must have no id; \
                         this {} operation has one",
                        operation.r#type().as_str_name()
                    ),
                ));
            }
            Ok(Native::Accept {
                offer_ids: encoded(&accept.offer_ids),
                operations: encoded(&accept.operations),
                filters: filters(accept.filters),
            })
        }
        Type::Decline => {
            let decline = body(call.decline, "decline")?;
            Ok(Native::Decline {
                offer_ids: encoded(&decline.offer_ids),
                filters: filters(decline.filters),
            })
        }
        Type::Revive => {
            let roles = call.revive.unwrap_or_default().roles;
            if !roles.is_empty() {
                require(Capability::PerRoleSuppression)?;
            }
            Ok(Native::Revive(roles))
        }
        Type::Suppress => {
            let roles = call.suppress.unwrap_or_default().roles;
            if !roles.is_empty() {
                require(Capability::PerRoleSuppression)?;
            }
            Ok(Native::Suppress(roles))
        }
        Type::Kill => {
            let kill = body(call.kill, "kill")?;
            if kill.agent_id.is_some() {
                require(Capability::KillOnAgent)?;
            }
            if kill.kill_policy.is_some() {
                require(Capability::KillPolicy)?;
            }
            Ok(Native::Kill(kill.task_id.encode_to_vec()))
        }
        Type::Acknowledge => {
            let acknowledge = body(call.acknowledge, "acknowledge")?;
            let status = TaskStatus {
                task_id: acknowledge.task_id,
                agent_id: Some(acknowledge.agent_id),
                uuid: Some(acknowledge.uuid),
                ..status()
            };
            Ok(Native::Acknowledge(status.encode_to_vec()))
        }
        Type::Message => {
            let message = body(call.message, "message")?;
            Ok(Native::Message {
                executor_id: message.executor_id.encode_to_vec(),
                agent_id: message.agent_id.encode_to_vec(),
                data: message.data.to_vec(),
            })
        }
        Type::Reconcile => {
            let tasks = call.reconcile.unwrap_or_default().tasks;
            let statuses = tasks.into_iter().map(|task| TaskStatus {
                task_id: task.task_id,
                agent_id: task.agent_id,
                ..status()
            });
            let statuses = statuses.map(|status| status.encode_to_vec());
            Ok(Native::Reconcile(statuses.collect()))
        }
        Type::Request => {
            let request = body(call.request, "request")?;
            Ok(Native::Request(encoded(&request.requests)))
        }
        Type::UpdateFramework => {
            require(Capability::UpdateFramework)?;
            let update = body(call.update_framework, "update_framework")?;
            if update.offer_constraints.is_some() {
                require(Capability::OfferConstraints)?;
            }
            no_role_twice(&update.suppressed_roles)?;
            // libmesos would abort the driver.
            let Some(known) = known else {
                let text = "the framework has no id yet: update it after SUBSCRIBED";
                return Err(Error::new(ErrorKind::NotSubscribed, text)
                    .with_delivery(mesos_core::Delivery::NotSent));
            };
            if update.framework_info.id.as_ref() != Some(known) {
                let text = format!("the framework's id is {known}, and an update has to name it");
                return Err(Error::new(ErrorKind::Config, text));
            }
            Ok(Native::UpdateFramework {
                framework: update.framework_info.encode_to_vec(),
                suppressed_roles: update.suppressed_roles,
                offer_constraints: update
                    .offer_constraints
                    .map(|constraints| constraints.encode_to_vec()),
            })
        }
        Type::Teardown => Ok(Native::Teardown),
        unsupported => Err(Error::new(
            ErrorKind::Unsupported,
            format!("libmesos has no call {}", unsupported.as_str_name()),
        )),
    }
}

impl Native {
    /// Puts it in line, and returns the status that libmesos gives.
    ///
    /// # Errors
    /// A message does not parse, in libmesos' own words.
    pub(super) fn make(&self, scheduler: &sys::Scheduler) -> Result<sys::Status, String> {
        let call = match self {
            Self::Accept {
                offer_ids,
                operations,
                filters,
            } => sys::Call::AcceptOffers {
                offer_ids,
                operations,
                filters,
            },
            Self::Decline { offer_ids, filters } => {
                let mut status = sys::MESOS_SHIM_RUNNING;
                for offer_id in offer_ids {
                    status = scheduler.make(&sys::Call::DeclineOffer { offer_id, filters })?;
                    if status != sys::MESOS_SHIM_RUNNING {
                        break;
                    }
                }
                return Ok(status);
            }
            Self::Revive(roles) => sys::Call::ReviveOffers(roles),
            Self::Suppress(roles) => sys::Call::SuppressOffers(roles),
            Self::Kill(id) => sys::Call::KillTask(id),
            Self::Acknowledge(status) => sys::Call::AcknowledgeStatusUpdate(status),
            Self::Message {
                executor_id,
                agent_id,
                data,
            } => sys::Call::SendFrameworkMessage {
                executor_id,
                agent_id,
                data,
            },
            Self::Reconcile(statuses) => sys::Call::ReconcileTasks(statuses),
            Self::Request(requests) => sys::Call::RequestResources(requests),
            Self::UpdateFramework {
                framework,
                suppressed_roles,
                offer_constraints,
            } => sys::Call::UpdateFramework {
                framework,
                suppressed_roles,
                offer_constraints: offer_constraints.as_deref(),
            },
            Self::Teardown => return scheduler.stop(false),
        };
        scheduler.make(&call)
    }
}

/// libmesos ends the process for a role that is there twice.
pub(super) fn no_role_twice(roles: &[String]) -> Result<()> {
    let mut seen = BTreeSet::new();
    match roles.iter().find(|role| !seen.insert(role.as_str())) {
        None => Ok(()),
        Some(role) => Err(Error::new(
            ErrorKind::Config,
            format!("role {role:?} is twice among the suppressed ones; name it once"),
        )),
    }
}

/// libmesos fills filters in where there are none, and the default of 5 s is the same.
fn filters(filters: Option<Filters>) -> Vec<u8> {
    filters.unwrap_or_default().encode_to_vec()
}

/// A status of which only ids matter; its state is mandatory.
fn status() -> TaskStatus {
    TaskStatus {
        state: TaskState::TaskStaging.into(),
        ..Default::default()
    }
}

fn encoded<M: Message>(messages: &[M]) -> Vec<Vec<u8>> {
    messages.iter().map(Message::encode_to_vec).collect()
}

fn body<T>(body: Option<T>, name: &str) -> Result<T> {
    body.ok_or_else(|| Error::new(ErrorKind::Config, format!("the call lacks its `{name}`")))
}
