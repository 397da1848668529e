//! `framework` in src/master/validation.cpp, and surprises of src/master/master.cpp.

use std::collections::BTreeSet;

use mesos_proto::v1::framework_info::capability::Type;
use mesos_proto::v1::{Credential, FrameworkInfo, OfferFilters};

use super::report::Report;
use super::rules::{
    FAILOVER_WITHOUT_CHECKPOINT, INVALID_FAILOVER_TIMEOUT, INVALID_FILTER, INVALID_ROLES,
    NO_FAILOVER_TIMEOUT, NO_ROLES, NOT_PARTITION_AWARE, PRINCIPAL_DIFFERS, ROLE_NOT_SUBSCRIBED,
    SECRET_WITHOUT_PRINCIPAL,
};
use super::{Severity, task};
use crate::resources::roles;
use crate::scheduler;

pub(super) fn framework(report: &mut Report<'_>, info: &FrameworkInfo) {
    if let Some(id) = info.id.as_ref().filter(|id| !id.value.is_empty()) {
        task::id(report, "id", &id.value);
    }
    roles_of(report, info);
    failover(report, info);
    if !info.has_capability(Type::PartitionAware) {
        report.add(
            &NOT_PARTITION_AWARE,
            "capabilities",
            "without PARTITION_AWARE Mesos reports a task on an unreachable agent as TASK_LOST, \
             although the task may still run",
            "add the capability PARTITION_AWARE, and handle TASK_UNREACHABLE",
        );
    }
    let subscribed = scheduler::roles_of(info);
    for (role, filters) in &info.offer_filters {
        let field = format!("offer_filters[{role:?}]");
        if !subscribed.contains(role) {
            let message = format!(
                "the framework does not have the role {role:?}, so Mesos ignores the filter"
            );
            let remedy = "add the role to roles, or remove the filter";
            // A real master accepts the filter.
            report.add_as(
                Severity::Warning,
                &ROLE_NOT_SUBSCRIBED,
                &field,
                message,
                remedy,
            );
        }
        offer_filters(report, &field, filters);
    }
}

fn roles_of(report: &mut Report<'_>, info: &FrameworkInfo) {
    let old = old_role(info);
    if info.has_capability(Type::MultiRole) {
        if old.is_some() {
            let message = "a framework with the capability MULTI_ROLE must not have role";
            report.add(&INVALID_ROLES, "role", message, "move the role to roles");
        }
        if info.roles.is_empty() {
            let message = "the framework has no roles, so it does not receive offers";
            report.add(&NO_ROLES, "roles", message, "add a role, for example \"*\"");
        }
    } else if !info.roles.is_empty() {
        let message = "a framework with roles must have the capability MULTI_ROLE";
        report.add(
            &INVALID_ROLES,
            "roles",
            message,
            "add the capability MULTI_ROLE",
        );
    }
    let mut seen = BTreeSet::new();
    for (place, role) in info.roles.iter().enumerate() {
        let field = format!("roles[{place}]");
        if let Err(why) = roles::validate(role) {
            let remedy = "use a valid name";
            report.add(&INVALID_ROLES, &field, why.to_string(), remedy);
        }
        if !seen.insert(role) {
            let message = format!("the role {role:?} is listed twice");
            report.add(&INVALID_ROLES, &field, message, "list each role once");
        }
    }
    if let Some(Err(why)) = old.map(roles::validate) {
        report.add(&INVALID_ROLES, "role", why.to_string(), "use a valid name");
    }
}

/// `role` is the field of frameworks with one role only. Real masters still read it.
#[expect(deprecated)]
fn old_role(info: &FrameworkInfo) -> Option<&str> {
    info.role.as_deref()
}

fn failover(report: &mut Report<'_>, info: &FrameworkInfo) {
    /// The timeout must fit into 64 bits of nanoseconds (`isValidFailoverTimeout`).
    const MAX: f64 = i64::MAX as f64 / 1e9;
    let timeout = info.failover_timeout();
    if !(-MAX..=MAX).contains(&timeout) {
        let message = format!("a failover timeout of {timeout} s is not possible");
        let remedy = "use a number of seconds from 0 to 9223372036";
        report.add(
            &INVALID_FAILOVER_TIMEOUT,
            "failover_timeout",
            message,
            remedy,
        );
    } else if timeout <= 0.0 && info.checkpoint() {
        report.add(
            &NO_FAILOVER_TIMEOUT,
            "failover_timeout",
            "checkpoint keeps tasks alive through a restart of their agent, but Mesos kills all \
             tasks as soon as the scheduler disconnects, because failover_timeout is 0",
            "set failover_timeout to the longest time that the scheduler may be away, for example \
             604800 (a week)",
        );
    } else if timeout > 0.0 && !info.checkpoint() {
        report.add(
            &FAILOVER_WITHOUT_CHECKPOINT,
            "checkpoint",
            "tasks survive a restart of the scheduler, but end with a restart of their agent",
            "set checkpoint; checkpoint cannot be changed after the framework has subscribed",
        );
    }
}

/// `common::validation::validateOfferFilters`.
fn offer_filters(report: &mut Report<'_>, field: &str, filters: &OfferFilters) {
    let minimum = filters.min_allocatable_resources.iter();
    let all = minimum.flat_map(|minimum| &minimum.quantities).enumerate();
    for (place, quantities) in all {
        let field = format!("{field}.min_allocatable_resources.quantities[{place}]");
        if quantities.quantities.is_empty() {
            let message = "the list of quantities is empty";
            let remedy = "add a quantity, or remove the list";
            report.add(&INVALID_FILTER, &field, message, remedy);
        }
        for (name, quantity) in &quantities.quantities {
            let value = quantity.value;
            if !value.is_finite() || value.is_subnormal() || value < 0.0 {
                let message = format!("{value} is not a possible quantity of {name}");
                report.add(
                    &INVALID_FILTER,
                    &field,
                    message,
                    "use a number of 0 or more",
                );
            }
        }
    }
}

pub(super) fn credential(report: &mut Report<'_>, credential: &Credential) {
    if credential.principal.is_empty() {
        report.add(
            &SECRET_WITHOUT_PRINCIPAL,
            "principal",
            "Mesos looks a secret up by its principal, but the principal is empty",
            "set principal to the name of the credential",
        );
        return;
    }
    let principal = report
        .framework()
        .and_then(|info| info.principal.as_deref());
    if let Some(principal) = principal.filter(|principal| *principal != credential.principal) {
        let message = format!(
            "the framework has the principal {principal:?}, and the credential has the principal \
             {:?}",
            credential.principal
        );
        report.add(
            &PRINCIPAL_DIFFERS,
            "principal",
            message,
            "use the same principal in both",
        );
    }
}
