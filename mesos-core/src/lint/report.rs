//! Collects findings with the paths of their fields.

use std::fmt::Display;

use mesos_proto::v1::{FrameworkInfo, framework_info::capability};

use super::{Level, Lint, Linter, Rule, Severity};
use crate::resources::Resources;

/// The findings of one check.
pub(super) struct Report<'a> {
    linter: &'a Linter,
    /// The path of the message that is being checked.
    path: String,
    lints: Vec<Lint>,
}

impl<'a> Report<'a> {
    pub(super) fn new(linter: &'a Linter) -> Self {
        Self {
            linter,
            path: String::new(),
            lints: Vec::new(),
        }
    }

    pub(super) fn into_lints(self) -> Vec<Lint> {
        self.lints
    }

    pub(super) fn framework(&self) -> Option<&'a FrameworkInfo> {
        self.linter.framework.as_ref()
    }

    pub(super) fn offer(&self) -> Option<&'a Resources> {
        self.linter.offer.as_ref()
    }

    /// Whether the framework lacks the capability; false if the framework is unknown.
    pub(super) fn lacks(&self, capability: capability::Type) -> bool {
        self.framework()
            .is_some_and(|framework| !framework.has_capability(capability))
    }

    /// Reports a violated rule. `field` is relative to the message that is being checked.
    pub(super) fn add(
        &mut self,
        rule: &'static Rule,
        field: impl Display,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add_as(rule.severity, rule, field, message, remedy);
    }

    /// Reports a violated rule, with another severity than that of the rule.
    pub(super) fn add_as(
        &mut self,
        severity: Severity,
        rule: &'static Rule,
        field: impl Display,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let severity = match self.linter.levels.get(rule.name) {
            Some(Level::Allow) => return,
            Some(Level::Deny) => Severity::Error,
            None => severity,
        };
        self.lints.push(Lint {
            rule: rule.name,
            severity,
            path: self.joined(&field.to_string()),
            message: message.into(),
            remedy: remedy.into(),
        });
    }

    /// Checks the message in a field.
    pub(super) fn within(&mut self, field: impl Display, check: impl FnOnce(&mut Self)) {
        let inner = self.joined(&field.to_string());
        let outer = std::mem::replace(&mut self.path, inner);
        check(self);
        self.path = outer;
    }

    fn joined(&self, field: &str) -> String {
        match (self.path.as_str(), field) {
            ("", field) => field.to_owned(),
            (path, "") => path.to_owned(),
            (path, field) => format!("{path}.{field}"),
        }
    }
}
