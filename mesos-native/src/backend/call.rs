//! Translates calls of the v1 API to methods of `MesosSchedulerDriver`, and refuses what these
//! methods cannot express. Arguments that would end the process there (`src/sched/sched.cpp`) are
//! refused here.
//!
//! A part of a call that libmesos cannot carry is dropped if it is only a hint for the master. If
//! it changes the meaning of the call, the call fails with [`ErrorKind::Unsupported`].

use std::collections::BTreeSet;

use mesos_core::{Capability, Error, ErrorKind, Result};
use mesos_proto::v1::scheduler::{Call, call};
use mesos_proto::v1::{Filters, FrameworkId, TaskState, TaskStatus};
use prost::Message;

use crate::sys;

/// A call that libmesos can make, with serialized messages.
#[derive(Debug, PartialEq)]
pub(super) enum NativeCall {
    Accept {
        offer_ids: Vec<Vec<u8>>,
        operations: Vec<Vec<u8>>,
        filters: Vec<u8>,
    },
    /// Becomes one libmesos call for each offer.
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

/// Translates `call`. `known` is the framework id that the master assigned. `has` reports whether
/// this libmesos has a capability.
///
/// # Errors
/// [`ErrorKind::Unsupported`]: libmesos cannot express the call. [`ErrorKind::Config`]: the call is
/// incomplete, or libmesos would end the process. [`ErrorKind::NotSubscribed`]: the call needs the
/// framework id.
pub(super) fn translate(
    call: Call,
    known: Option<&FrameworkId>,
    has: impl Fn(Capability) -> bool,
) -> Result<NativeCall> {
    use call::Type;
    let require = |capability| {
        if has(capability) {
            return Ok(());
        }
        Err(unsupported(format!(
            "this libmesos does not support {capability:?}"
        )))
    };
    match call.r#type() {
        Type::Accept => {
            let accept = body(call.accept, "accept")?;
            if let Some(operation) = accept.operations.iter().find(|one| one.id.is_some()) {
                return Err(unsupported(format!(
                    "libmesos does not report the status of operations; remove the id of this {} \
                     operation",
                    operation.r#type().as_str_name()
                )));
            }
            Ok(NativeCall::Accept {
                offer_ids: encoded(&accept.offer_ids),
                operations: encoded(&accept.operations),
                filters: filters(accept.filters),
            })
        }
        Type::Decline => {
            let decline = body(call.decline, "decline")?;
            Ok(NativeCall::Decline {
                offer_ids: encoded(&decline.offer_ids),
                filters: filters(decline.filters),
            })
        }
        Type::Revive => {
            let roles = call.revive.unwrap_or_default().roles;
            if !roles.is_empty() {
                require(Capability::PerRoleSuppression)?;
            }
            Ok(NativeCall::Revive(roles))
        }
        Type::Suppress => {
            let roles = call.suppress.unwrap_or_default().roles;
            if !roles.is_empty() {
                require(Capability::PerRoleSuppression)?;
            }
            Ok(NativeCall::Suppress(roles))
        }
        Type::Kill => {
            let kill = body(call.kill, "kill")?;
            // `killTask` has no argument for the agent, which only helps the master to find the
            // task, so the agent is dropped. A kill policy changes what happens to the task.
            if kill.kill_policy.is_some() {
                require(Capability::KillPolicy)?;
            }
            Ok(NativeCall::Kill(kill.task_id.encode_to_vec()))
        }
        Type::Acknowledge => {
            let acknowledge = body(call.acknowledge, "acknowledge")?;
            let status = TaskStatus {
                task_id: acknowledge.task_id,
                agent_id: Some(acknowledge.agent_id),
                uuid: Some(acknowledge.uuid),
                ..status()
            };
            Ok(NativeCall::Acknowledge(status.encode_to_vec()))
        }
        Type::Message => {
            let message = body(call.message, "message")?;
            Ok(NativeCall::Message {
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
            Ok(NativeCall::Reconcile(statuses.collect()))
        }
        Type::Request => {
            let request = body(call.request, "request")?;
            Ok(NativeCall::Request(encoded(&request.requests)))
        }
        Type::UpdateFramework => {
            require(Capability::UpdateFramework)?;
            let update = body(call.update_framework, "update_framework")?;
            if update.offer_constraints.is_some() {
                require(Capability::OfferConstraints)?;
            }
            // libmesos would abort the driver.
            let Some(known) = known else {
                let text = "cannot update the framework before SUBSCRIBED: it has no id yet";
                return Err(Error::new(ErrorKind::NotSubscribed, text)
                    .with_delivery(mesos_core::Delivery::NotSent));
            };
            if update.framework_info.id.as_ref() != Some(known) {
                let text = format!("set the id of the updated framework to {known}");
                return Err(Error::new(ErrorKind::Config, text));
            }
            Ok(NativeCall::UpdateFramework {
                framework: update.framework_info.encode_to_vec(),
                suppressed_roles: distinct(update.suppressed_roles),
                offer_constraints: update
                    .offer_constraints
                    .map(|constraints| constraints.encode_to_vec()),
            })
        }
        Type::Teardown => Ok(NativeCall::Teardown),
        other => Err(unsupported(format!(
            "libmesos has no scheduler call {}",
            other.as_str_name()
        ))),
    }
}

impl NativeCall {
    /// Queues the call in libmesos. Returns the status that libmesos returns.
    ///
    /// # Errors
    /// A message does not parse; the text of libmesos.
    pub(super) fn queue(&self, scheduler: &sys::Scheduler) -> Result<sys::Status, String> {
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
                    status = scheduler.queue(&sys::Call::DeclineOffer { offer_id, filters })?;
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
        scheduler.queue(&call)
    }
}

/// Removes duplicate roles, for which libmesos would end the process.
pub(super) fn distinct(mut roles: Vec<String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    roles.retain(|role| seen.insert(role.clone()));
    roles
}

/// Missing filters become empty ones, which have the same default of 5 s (`mesos.proto`).
fn filters(filters: Option<Filters>) -> Vec<u8> {
    filters.unwrap_or_default().encode_to_vec()
}

/// A status for calls that use only its ids. The state is a required field.
fn status() -> TaskStatus {
    TaskStatus {
        state: TaskState::TaskStaging.into(),
        ..Default::default()
    }
}

fn encoded<M: Message>(messages: &[M]) -> Vec<Vec<u8>> {
    messages.iter().map(Message::encode_to_vec).collect()
}

/// The body of a call.
pub(super) fn body<T>(body: Option<T>, name: &str) -> Result<T> {
    body.ok_or_else(|| Error::new(ErrorKind::Config, format!("the call lacks its `{name}`")))
}

pub(super) fn unsupported(text: String) -> Error {
    Error::new(ErrorKind::Unsupported, text)
}

#[cfg(test)]
mod tests {
    use mesos_proto::v1::{AgentId, KillPolicy, TaskId};

    use super::*;

    fn kill(agent_id: Option<AgentId>, kill_policy: Option<KillPolicy>) -> Result<NativeCall> {
        let call = Call {
            r#type: Some(call::Type::Kill.into()),
            kill: Some(call::Kill {
                task_id: TaskId::from("t"),
                agent_id,
                kill_policy,
            }),
            ..Default::default()
        };
        translate(call, None, |_| false)
    }

    #[test]
    fn the_agent_of_a_kill_is_dropped() {
        let with_agent = kill(Some(AgentId::from("a")), None).expect("a call");
        assert_eq!(with_agent, kill(None, None).expect("a call"));
    }

    #[test]
    fn a_duplicate_suppressed_role_is_sent_once() {
        let roles = ["b", "a", "b"].map(str::to_owned).to_vec();
        assert_eq!(distinct(roles), ["b", "a"]);
    }

    #[test]
    fn a_kill_policy_is_unsupported() {
        let error = kill(None, Some(KillPolicy::default())).expect_err("a kill policy");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
}
