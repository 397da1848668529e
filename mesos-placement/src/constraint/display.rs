//! The text of a constraint in reports and errors.

use std::fmt;

use super::Constraint;

/// For example `attribute rack is r1`, `at most 2 tasks per hostname`.
impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Constraint::Is { field, value } => write!(f, "{field}={value}"),
            Constraint::IsNot { field, value } => write!(f, "{field} is not {value}"),
            Constraint::Like { field, pattern } => write!(f, "{field} like {pattern}"),
            Constraint::Unlike { field, pattern } => write!(f, "{field} unlike {pattern}"),
            Constraint::In { field, values } => {
                write!(f, "{field} in ")?;
                list(f, values)
            }
            Constraint::NotIn { field, values } => {
                write!(f, "{field} not in ")?;
                list(f, values)
            }
            Constraint::Exists(field) => write!(f, "{field}"),
            Constraint::Unique(field) => write!(f, "at most 1 task per {field}"),
            Constraint::MaxPer { field, max: 1 } => write!(f, "at most 1 task per {field}"),
            Constraint::MaxPer { field, max } => write!(f, "at most {max} tasks per {field}"),
            Constraint::GroupBy { field, .. } => write!(f, "even spread over {field}"),
            Constraint::Cluster(field) => write!(f, "all tasks on one {field}"),
            Constraint::With { key, value, field } => {
                write!(f, "same {field} as a task with label {key}={value}")
            }
            Constraint::Avoid { key, value, field } => {
                write!(f, "another {field} than tasks with label {key}={value}")
            }
            Constraint::KeepGpus => f.write_str("agents with GPUs are kept for GPU tasks"),
            Constraint::Available => f.write_str("no maintenance or draining announced"),
            Constraint::All(parts) => joined(f, parts, " and "),
            Constraint::Any(parts) => joined(f, parts, " or "),
            Constraint::Not(part) => write!(f, "not ({part})"),
        }
    }
}

/// A long list is cut: a report stays readable.
const PRINTED: usize = 4;

fn list(f: &mut fmt::Formatter<'_>, values: &std::collections::BTreeSet<String>) -> fmt::Result {
    let shown: Vec<&str> = values.iter().take(PRINTED).map(String::as_str).collect();
    write!(f, "{{{}", shown.join(", "))?;
    match values.len() - shown.len() {
        0 => f.write_str("}"),
        more => write!(f, ", and {more} more}}"),
    }
}

fn joined(f: &mut fmt::Formatter<'_>, parts: &[Constraint], word: &str) -> fmt::Result {
    for (i, part) in parts.iter().enumerate() {
        let word = if i == 0 { "" } else { word };
        match part {
            Constraint::All(_) | Constraint::Any(_) => write!(f, "{word}({part})")?,
            _ => write!(f, "{word}{part}")?,
        }
    }
    Ok(())
}
