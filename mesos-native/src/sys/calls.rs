//! The calls of a scheduler driver. Messages are serialized. The shim's header states their
//! requirements, and the callers check them.

use super::scheduler::Scheduler;
use super::{Status, bindings, bytes, views};

/// The arguments of the libmesos method with the same name.
pub(crate) enum Call<'a> {
    AcceptOffers {
        offer_ids: &'a [Vec<u8>],
        operations: &'a [Vec<u8>],
        filters: &'a [u8],
    },
    DeclineOffer {
        offer_id: &'a [u8],
        filters: &'a [u8],
    },
    /// An empty list means all roles.
    ReviveOffers(&'a [String]),
    /// An empty list means all roles.
    SuppressOffers(&'a [String]),
    KillTask(&'a [u8]),
    AcknowledgeStatusUpdate(&'a [u8]),
    SendFrameworkMessage {
        executor_id: &'a [u8],
        agent_id: &'a [u8],
        data: &'a [u8],
    },
    ReconcileTasks(&'a [Vec<u8>]),
    RequestResources(&'a [Vec<u8>]),
    UpdateFramework {
        framework: &'a [u8],
        suppressed_roles: &'a [String],
        offer_constraints: Option<&'a [u8]>,
    },
}

impl Scheduler {
    /// Queues a call in libmesos. Returns the status that Mesos returns, which is
    /// `MESOS_SHIM_RUNNING` if the call is queued.
    ///
    /// # Errors
    /// A message does not parse, or this libmesos lacks the call.
    pub(crate) fn queue(&self, call: &Call<'_>) -> Result<Status, String> {
        self.handle.call(|raw, error, len| match *call {
            Call::AcceptOffers {
                offer_ids,
                operations,
                filters,
            } => {
                let (ids, operations) = (views(offer_ids), views(operations));
                // SAFETY: `call` passes a live driver and a buffer of that length; the
                // views and the viewed bytes live through the call.
                unsafe {
                    bindings::mesos_shim_scheduler_accept_offers(
                        raw,
                        ids.as_ptr(),
                        ids.len(),
                        operations.as_ptr(),
                        operations.len(),
                        bytes(filters),
                        error,
                        len,
                    )
                }
            }
            Call::DeclineOffer { offer_id, filters } => {
                let (id, filters) = (bytes(offer_id), bytes(filters));
                // SAFETY: as above.
                unsafe {
                    bindings::mesos_shim_scheduler_decline_offer(raw, id, filters, error, len)
                }
            }
            Call::ReviveOffers(roles) => {
                let roles = views(roles);
                let (data, count) = (roles.as_ptr(), roles.len());
                // SAFETY: as above.
                unsafe {
                    bindings::mesos_shim_scheduler_revive_offers(raw, data, count, error, len)
                }
            }
            Call::SuppressOffers(roles) => {
                let roles = views(roles);
                let (data, count) = (roles.as_ptr(), roles.len());
                // SAFETY: as above.
                unsafe {
                    bindings::mesos_shim_scheduler_suppress_offers(raw, data, count, error, len)
                }
            }
            Call::KillTask(id) => {
                // SAFETY: as above.
                unsafe { bindings::mesos_shim_scheduler_kill_task(raw, bytes(id), error, len) }
            }
            Call::AcknowledgeStatusUpdate(status) => {
                let status = bytes(status);
                // SAFETY: as above.
                unsafe {
                    bindings::mesos_shim_scheduler_acknowledge_status_update(
                        raw, status, error, len,
                    )
                }
            }
            Call::SendFrameworkMessage {
                executor_id,
                agent_id,
                data,
            } => {
                let (executor, agent, data) = (bytes(executor_id), bytes(agent_id), bytes(data));
                // SAFETY: as above.
                unsafe {
                    bindings::mesos_shim_scheduler_send_framework_message(
                        raw, executor, agent, data, error, len,
                    )
                }
            }
            Call::ReconcileTasks(statuses) => {
                let statuses = views(statuses);
                let (data, count) = (statuses.as_ptr(), statuses.len());
                // SAFETY: as above.
                unsafe {
                    bindings::mesos_shim_scheduler_reconcile_tasks(raw, data, count, error, len)
                }
            }
            Call::RequestResources(requests) => {
                let requests = views(requests);
                let (data, count) = (requests.as_ptr(), requests.len());
                // SAFETY: as above.
                unsafe {
                    bindings::mesos_shim_scheduler_request_resources(raw, data, count, error, len)
                }
            }
            Call::UpdateFramework {
                framework,
                suppressed_roles,
                offer_constraints,
            } => {
                let roles = views(suppressed_roles);
                let constraints = offer_constraints.map(bytes);
                let constraints = constraints.as_ref().map_or(std::ptr::null(), |view| view);
                // SAFETY: as above; the constraints may be NULL, as the header says.
                unsafe {
                    bindings::mesos_shim_scheduler_update_framework(
                        raw,
                        bytes(framework),
                        roles.as_ptr(),
                        roles.len(),
                        constraints,
                        error,
                        len,
                    )
                }
            }
        })
    }
}
