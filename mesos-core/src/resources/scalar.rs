//! Scalar amounts in Mesos' fixed-point arithmetic.
//!
//! On the wire a scalar is a double. Mesos rounds it to thousandths before every comparison, sum
//! and difference (`convertToFixed` in src/v1/values.cpp), so that many additions of `0.1` stay
//! exact. [`Scalar`] is this fixed-point number, without a name or a role.

use std::fmt;

const THOUSANDTHS: i64 = 1000;

/// The amount of a scalar resource: never negative, a whole number of thousandths.
///
/// The unit depends on the resource: cores for `cpus`, megabytes (2^20 bytes) for `mem` and `disk`,
/// devices for `gpus`.
///
/// ```
/// use mesos::resources::Scalar;
///
/// let a = Scalar::from_f64(0.1)?;
/// let b = Scalar::from_f64(0.2)?;
/// assert_eq!(a.saturating_add(b), Scalar::from_f64(0.3)?);
/// assert_ne!(0.1 + 0.2, 0.3);
/// # Ok::<(), mesos::resources::InvalidScalar>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scalar(i64);

impl Scalar {
    /// Zero.
    pub const ZERO: Scalar = Scalar(0);

    /// The largest amount: 2^43, which is 8 EiB if the unit is a megabyte.
    ///
    /// Up to this amount a double distinguishes neighboring thousandths, so an amount survives the
    /// conversion. Sums saturate here instead of overflowing (in Mesos they are undefined above
    /// 2^63 thousandths).
    pub const MAX: Scalar = Scalar((1 << 43) * THOUSANDTHS);

    /// Rounds to the nearest thousandth, halves away from zero, as Mesos does.
    ///
    /// # Errors
    /// [`InvalidScalar`] for NaN, infinities, negative numbers, numbers above [`Scalar::MAX`], and
    /// numbers that are not zero but would be rounded to zero. The master rejects these numbers too
    /// (`Resources::validate` in src/common/resources.cpp and `validateInputScalarValue` in
    /// src/common/validation.cpp), except the large ones.
    pub fn from_f64(value: f64) -> Result<Scalar, InvalidScalar> {
        let reject = |why| Err(InvalidScalar { value, why });
        if value.is_nan() {
            return reject("NaN is not an amount");
        }
        if value < 0.0 {
            return reject("an amount cannot be negative");
        }
        if value > Scalar::MAX.to_f64() {
            return reject(
                "it is above 8796093022208 (2^43), the largest number with exact thousandths",
            );
        }
        let fixed = round(value);
        if fixed == 0 && value != 0.0 {
            return reject("it would be rounded to zero; the smallest amount is 0.001");
        }
        Ok(Scalar(fixed))
    }

    /// The double for the message.
    pub fn to_f64(self) -> f64 {
        // Whole part and fraction separately, as in Mesos: both conversions are exact, and only one
        // rounding remains.
        (self.0 / THOUSANDTHS) as f64 + (self.0 % THOUSANDTHS) as f64 / THOUSANDTHS as f64
    }

    /// The number of thousandths.
    pub fn thousandths(self) -> i64 {
        self.0
    }

    /// Whether the amount is zero.
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum, at most [`Scalar::MAX`].
    #[must_use]
    pub fn saturating_add(self, other: Scalar) -> Scalar {
        // Both are at most about 2^53, so the sum cannot overflow an i64.
        Scalar(self.0 + other.0).min(Scalar::MAX)
    }

    /// The difference, at least zero.
    #[must_use]
    pub fn saturating_sub(self, other: Scalar) -> Scalar {
        Scalar((self.0 - other.0).max(0))
    }

    /// From a validated amount of a normalized resource.
    pub(super) fn from_checked(value: f64) -> Scalar {
        Scalar(round(value))
    }
}

/// The rounding of Mesos. From 2^42 on, where the product in Mesos can be wrong by one thousandth,
/// the whole part is not multiplied.
fn round(value: f64) -> i64 {
    let thousandths = |value: f64| (value * THOUSANDTHS as f64).round() as i64;
    if value < (1_u64 << 42) as f64 {
        thousandths(value)
    } else {
        value.trunc() as i64 * THOUSANDTHS + thousandths(value.fract())
    }
}

/// All digits, without trailing zeros: `0.5`, `1024`.
impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0 / THOUSANDTHS)?;
        match self.0 % THOUSANDTHS {
            0 => Ok(()),
            rest => write!(f, ".{}", format!("{rest:03}").trim_end_matches('0')),
        }
    }
}

/// A number that is not a valid amount.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{value} is not a valid scalar: {why}")]
pub struct InvalidScalar {
    value: f64,
    why: &'static str,
}
