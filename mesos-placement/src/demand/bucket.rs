//! A token bucket, which limits how often something is done.

use std::time::{Duration, Instant};

use crate::held::later;

/// Holds up to `burst` tokens, and gains one every `refill`.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    burst: u32,
    refill: Duration,
    tokens: u32,
    /// When the tokens were last counted; `None` while the bucket is full.
    counted: Option<Instant>,
}

impl Bucket {
    pub(super) fn new(burst: u32, refill: Duration) -> Self {
        let burst = burst.max(1);
        Self {
            burst,
            refill,
            tokens: burst,
            counted: None,
        }
    }

    /// Takes a token.
    ///
    /// # Errors
    /// When the next token will be there.
    pub(super) fn take(&mut self, now: Instant) -> Result<(), Instant> {
        self.count(now);
        match (self.tokens, self.counted) {
            (0, Some(counted)) => Err(later(counted, self.refill)),
            _ => {
                self.tokens = self.tokens.saturating_sub(1);
                self.counted.get_or_insert(now);
                Ok(())
            }
        }
    }

    fn count(&mut self, now: Instant) {
        let Some(counted) = self.counted else {
            return;
        };
        let passed = now.saturating_duration_since(counted);
        let gained = match self.refill.as_nanos() {
            0 => u128::from(self.burst),
            refill => passed.as_nanos() / refill,
        };
        let gained = u32::try_from(gained).unwrap_or(u32::MAX);
        self.tokens = self.tokens.saturating_add(gained).min(self.burst);
        self.counted = match self.tokens == self.burst {
            true => None,
            false => Some(later(counted, self.refill.saturating_mul(gained))),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_permits_a_burst_and_then_one_per_refill() {
        let start = Instant::now();
        let second = Duration::from_secs(1);
        let mut bucket = Bucket::new(2, second);
        assert_eq!(bucket.take(start), Ok(()));
        assert_eq!(bucket.take(start), Ok(()));
        assert_eq!(bucket.take(start), Err(start + second));
        assert_eq!(bucket.take(start + second * 3 / 2), Ok(()));
        assert_eq!(bucket.take(start + second * 3 / 2), Err(start + second * 2));
        // A refill that the clock cannot express is far away.
        let mut never = Bucket::new(1, Duration::MAX);
        assert_eq!(never.take(start), Ok(()));
        assert!(
            never
                .take(start)
                .is_err_and(|next| next > start + 1_000_000 * second)
        );
        // A long time fills the bucket and not more.
        let later = start + second * 100;
        assert_eq!(bucket.take(later), Ok(()));
        assert_eq!(bucket.take(later), Ok(()));
        assert_eq!(bucket.take(later), Err(later + second));
    }
}
