//! Constraints: where the tasks of a request may run.

mod display;
mod field;
mod pattern;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use self::field::Field;
pub use self::pattern::{InvalidPattern, Pattern};

/// A rule about the agents of a request's tasks.
///
/// A request can have several constraints, which must all hold. [`Any`](Constraint::Any),
/// [`All`](Constraint::All) and [`Not`](Constraint::Not) combine constraints.
///
/// The constraints from [`Unique`](Constraint::Unique) to [`Cluster`](Constraint::Cluster) compare
/// tasks of the same request: the tasks that are placed now, and the tasks in
/// [`Cluster::tasks`](crate::Cluster::tasks) whose `request` is the name of the request. The tasks
/// of one group count as one. If they have labels with one key, the label of the last task counts.
///
/// ```
/// use mesos::placement::{Constraint, Field};
///
/// let json = r#"[{"is": {"field": {"attribute": "rack"}, "value": "r1"}}, {"unique": "hostname"}]"#;
/// let constraints: Vec<Constraint> = serde_json::from_str(json)?;
/// assert_eq!(
///     constraints,
///     [Constraint::is(Field::attribute("rack"), "r1"), Constraint::Unique(Field::Hostname)],
/// );
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Constraint {
    /// The field has this value.
    Is {
        /// The field of the agent.
        field: Field,
        /// The value, compared byte by byte.
        value: String,
    },
    /// The field has another value, or the agent does not have the field.
    IsNot {
        /// The field of the agent.
        field: Field,
        /// The value, compared byte by byte.
        value: String,
    },
    /// The pattern matches the whole value of the field.
    Like {
        /// The field of the agent.
        field: Field,
        /// The regular expression.
        pattern: Pattern,
    },
    /// The pattern does not match the whole value of the field, or the agent does not have the
    /// field.
    Unlike {
        /// The field of the agent.
        field: Field,
        /// The regular expression.
        pattern: Pattern,
    },
    /// The field has one of these values.
    In {
        /// The field of the agent.
        field: Field,
        /// The values.
        values: BTreeSet<String>,
    },
    /// The field has none of these values, or the agent does not have the field.
    NotIn {
        /// The field of the agent.
        field: Field,
        /// The values.
        values: BTreeSet<String>,
    },
    /// The agent has the field.
    Exists(Field),
    /// At most one task per value of the field. The agent must have the field.
    Unique(Field),
    /// At most `max` tasks per value of the field. The agent must have the field.
    MaxPer {
        /// The field of the agent.
        field: Field,
        /// The largest number of tasks per value, from 1.
        max: u32,
    },
    /// An even spread: a task goes to a value with the fewest tasks. The agent must have the
    /// field.
    ///
    /// The values are those of the offers and of the running tasks. While fewer than `values`
    /// values are known, only values without a task are accepted: agents of other values may be
    /// offered later.
    GroupBy {
        /// The field of the agent.
        field: Field,
        /// The number of values that exist at least; 0 if it is not known.
        values: u32,
    },
    /// All tasks of the request have the same value of the field: the value of the first task. The
    /// agent must have the field.
    Cluster(Field),
    /// A task with this label runs on an agent with the same value of the field.
    With {
        /// The key of the label.
        key: String,
        /// The value of the label.
        value: String,
        /// What the two agents have in common.
        field: Field,
    },
    /// No task with this label runs on an agent with the same value of the field.
    ///
    /// The constraint holds in both directions, as the anti-affinity of Kubernetes: a later task with
    /// the label is not placed near a task that avoids the label
    /// ([`RunningTask::avoids`](crate::RunningTask::avoids)). Inside [`Any`](Self::Any) and
    /// [`Not`](Self::Not) the constraint has one direction: a later task with the label can be
    /// placed near the task.
    Avoid {
        /// The key of the label.
        key: String,
        /// The value of the label.
        value: String,
        /// What the two agents must not have in common.
        field: Field,
    },
    /// The request uses GPUs, or the offers of the agent have no GPUs.
    KeepGpus,
    /// No maintenance is announced for the agent (`unavailability` of the offer), and the agent is
    /// not in [`Cluster::draining`](crate::Cluster::draining).
    Available,
    /// All of these constraints hold.
    All(Vec<Constraint>),
    /// At least one of these constraints holds.
    Any(Vec<Constraint>),
    /// The constraint does not hold.
    Not(Box<Constraint>),
}

impl Constraint {
    /// The field has this value.
    pub fn is(field: Field, value: impl Into<String>) -> Constraint {
        let value = value.into();
        Constraint::Is { field, value }
    }

