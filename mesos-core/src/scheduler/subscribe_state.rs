//! The content of the next SUBSCRIBE: the framework's description, suppressed roles and offer
//! constraints, with the changes of later calls. A SUBSCRIBE replaces all of these in the master
//! (`src/master/master.cpp`), so it has to repeat the changes. No I/O.

use std::collections::BTreeSet;
use std::time::Duration;

use mesos_proto::v1::framework_info::capability;
use mesos_proto::v1::scheduler::call::Type;
use mesos_proto::v1::scheduler::{Call, OfferConstraints};
use mesos_proto::v1::{FrameworkId, FrameworkInfo};

use super::{Framework, calls};

/// See the module.
#[derive(Debug)]
pub(super) struct SubscribeState {
    current: Settings,
    /// Counts the changes, so that undoing a change does not overwrite a later one.
    version: u64,
}

#[derive(Clone, Debug)]
struct Settings {
    info: FrameworkInfo,
    suppressed: BTreeSet<String>,
    constraints: Option<OfferConstraints>,
}

/// Reverts the change of one call.
#[derive(Debug)]
pub(super) struct Undo {
    version: u64,
    before: Box<Settings>,
}

impl SubscribeState {
    pub(super) fn new(framework: &Framework) -> Self {
        Self {
            current: Settings {
                info: framework.info.clone(),
                suppressed: framework.suppressed_roles.iter().cloned().collect(),
                constraints: framework.offer_constraints.clone(),
            },
            version: 0,
        }
    }

    /// The SUBSCRIBE of the framework with this id.
    pub(super) fn subscribe(&self, id: Option<FrameworkId>) -> Call {
        let mut info = self.current.info.clone();
        info.id = id;
        let suppressed = self.current.suppressed.iter().cloned().collect();
        calls::subscribe(info, suppressed, self.current.constraints.clone())
    }

    /// The principal of the framework.
    pub(super) fn principal(&self) -> Option<String> {
        self.current.info.principal.clone()
    }

    /// Whether the SUBSCRIBE has offer constraints.
    pub(super) fn has_offer_constraints(&self) -> bool {
        self.current.constraints.is_some()
    }

    /// The roles that the framework is subscribed to.
    pub(super) fn roles(&self) -> Vec<String> {
        roles(&self.current.info)
    }

    /// How long the framework stays registered without a subscription. `Duration::MAX` for an
    /// invalid value, which the master will refuse.
    pub(super) fn failover_timeout(&self) -> Duration {
        let seconds = self.current.info.failover_timeout.unwrap_or_default();
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }

    /// Whether the framework has the capability GPU_RESOURCES.
    pub(super) fn uses_gpus(&self) -> bool {
        has_capability(&self.current.info, capability::Type::GpuResources)
    }

    /// Whether `call` changes the content of the next SUBSCRIBE.
    pub(super) fn is_changed_by(call: &Call) -> bool {
        matches!(
            call.r#type(),
            Type::Suppress | Type::Revive | Type::UpdateFramework
        )
    }

    /// Applies the change of `call`, which was queued.
    pub(super) fn apply(&mut self, call: &Call) -> Option<Undo> {
        let before = self.current.clone();
        let current = &mut self.current;
        match call.r#type() {
            Type::Suppress => {
                let named = call.suppress.as_ref().map(|body| body.roles.clone());
                let all = || roles(&current.info);
                let named = named.filter(|roles| !roles.is_empty()).unwrap_or_else(all);
                current.suppressed.extend(named);
            }
            Type::Revive => match call.revive.as_ref().map(|body| &body.roles) {
                Some(named) if !named.is_empty() => {
                    current.suppressed.retain(|role| !named.contains(role));
                }
                _ => current.suppressed.clear(),
            },
            Type::UpdateFramework => {
                let body = call.update_framework.as_ref()?;
                current.info = body.framework_info.clone();
                current.suppressed = body.suppressed_roles.iter().cloned().collect();
                current.constraints.clone_from(&body.offer_constraints);
            }
            _ => return None,
        }
        self.version += 1;
        Some(Undo {
            version: self.version,
            before: Box::new(before),
        })
    }

    /// Reverts the change of a call that was refused, unless another change followed.
    pub(super) fn undo(&mut self, undo: Undo) {
        if undo.version == self.version {
            self.current = *undo.before;
        }
    }
}

