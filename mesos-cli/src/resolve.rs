//! Finds the object that an argument means: by its id, a unique prefix of the id, or its name.

use crate::error::{Code, Error};

/// At most this many candidates are listed.
const LISTED: usize = 8;

/// An object that can be named on the command line.
pub(crate) struct Candidate<'a, T> {
    pub(crate) id: &'a str,
    /// The other name of the object, such as the host name of an agent.
    pub(crate) name: &'a str,
    pub(crate) value: T,
}

impl<T> Candidate<'_, T> {
    /// The number of the first rule of [`resolve`] that applies.
    fn rule(&self, wanted: &str) -> Option<u8> {
        if wanted.is_empty() {
            None
        } else if self.id == wanted {
            Some(1)
        } else if self.name == wanted {
            Some(2)
        } else if self.id.starts_with(wanted) || self.name.starts_with(wanted) {
            Some(3)
        } else {
            let start = self.id.strip_suffix(wanted)?;
            start.ends_with('-').then_some(4)
        }
    }
}

/// The one object that `wanted` means. `kind` is the name of the objects, such as "agent".
///
/// The first rule that matches any object decides:
/// 1. The id is `wanted`.
/// 2. The name is `wanted`.
/// 3. The id or the name begins with `wanted`.
/// 4. The id ends with `-` and `wanted`: the ids that a master assigns have a long common prefix,
///    and end with a number like `-S3`.
///
/// # Errors
/// [`Code::NotFound`] if no object or more than one object matches. The hint lists similar ids and
/// names, or the objects that match.
pub(crate) fn resolve<'a, T>(
    kind: &str,
    wanted: &str,
    candidates: impl IntoIterator<Item = Candidate<'a, T>>,
) -> Result<T, Error> {
    let candidates: Vec<_> = candidates.into_iter().collect();
    let rules = candidates
        .iter()
        .filter_map(|candidate| candidate.rule(wanted));
    if let Some(rule) = rules.min() {
        let mut found: Vec<_> = candidates
            .into_iter()
            .filter(|candidate| candidate.rule(wanted) == Some(rule))
            .collect();
        return match found.pop() {
            Some(only) if found.is_empty() => Ok(only.value),
            last => Err(ambiguous(kind, wanted, found.iter().chain(&last))),
        };
    }
    let near = near(wanted, &candidates);
    let error = unknown(kind, wanted);
    Err(match near.as_slice() {
        [] if candidates.is_empty() => error.hint(format!("the list of {kind}s is empty")),
        // Machines do not have a list of their own.
        [] if kind == "machine" => error.hint("`mesos agent list` prints the host names"),
        [] => error.hint(format!("`mesos {kind} list` prints the ids")),
        near => error.hint(format!("similar: {}", near.join(", "))),
    })
}

fn unknown(kind: &str, wanted: &str) -> Error {
    Error::new(
        Code::NotFound,
        format!("no {kind} has the id or name {wanted:?}"),
    )
}

fn ambiguous<'a, T: 'a>(
    kind: &str,
    wanted: &str,
    matching: impl Iterator<Item = &'a Candidate<'a, T>>,
) -> Error {
    let matching: Vec<_> = matching
        .map(|candidate| match candidate.name {
            "" => candidate.id.to_owned(),
            name => format!("{} ({name})", candidate.id),
        })
        .collect();
    let mut list = matching[..matching.len().min(LISTED)].join("\n      ");
    if matching.len() > LISTED {
        list.push_str(&format!("\n      and {} more", matching.len() - LISTED));
    }
    let message = format!("{} {kind}s match {wanted:?}", matching.len());
    Error::new(Code::NotFound, message).hint(format!("use more of the id:\n      {list}"))
}

/// The ids and names that are similar to `wanted`, the most similar first.
fn near<T>(wanted: &str, candidates: &[Candidate<'_, T>]) -> Vec<String> {
    let texts = candidates.iter().flat_map(|c| [c.id, c.name]);
    let mut near: Vec<_> = texts
        .filter(|text| !text.is_empty())
        .map(|text| (strsim::normalized_damerau_levenshtein(wanted, text), text))
        .filter(|(similarity, _)| *similarity >= 0.6)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    near.dedup();
    near.truncate(3);
    near.into_iter().map(|(_, text)| text.to_owned()).collect()
}