    /// The field does not have this value.
    pub fn is_not(field: Field, value: impl Into<String>) -> Constraint {
        let value = value.into();
        Constraint::IsNot { field, value }
    }

    /// The regular expression matches the whole value of the field.
    ///
    /// # Errors
    /// [`InvalidPattern`] if `pattern` is not a regular expression.
    pub fn like(field: Field, pattern: &str) -> Result<Constraint, InvalidPattern> {
        let pattern = Pattern::new(pattern)?;
        Ok(Constraint::Like { field, pattern })
    }

    /// The regular expression does not match the whole value of the field.
    ///
    /// # Errors
    /// [`InvalidPattern`] if `pattern` is not a regular expression.
    pub fn unlike(field: Field, pattern: &str) -> Result<Constraint, InvalidPattern> {
        let pattern = Pattern::new(pattern)?;
        Ok(Constraint::Unlike { field, pattern })
    }

    /// The field has one of these values.
    pub fn is_in<V: Into<String>>(field: Field, values: impl IntoIterator<Item = V>) -> Constraint {
        let values = values.into_iter().map(Into::into).collect();
        Constraint::In { field, values }
    }

    /// The field has none of these values.
    pub fn not_in<V: Into<String>>(
        field: Field,
        values: impl IntoIterator<Item = V>,
    ) -> Constraint {
        let values = values.into_iter().map(Into::into).collect();
        Constraint::NotIn { field, values }
    }

    /// At most `max` tasks per value of the field.
    pub fn max_per(field: Field, max: u32) -> Constraint {
        Constraint::MaxPer { field, max }
    }

    /// An even spread over the values of the field, of which there are at least `values`.
    pub fn group_by(field: Field, values: u32) -> Constraint {
        Constraint::GroupBy { field, values }
    }

    /// Near a task with the label: same value of `field`.
    pub fn with(field: Field, key: impl Into<String>, value: impl Into<String>) -> Constraint {
        let (key, value) = (key.into(), value.into());
        Constraint::With { key, value, field }
    }

    /// Away from all tasks with the label: another value of `field`.
    pub fn avoid(field: Field, key: impl Into<String>, value: impl Into<String>) -> Constraint {
        let (key, value) = (key.into(), value.into());
        Constraint::Avoid { key, value, field }
    }

    /// The field that the constraint checks, if the constraint checks exactly one.
    pub fn field(&self) -> Option<&Field> {
        match self {
            Constraint::Is { field, .. }
            | Constraint::IsNot { field, .. }
            | Constraint::Like { field, .. }
            | Constraint::Unlike { field, .. }
            | Constraint::In { field, .. }
            | Constraint::NotIn { field, .. }
            | Constraint::Exists(field)
            | Constraint::Unique(field)
            | Constraint::MaxPer { field, .. }
            | Constraint::GroupBy { field, .. }
            | Constraint::Cluster(field)
            | Constraint::With { field, .. }
            | Constraint::Avoid { field, .. } => Some(field),
            Constraint::KeepGpus
            | Constraint::Available
            | Constraint::All(_)
            | Constraint::Any(_)
            | Constraint::Not(_) => None,
        }
    }

    /// The labels that the constraint avoids in any case, with the fields.
    pub(crate) fn avoids(&self) -> Box<dyn Iterator<Item = (&str, &str, &Field)> + '_> {
        match self {
            Constraint::Avoid { key, value, field } => {
                Box::new(std::iter::once((key.as_str(), value.as_str(), field)))
            }
            Constraint::All(parts) => Box::new(parts.iter().flat_map(Constraint::avoids)),
            _ => Box::new(std::iter::empty()),
        }
    }

    /// The constraints inside this constraint.
    pub(crate) fn parts(&self) -> &[Constraint] {
        match self {
            Constraint::All(parts) | Constraint::Any(parts) => parts,
            Constraint::Not(part) => std::slice::from_ref(part),
            _ => &[],
        }
    }

    /// Whether the constraint holds for a value of its field; `None` if the agent does not have the
    /// field. Constraints that depend on more than the value return true.
    pub(crate) fn accepts(&self, text: Option<&str>) -> bool {
        match self {
            Constraint::Is { value, .. } => text == Some(value),
            Constraint::IsNot { value, .. } => text != Some(value),
            Constraint::Like { pattern, .. } => text.is_some_and(|text| pattern.matches(text)),
            Constraint::Unlike { pattern, .. } => !text.is_some_and(|text| pattern.matches(text)),
            Constraint::In { values, .. } => text.is_some_and(|text| values.contains(text)),
            Constraint::NotIn { values, .. } => !text.is_some_and(|text| values.contains(text)),
            Constraint::Exists(_) => text.is_some(),
            _ => true,
        }
    }
}
