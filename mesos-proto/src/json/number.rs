//! Numbers, and text with a number.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, Visitor};
use serde::ser::{Error as _, Serializer};

use super::text::Kind;

/// A number type of the schema.
pub(super) trait Num: Copy {
    /// The name in errors.
    const NAME: &'static str;

    /// The kind of its usual text.
    const KIND: Kind;

    fn write<S: Serializer>(self, to: S) -> Result<S::Ok, S::Error>;

    /// Returns `None` if the number does not fit.
    fn from_integer(integer: i128) -> Option<Self>;

    /// Returns `None` if the number does not fit. Mesos truncates a fraction in an integer field.
    /// Here it is an error, because such a fraction is a mistake.
    fn from_double(double: f64) -> Option<Self>;

    /// Words for numbers.
    fn from_word(_: &str) -> Option<Self> {
        None
    }
}

macro_rules! integer {
    ($($type:ident, $name:literal, $serialize:ident, $signed:literal, $digits:literal;)*) => {
        $(impl Num for $type {
            const NAME: &'static str = $name;
            const KIND: Kind = Kind::Integer { signed: $signed, digits: $digits };

            fn write<S: Serializer>(self, to: S) -> Result<S::Ok, S::Error> {
                to.$serialize(self)
            }

            fn from_integer(integer: i128) -> Option<Self> {
                Self::try_from(integer).ok()
            }

            fn from_double(double: f64) -> Option<Self> {
                // A cast to i128 is exact for a number without a fraction, or saturates far out of
                // range.
                if double.fract() == 0.0 { Self::from_integer(double as i128) } else { None }
            }
        })*
    };
}

integer! {
    i32, "a 32-bit integer", serialize_i32, true, 9;
    i64, "a 64-bit integer", serialize_i64, true, 18;
    u32, "an unsigned 32-bit integer", serialize_u32, false, 9;
    u64, "an unsigned 64-bit integer", serialize_u64, false, 19;
}

impl Num for f64 {
    const NAME: &'static str = "a number, \"Infinity\" or \"-Infinity\"";
    const KIND: Kind = Kind::Double;

    fn write<S: Serializer>(self, to: S) -> Result<S::Ok, S::Error> {
        if self.is_nan() {
            Err(S::Error::custom("JSON cannot represent NaN"))
        } else if self.is_infinite() {
            to.serialize_str(if self > 0.0 { "Infinity" } else { "-Infinity" })
        } else {
            to.serialize_f64(self)
        }
    }

    fn from_integer(integer: i128) -> Option<Self> {
        Some(integer as f64)
    }

    fn from_double(double: f64) -> Option<Self> {
        Some(double)
    }

    fn from_word(word: &str) -> Option<Self> {
        match word {
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        }
    }
}

pub(super) struct NumberVisitor<T>(pub(super) PhantomData<T>);

impl<T: Num> NumberVisitor<T> {
    fn fits<E: Error>(self, value: Option<T>, given: impl fmt::Display) -> Result<T, E> {
        value.ok_or_else(|| E::custom(format_args!("{given} is not {}", T::NAME)))
    }
}

impl<T: Num> Visitor<'_> for NumberVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::NAME)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        self.fits(T::from_integer(number.into()), number)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        self.fits(T::from_integer(number.into()), number)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<T, E> {
        self.fits(T::from_double(number), number)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        let word = text.trim_ascii();
        // Rust's parser also accepts words for numbers that JSON does not have.
        let numeric = word
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
        let value = match word.parse::<i128>() {
            Ok(integer) if numeric => T::from_integer(integer),
            _ if numeric => word
                .parse()
                .ok()
                .filter(|double: &f64| double.is_finite())
                .and_then(T::from_double),
            _ => T::from_word(text),
        };
        self.fits(value, format_args!("{text:?}"))
    }
}
