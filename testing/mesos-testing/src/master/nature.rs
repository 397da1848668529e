//! What differs from run to run: random ids, and the time of day. A simulation repeats both.

use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tokio::time::Instant;
use uuid::Uuid;

use crate::lock::lock;

/// The time of day at the start of a simulation: 2026-01-01 in UTC.
const EPOCH: Duration = Duration::from_secs(1_767_225_600);

/// See the module.
#[derive(Debug)]
pub(crate) enum Nature {
    Real,
    /// A generator with a seed, and a time of day that follows tokio's clock.
    Simulated {
        random: Mutex<fastrand::Rng>,
        start: Instant,
    },
}

impl Nature {
    pub(crate) fn simulated(seed: u64) -> Self {
        Self::Simulated {
            random: Mutex::new(fastrand::Rng::with_seed(seed)),
            start: Instant::now(),
        }
    }

    pub(crate) fn uuid(&self) -> Uuid {
        match self {
            Self::Real => Uuid::new_v4(),
            Self::Simulated { random, .. } => {
                let bytes = lock(random).u128(..).to_be_bytes();
                uuid::Builder::from_random_bytes(bytes).into_uuid()
            }
        }
    }

    /// The 16 bytes of a status update's uuid.
    pub(crate) fn uuid_bytes(&self) -> Bytes {
        Bytes::copy_from_slice(self.uuid().as_bytes())
    }

    pub(crate) fn now(&self) -> SystemTime {
        match self {
            Self::Real => SystemTime::now(),
            Self::Simulated { start, .. } => SystemTime::UNIX_EPOCH + EPOCH + start.elapsed(),
        }
    }
}
