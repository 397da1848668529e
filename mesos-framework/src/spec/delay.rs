//! Delays that grow with each failure.

use std::time::Duration;

/// `first`, times `factor` for each failure after the first, up to `max`.
pub(crate) fn growing(first: Duration, factor: f64, max: Duration, failures: u32) -> Duration {
    if first.is_zero() {
        return first.min(max);
    }
    let exponent = i32::try_from(failures.saturating_sub(1)).unwrap_or(i32::MAX);
    let seconds = first.as_secs_f64() * factor.powi(exponent);
    // Also for NaN and infinity.
    Duration::try_from_secs_f64(seconds).map_or(max, |delay| delay.min(max))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_grows_up_to_its_maximum() {
        let second = Duration::from_secs(1);
        let delays = [0, 1, 2, 3, 4, 100, u32::MAX];
        let delays = delays.map(|failures| growing(second, 2.0, second * 5, failures).as_secs());
        assert_eq!(delays, [1, 1, 2, 4, 5, 5, 5]);
        assert_eq!(growing(second, f64::NAN, second * 5, 2), second * 5);
        assert_eq!(growing(Duration::ZERO, 2.0, second, 50), Duration::ZERO);
        assert_eq!(
            growing(Duration::ZERO, 2.0, second, u32::MAX),
            Duration::ZERO
        );
    }
}
