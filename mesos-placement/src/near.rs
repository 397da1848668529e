//! Near names, for names that were probably mistyped.

/// How many names a hint has at most.
const SHOWN: usize = 3;

/// The names that are similar to `name`, the most similar first.
pub(crate) fn near<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Vec<&'n str> {
    let lower = name.to_lowercase();
    let length = lower.chars().count();
    // One mistake, or one in three letters.
    let limit = (length / 3).max(1);
    let rated = names.filter_map(|other| {
        let other_lower = other.to_lowercase();
        if other_lower.chars().count().abs_diff(length) > limit {
            return None;
        }
        let distance = strsim::osa_distance(&lower, &other_lower);
        (distance <= limit).then_some((distance, other))
    });
    let mut rated: Vec<(usize, &str)> = rated.collect();
    rated.sort_unstable();
    rated
        .into_iter()
        .take(SHOWN)
        .map(|(_, name)| name)
        .collect()
}
