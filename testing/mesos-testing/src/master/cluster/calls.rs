//! Rules 11 to 17 of the master's checks, and the dispatch of valid calls.

use mesos_proto::v1::FrameworkId;
use mesos_proto::v1::scheduler::Call;
use mesos_proto::v1::scheduler::call::{self, Type};

use super::super::validate;
use super::Cluster;
use crate::events;

/// A status and a text.
type Answer = (u16, String);

fn answer(status: u16, text: impl Into<String>) -> Answer {
    (status, text.into())
}

impl Cluster {
    /// Handles a call other than SUBSCRIBE that has passed the earlier checks.
    pub(crate) fn call(
        &mut self,
        call: Call,
        principal: Option<&str>,
        stream_id: Option<&str>,
    ) -> Answer {
        let framework_id = call.framework_id.clone().unwrap_or_default();
        if let Err(refusal) = self.may_call(&framework_id, principal, stream_id) {
            return refusal;
        }
        if call.r#type() == Type::UpdateFramework {
            return match call.update_framework {
                Some(update) => self.update_framework(&framework_id, update),
                None => answer(400, ""),
            };
        }
        match call.r#type() {
            Type::Unknown => return answer(501, "501 Not Implemented."),
            Type::Teardown => self.remove_framework(&framework_id),
            // All further calls need a cluster.
            _ if !self.settings.cluster => {}
            _ => self.dispatch(&framework_id, call),
        }
        answer(202, "")
    }

    fn may_call(
        &self,
        framework_id: &FrameworkId,
        principal: Option<&str>,
        stream_id: Option<&str>,
    ) -> Result<(), Answer> {
        let Some(framework) = self.frameworks.get(framework_id.as_str()) else {
            return Err(answer(400, "Framework cannot be found"));
        };
        let named = framework.info.principal.as_deref().unwrap_or_default();
        if let Some(principal) = principal
            && principal != named
        {
            return Err(answer(400, validate::principal_differs(principal, named)));
        }
        let Some(stream) = &framework.stream else {
            return Err(answer(403, "Framework is not subscribed"));
        };
        match stream_id {
            None => Err(answer(
                400,
                "All non-subscribe calls should include the 'Mesos-Stream-Id' header",
            )),
            Some(id) if id != stream.id() => Err(answer(
                400,
                format!(
                    "The stream ID '{id}' included in this request didn't match the stream ID \
                     currently associated with framework ID {framework_id}"
                ),
            )),
            Some(_) => Ok(()),
        }
    }

    fn dispatch(&mut self, framework_id: &FrameworkId, call: Call) {
        match call.r#type() {
            Type::Accept => {
                if let Some(accept) = call.accept {
                    self.accept(framework_id, accept);
                }
            }
            Type::Decline => {
                if let Some(decline) = &call.decline {
                    self.decline(framework_id, decline);
                }
            }
            Type::AcceptInverseOffers => {
                if let Some(accept) = &call.accept_inverse_offers {
                    let ids = &accept.inverse_offer_ids;
                    self.answer_inverse_offers(framework_id, ids, accept.filters.as_ref());
                }
            }
            Type::DeclineInverseOffers => {
                if let Some(decline) = &call.decline_inverse_offers {
                    let ids = &decline.inverse_offer_ids;
                    self.answer_inverse_offers(framework_id, ids, decline.filters.as_ref());
                }
            }
            Type::Revive => self.revive(framework_id, &call.revive.unwrap_or_default()),
            Type::Suppress => self.suppress(framework_id, &call.suppress.unwrap_or_default()),
            Type::Kill => {
                if let Some(kill) = &call.kill {
                    self.kill(framework_id, kill);
                }
            }
            Type::Shutdown => {
                if let Some(shutdown) = &call.shutdown {
                    self.shutdown(framework_id, shutdown);
                }
            }
            Type::Acknowledge => {
                if let Some(acknowledge) = &call.acknowledge {
                    self.acknowledge(framework_id, acknowledge);
                }
            }
            Type::AcknowledgeOperationStatus => {
                if let Some(acknowledge) = &call.acknowledge_operation_status {
                    self.acknowledge_operation(framework_id, acknowledge);
                }
            }
            Type::Reconcile => {
                let tasks = call.reconcile.unwrap_or_default().tasks;
                self.reconcile(framework_id, &tasks);
            }
            Type::ReconcileOperations => {
                let operations = call.reconcile_operations.unwrap_or_default().operations;
                self.reconcile_operations(framework_id, &operations);
            }
            Type::Message => {
                if let Some(message) = &call.message {
                    self.message(framework_id, message);
                }
            }
            // The default allocator of Mesos ignores REQUEST as well.
            Type::Request => {}
            Type::Unknown | Type::Subscribe | Type::Teardown | Type::UpdateFramework => {}
        }
    }

    fn update_framework(
        &mut self,
        framework_id: &FrameworkId,
        update: call::UpdateFramework,
    ) -> Answer {
        if let Err(why) = self.framework_fits(&update.framework_info, &update.suppressed_roles) {
            return answer(400, format!("Supplied FrameworkInfo is not valid: {why}"));
        }
        let Some(framework) = self.frameworks.get_mut(framework_id.as_str()) else {
            return answer(400, "Framework cannot be found");
        };
        if let Err(why) = validate::update(&framework.info, &update.framework_info) {
            return answer(400, format!("FrameworkInfo update is not valid: {why}"));
        }
        let constraints = update.offer_constraints.unwrap_or_default();
        if let Err(why) = validate::constraints(&constraints) {
            return answer(
                400,
                format!("'UpdateFramework.offer_constraints' are not valid: {why}"),
            );
        }
        let before = std::mem::replace(&mut framework.info, update.framework_info);
        framework.constraints = constraints;
        let suppressed = update.suppressed_roles.into_iter().collect();
        let woken: Vec<String> = std::mem::replace(&mut framework.suppressed, suppressed)
            .into_iter()
            .filter(|role| !framework.suppressed.contains(role))
            .collect();
        framework
            .filters
            .retain(|filter| !woken.contains(&filter.role));
        let roles = framework.roles();
        let removed: Vec<String> = validate::roles_of(&before)
            .into_iter()
            .filter(|role| !roles.contains(role))
            .collect();
        let ids: Vec<_> = self
            .offers
            .iter()
            .filter(|(_, offer)| {
                offer.framework_id == *framework_id && removed.contains(&offer.role)
            })
            .map(|(id, _)| id.clone())
            .collect();
        for id in ids {
            self.offers.remove(&id);
            self.send(framework_id, events::rescind(&id));
        }
        self.request_allocation();
        answer(200, "")
    }
}
