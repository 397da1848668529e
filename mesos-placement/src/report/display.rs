//! The text of reports.

use std::fmt;

use super::{Reason, Report, Requirement, Unplaced};
use crate::Constraint;

/// One line for each entry; nothing if everything was placed.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, unplaced) in self.unplaced.iter().enumerate() {
            let line = if i == 0 { "" } else { "\n" };
            write!(f, "{line}{unplaced}")?;
        }
        Ok(())
    }
}

/// The number of names that are printed.
const NAMES: usize = 3;

/// `web: 2 of 5 instances not placed on 40 offers: needs cpus 4: the largest free is 2.5 on
/// agent-7; 12 offers lack attribute rack=r1`.
impl fmt::Display for Unplaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.requests[..self.requests.len().min(NAMES)].join(", "))?;
        if self.requests.len() > NAMES {
            write!(f, ", and {} more", self.requests.len() - NAMES)?;
        }
        write!(
            f,
            ": {} of {}",
            self.missing,
            count(self.requested, "instance")
        )?;
        f.write_str(" not placed")?;
        if self.offers > 0 {
            write!(f, " on {}", count(self.offers as u64, "offer"))?;
        }
        let mut separator = ": ";
        for reason in &self.reasons {
            write!(f, "{separator}{reason}")?;
            separator = "; ";
        }
        Ok(())
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let offers = count(self.failed as u64, "offer");
        let fail = if self.failed == 1 { "fails" } else { "fail" };
        let lack = if self.failed == 1 { "lacks" } else { "lack" };
        match &self.requirement {
            Requirement::Valid(invalid) => write!(f, "invalid request: {invalid}")?,
            Requirement::Offer => f.write_str("no offers")?,
            Requirement::Role(role) => write!(f, "{offers} not for role {role}")?,
            Requirement::Resource { name, amount } => match &self.nearest {
                Some(nearest) => write!(
                    f,
                    "needs {name} {amount}: the largest free is {} on {}",
                    nearest.available, nearest.agent
                )?,
                None => write!(f, "needs {name} {amount}: {offers} {lack} {name}")?,
            },
            Requirement::Part(part) => write!(f, "needs {part}: {offers} {lack} it")?,
            Requirement::Constraint(
                constraint @ (Constraint::Is { .. }
                | Constraint::In { .. }
                | Constraint::Like { .. }
                | Constraint::Exists(_)),
            ) => write!(f, "{offers} {lack} {constraint}")?,
            Requirement::Constraint(constraint) => write!(f, "{offers} {fail}: {constraint}")?,
            Requirement::Avoided { key, value, field } => write!(
                f,
                "{offers} {fail}: a task on the same {field} avoids the label {key}={value}"
            )?,
            Requirement::Executor(id) => write!(
                f,
                "{offers} cannot use executor {id}: it runs there, and its ExecutorInfo is not \
                 known or has resources of another role"
            )?,
            Requirement::SameKind {
                resource,
                executor,
                revocable,
            } => write!(
                f,
                "{offers} cannot use executor {executor}: its {resource} {} revocable, and Mesos \
                 accepts only one kind of {resource} in a task and its executor",
                if *revocable { "are" } else { "are not" }
            )?,
            Requirement::Together => write!(
                f,
                "{offers} {} each part of the instance, but not all parts together",
                if self.failed == 1 { "has" } else { "have" }
            )?,
        }
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

fn count(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}
