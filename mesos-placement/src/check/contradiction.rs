//! Constraints that cannot hold together.

use std::collections::{BTreeMap, BTreeSet};

use super::{InvalidRequest, fail};
use crate::{Constraint, Field};

/// Checks constraints that must all hold for this number of instances.
pub(super) fn check(constraints: &[Constraint], instances: u32) -> Result<(), InvalidRequest> {
    let mut all = Vec::new();
    flatten(constraints, &mut all)?;
    let mut by_field: BTreeMap<&Field, Vec<&Constraint>> = BTreeMap::new();
    for constraint in all {
        if let Some(field) = constraint.field() {
            by_field.entry(field).or_default().push(constraint);
        }
    }
    for (field, constraints) in by_field {
        check_field(field, &constraints, instances)?;
    }
    Ok(())
}

/// The constraints that must hold, each checked alone.
fn flatten<'c>(
    constraints: &'c [Constraint],
    all: &mut Vec<&'c Constraint>,
) -> Result<(), InvalidRequest> {
    for constraint in constraints {
        match constraint {
            Constraint::MaxPer { field, max: 0 } => {
                return fail(format!(
                    "at most 0 tasks per {field} permits nothing; use 1 or more"
                ));
            }
            Constraint::In { field, values } if values.is_empty() => {
                return fail(format!(
                    "the list of values of {field} is empty; add a value"
                ));
            }
            Constraint::Any(parts) if parts.is_empty() => {
                return fail("no constraint of an empty `any` can hold; add a constraint");
            }
            Constraint::All(parts) => flatten(parts, all)?,
            other => all.push(other),
        }
    }
    Ok(())
}

fn check_field(
    field: &Field,
    constraints: &[&Constraint],
    instances: u32,
) -> Result<(), InvalidRequest> {
    let texts = constraints.iter().map(ToString::to_string);
    let texts = texts.collect::<Vec<_>>().join("; ");
    if let Some(mut values) = listed(constraints) {
        values.retain(|value| constraints.iter().all(|one| one.accepts(Some(value))));
        if values.is_empty() {
            return fail(format!("no {field} satisfies all constraints: {texts}"));
        }
        let most = constraints
            .iter()
            .filter_map(|one| most_per_value(one))
            .min();
        let room = most.map(|most| u64::from(most) * values.len() as u64);
        if room.is_some_and(|room| room < u64::from(instances)) {
            return fail(format!(
                "there is room for {} of {instances} instances: {texts}",
                room.unwrap_or_default()
            ));
        }
    }
    let cluster = constraints
        .iter()
        .any(|one| matches!(one, Constraint::Cluster(_)));
    let most = constraints
        .iter()
        .filter_map(|one| most_per_value(one))
        .min();
    if let (true, Some(most)) = (cluster, most)
        && most < instances
    {
        return fail(format!(
            "there is room for {most} of {instances} instances: {texts}"
        ));
    }
    for with in constraints {
        if let Constraint::With { key, value, field } = with
            && constraints.contains(&&Constraint::avoid(field.clone(), key, value))
        {
            return fail(format!("no {field} satisfies all constraints: {texts}"));
        }
    }
    Ok(())
}

/// The values that the constraints list, if they do.
fn listed(constraints: &[&Constraint]) -> Option<BTreeSet<String>> {
    constraints.iter().find_map(|constraint| match constraint {
        Constraint::Is { value, .. } => Some(BTreeSet::from([value.clone()])),
        Constraint::In { values, .. } => Some(values.clone()),
        _ => None,
    })
}

fn most_per_value(constraint: &Constraint) -> Option<u32> {
    match constraint {
        Constraint::Unique(_) => Some(1),
        Constraint::MaxPer { max, .. } => Some(*max),
        _ => None,
    }
}
