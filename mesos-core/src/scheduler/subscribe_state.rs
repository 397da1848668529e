//! What the framework wants of the master, as SUBSCRIBE has to say it each
//! time: the master replaces what it knew (`src/master/master.cpp`), so what a
//! call changed has to be repeated. No I/O.

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
    now: Set,
    /// Counts the changes, so that an older one is not undone over a newer.
    version: u64,
}

#[derive(Clone, Debug)]
struct Set {
    info: FrameworkInfo,
    suppressed: BTreeSet<String>,
    constraints: Option<OfferConstraints>,
}

/// Takes one call's change back.
#[derive(Debug)]
pub(super) struct Undo {
    version: u64,
    before: Box<Set>,
}

impl SubscribeState {
    pub(super) fn new(framework: &Framework) -> Self {
        Self {
            now: Set {
                info: framework.info.clone(),
                suppressed: framework.suppressed_roles.iter().cloned().collect(),
                constraints: framework.offer_constraints.clone(),
            },
            version: 0,
        }
    }

    /// The SUBSCRIBE of a framework that has `id` by now.
    pub(super) fn subscribe(&self, id: Option<FrameworkId>) -> Call {
        let mut info = self.now.info.clone();
        info.id = id;
        let suppressed = self.now.suppressed.iter().cloned().collect();
        calls::subscribe(info, suppressed, self.now.constraints.clone())
    }

    /// The roles that the framework is subscribed to.
    pub(super) fn roles(&self) -> Vec<String> {
        roles(&self.now.info)
    }

    /// How long the framework outlives its subscription. What the master will
    /// refuse counts as for ever.
    pub(super) fn failover_timeout(&self) -> Duration {
        let seconds = self.now.info.failover_timeout.unwrap_or_default();
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }

    /// Whether the framework has the capability GPU_RESOURCES.
    pub(super) fn uses_gpus(&self) -> bool {
        has_capability(&self.now.info, capability::Type::GpuResources)
    }

    /// Whether `call` changes anything here.
    pub(super) fn concerns(call: &Call) -> bool {
        matches!(
            call.r#type(),
            Type::Suppress | Type::Revive | Type::UpdateFramework
        )
    }

    /// Remembers what `call`, which is in line now, changes.
    pub(super) fn note(&mut self, call: &Call) -> Option<Undo> {
        let before = self.now.clone();
        let now = &mut self.now;
        match call.r#type() {
            Type::Suppress => {
                let named = call.suppress.as_ref().map(|body| body.roles.clone());
                let all = || roles(&now.info);
                let named = named.filter(|roles| !roles.is_empty()).unwrap_or_else(all);
                now.suppressed.extend(named);
            }
            Type::Revive => match call.revive.as_ref().map(|body| &body.roles) {
                Some(named) if !named.is_empty() => {
                    now.suppressed.retain(|role| !named.contains(role));
                }
                _ => now.suppressed.clear(),
            },
            Type::UpdateFramework => {
                let body = call.update_framework.as_ref()?;
                now.info = body.framework_info.clone();
                now.suppressed = body.suppressed_roles.iter().cloned().collect();
                now.constraints.clone_from(&body.offer_constraints);
            }
            _ => return None,
        }
        self.version += 1;
        Some(Undo {
            version: self.version,
            before: Box::new(before),
        })
    }

    /// The call was refused, so it changed nothing.
    pub(super) fn undo(&mut self, undo: Undo) {
        if undo.version == self.version {
            self.now = *undo.before;
        }
    }
}

/// The roles that `info` subscribes to: `roles` with the capability
/// MULTI_ROLE, else `role`, which is `*` by default.
pub(super) fn roles(info: &FrameworkInfo) -> Vec<String> {
    if has_capability(info, capability::Type::MultiRole) {
        return info.roles.clone();
    }
    #[expect(
        deprecated,
        reason = "what a framework without MULTI_ROLE subscribes with"
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
    fn suppressed_roles_are_remembered_until_they_are_revived() {
        let mut state = state();
        state.note(&suppress(&["b"]));
        assert_eq!(suppressed(&state), ["b"]);
        state.note(&suppress(&[]));
        assert_eq!(suppressed(&state), ["a", "b"], "no role means each");
        state.note(&revive(&["b"]));
        assert_eq!(suppressed(&state), ["a"]);
        state.note(&revive(&[]));
        assert!(suppressed(&state).is_empty());
    }

    #[test]
    fn a_refused_call_is_taken_back_unless_another_one_followed() {
        let mut state = state();
        let undo = state.note(&suppress(&["a"])).unwrap();
        state.undo(undo);
        assert!(suppressed(&state).is_empty());
        let undo = state.note(&suppress(&["a"])).unwrap();
        state.note(&suppress(&["b"]));
        state.undo(undo);
        assert_eq!(suppressed(&state), ["a", "b"]);
    }

    #[test]
    fn an_updated_framework_is_what_the_next_subscribe_describes() {
        let mut state = state();
        state.note(&suppress(&["a"]));
        let mut info = Framework::ephemeral("renamed").role("c").info().clone();
        info.failover_timeout = Some(2.5);
        let constraints = OfferConstraints::default();
        let update = calls::update_framework(info, vec!["c".into()], Some(constraints.clone()));
        state.note(&update);
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
    fn a_framework_without_multi_role_has_its_one_role() {
        let info = FrameworkInfo::default();
        assert_eq!(roles(&info), ["*"]);
    }
}
