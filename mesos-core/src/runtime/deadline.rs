//! Deadlines after durations of any length.

use std::time::Duration;

use tokio::time::Instant;

/// Far enough to mean "never", and near enough for every clock.
const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

/// `start` plus `wait`. `Instant + Duration` panics for `Duration::MAX`, which a program uses as
/// "forever".
pub(crate) fn deadline(start: Instant, wait: Duration) -> Instant {
    start.checked_add(wait).unwrap_or_else(|| start + FAR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_after_forever_is_far_away() {
        let now = Instant::now();
        assert_eq!(deadline(now, Duration::ZERO), now);
        assert_eq!(deadline(now, Duration::MAX), now + FAR);
    }
}
