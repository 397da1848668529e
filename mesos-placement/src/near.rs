//! Near names, for names that were probably mistyped.

/// How many names a hint has at most.
const SHOWN: usize = 3;

/// The names that are similar to `name`, the most similar first.
pub(crate) fn near<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Vec<&'n str> {
    let lower = name.to_lowercase();
    // One mistake, or one in three letters.
    let limit = (lower.chars().count() / 3).max(1);
    let rated = names.map(|other| {
        let distance = strsim::damerau_levenshtein(&lower, &other.to_lowercase());
        (distance, other)
    });
    let mut rated: Vec<(usize, &str)> = rated.filter(|(distance, _)| *distance <= limit).collect();
    rated.sort_unstable();
    rated
        .into_iter()
        .take(SHOWN)
        .map(|(_, name)| name)
        .collect()
}