/// The roles that `info` subscribes to: `roles` with the capability MULTI_ROLE, otherwise
/// `role`, which is `*` by default.
pub(crate) fn roles(info: &FrameworkInfo) -> Vec<String> {
    if has_capability(info, capability::Type::MultiRole) {
        return info.roles.clone();
    }
    #[expect(
        deprecated,
        reason = "a framework without MULTI_ROLE subscribes with this field"
    )]
    let role = info.role.clone();
    vec![role.unwrap_or_else(|| "*".to_owned())]
}

fn has_capability(info: &FrameworkInfo, wanted: capability::Type) -> bool {
    let wanted = Some(wanted as i32);
    info.capabilities.iter().any(|one| one.r#type == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> SubscribeState {
        SubscribeState::new(&Framework::ephemeral("f").role("a").role("b"))
    }

    fn suppressed(state: &SubscribeState) -> Vec<String> {
        state.subscribe(None).subscribe.unwrap().suppressed_roles
    }

    fn suppress(roles: &[&str]) -> Call {
        calls::suppress(roles.iter().map(|role| (*role).to_owned()).collect())
    }

    fn revive(roles: &[&str]) -> Call {
        calls::revive(roles.iter().map(|role| (*role).to_owned()).collect())
    }

    #[test]
    fn suppressed_roles_stay_suppressed_until_they_are_revived() {
        let mut state = state();
        state.apply(&suppress(&["b"]));
        assert_eq!(suppressed(&state), ["b"]);
        state.apply(&suppress(&[]));
        assert_eq!(
            suppressed(&state),
            ["a", "b"],
            "an empty list means all roles"
        );
        state.apply(&revive(&["b"]));
        assert_eq!(suppressed(&state), ["a"]);
        state.apply(&revive(&[]));
        assert!(suppressed(&state).is_empty());
    }

    #[test]
    fn the_change_of_a_refused_call_is_reverted_unless_another_change_followed() {
        let mut state = state();
        let undo = state.apply(&suppress(&["a"])).unwrap();
        state.undo(undo);
        assert!(suppressed(&state).is_empty());
        let undo = state.apply(&suppress(&["a"])).unwrap();
        state.apply(&suppress(&["b"]));
        state.undo(undo);
        assert_eq!(suppressed(&state), ["a", "b"]);
    }

    #[test]
    fn the_next_subscribe_contains_an_updated_framework() {
        let mut state = state();
        state.apply(&suppress(&["a"]));
        let mut info = Framework::ephemeral("renamed").role("c").info().clone();
        info.failover_timeout = Some(2.5);
        let constraints = OfferConstraints::default();
        let update = calls::update_framework(info, vec!["c".into()], Some(constraints.clone()));
        state.apply(&update);
        let call = state.subscribe(Some("f1".into()));
        let subscribe = call.subscribe.unwrap();
        assert_eq!(call.framework_id, Some("f1".into()));
        assert_eq!(subscribe.framework_info.id, Some("f1".into()));
        assert_eq!(subscribe.framework_info.name, "renamed");
        assert_eq!(subscribe.suppressed_roles, ["c"]);
        assert_eq!(subscribe.offer_constraints, Some(constraints));
        assert_eq!(state.failover_timeout(), Duration::from_millis(2500));
    }

    #[test]
    fn a_framework_without_multi_role_has_the_default_role() {
        let info = FrameworkInfo::default();
        assert_eq!(roles(&info), ["*"]);
    }
}
