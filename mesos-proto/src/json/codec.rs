//! The JSON form of a value. The tables name a codec for each field.

use std::fmt;
use std::marker::PhantomData;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use bytes::Bytes;
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Error as _, Serialize, Serializer};

use super::check::{Check, Scan};
use super::number::{Num, NumberVisitor};
use super::text::Kind;

/// Writes and reads a `T`.
pub(super) trait Codec<T> {
    fn write<S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error>;

    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<T, D::Error>;

    /// Like `read`, but returns `None` for a value that a newer schema may know.
    fn read_known<'de, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
        Self::read(from).map(Some)
    }

    /// Checks the text of a value, see [`check`](super::check).
    fn check(scan: &mut Scan<'_>) -> Option<()>;

    /// Whether this schema has a JSON form for the value.
    fn has_form(_: &T) -> bool {
        true
    }
}

/// The default of serde: text and messages.
pub(super) struct Plain;

impl<T: Serialize + for<'a> Deserialize<'a> + Check> Codec<T> for Plain {
    fn write<S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
        value.serialize(to)
    }

    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
        T::deserialize(from)
    }

    fn check(scan: &mut Scan<'_>) -> Option<()> {
        T::check(scan)
    }
}

/// Integers and doubles; see `number`.
pub(super) struct Number;

impl<T: Num> Codec<T> for Number {
    fn write<S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
        value.write(to)
    }

    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
        from.deserialize_any(NumberVisitor(PhantomData))
    }

    fn check(scan: &mut Scan<'_>) -> Option<()> {
        scan.leaf(T::KIND, 0)
    }
}

/// `true` and `false`, also read from text.
pub(super) struct Bool;

impl Codec<bool> for Bool {
    fn write<S: Serializer>(value: &bool, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bool(*value)
    }

    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
        from.deserialize_any(BoolVisitor)
    }

    fn check(scan: &mut Scan<'_>) -> Option<()> {
        scan.bool()
    }
}

struct BoolVisitor;

impl Visitor<'_> for BoolVisitor {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true or false")
    }

    fn visit_bool<E>(self, value: bool) -> Result<bool, E> {
        Ok(value)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<bool, E> {
        match text.trim_ascii() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
        }
    }
}

/// Bytes as base64.
pub(super) struct Base64;

/// Mesos ignores the padding and the bits that belong to it.
const TOLERANT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

impl Codec<Bytes> for Base64 {
    fn write<S: Serializer>(value: &Bytes, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&base64::display::Base64Display::new(value, &STANDARD))
    }

    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
        from.deserialize_str(Base64Visitor)
    }

    fn check(scan: &mut Scan<'_>) -> Option<()> {
        scan.quoted(Kind::Base64, 0)
    }
}

struct Base64Visitor;

impl Visitor<'_> for Base64Visitor {
    type Value = Bytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes in standard base64")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Bytes, E> {
        let decoded = if text.contains(|c: char| c.is_ascii_whitespace()) {
            TOLERANT.decode(text.split_ascii_whitespace().collect::<String>())
        } else {
            TOLERANT.decode(text)
        };
        decoded
            .map(Bytes::from)
            .map_err(|error| E::custom(format_args!("invalid standard base64: {error}")))
    }
}

/// An enum that is written by name.
pub(super) trait Named: TryFrom<i32> {
    /// The name in the schema, for errors.
    const NAME: &'static str;

    fn name(self) -> &'static str;

    fn number_of(name: &str) -> Option<i32>;
}

/// The name of an enum's value. prost stores enums as numbers, so that a value of a newer Mesos is
/// not lost.
pub(super) struct Name<E>(PhantomData<E>);

impl<E: Named> Codec<i32> for Name<E> {
    fn write<S: Serializer>(number: &i32, to: S) -> Result<S::Ok, S::Error> {
        match E::try_from(*number) {
            Ok(value) => to.serialize_str(value.name()),
            Err(_) => Err(S::Error::custom(format_args!(
                "the number {number} has no name in {}",
                E::NAME
            ))),
        }
    }

    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<i32, D::Error> {
        from.deserialize_any(NameVisitor::<E>(PhantomData))?
            .map_err(|name| D::Error::custom(format_args!("{name:?} is not a name in {}", E::NAME)))
    }

    fn read_known<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i32>, D::Error> {
        Ok(from.deserialize_any(NameVisitor::<E>(PhantomData))?.ok())
    }

    fn check(scan: &mut Scan<'_>) -> Option<()> {
        scan.quoted(Kind::Name(E::number_of), 0)
    }

    fn has_form(number: &i32) -> bool {
        E::try_from(*number).is_ok()
    }
}

/// The number of a name, or the name itself if it is unknown.
struct NameVisitor<E>(PhantomData<E>);

impl<E: Named> Visitor<'_> for NameVisitor<E> {
    type Value = Result<i32, String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the name of a {}", E::NAME)
    }

    fn visit_str<F>(self, name: &str) -> Result<Self::Value, F> {
        Ok(E::number_of(name).ok_or_else(|| name.to_owned()))
    }
}

/// Implements [`Named`] for generated enums.
macro_rules! named {
    ($($name:literal => $type:ty,)*) => {
        $(impl $crate::json::codec::Named for $type {
            const NAME: &'static str = $name;

            fn name(self) -> &'static str {
                self.as_str_name()
            }

            fn number_of(name: &str) -> Option<i32> {
                Self::from_str_name(name).map(i32::from)
            }
        })*
    };
}

pub(super) use named;

/// protobuf's `google.protobuf.Duration`, which Mesos writes like any other message. As a proto3
/// message it omits fields that are zero.
pub(super) struct Duration;

#[derive(Default)]
struct DurationFields {
    seconds: Option<i64>,
    nanos: Option<i32>,
}

super::message::message! {
    "google.protobuf.Duration" => DurationFields {
        required: [],
        oneofs: [],
        optional "seconds" seconds: Number,
        optional "nanos" nanos: Number,
    }
}

impl Codec<prost_types::Duration> for Duration {
    fn write<S: Serializer>(value: &prost_types::Duration, to: S) -> Result<S::Ok, S::Error> {
        let fields = DurationFields {
            seconds: Some(value.seconds).filter(|seconds| *seconds != 0),
            nanos: Some(value.nanos).filter(|nanos| *nanos != 0),
        };
        fields.serialize(to)
    }

    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<prost_types::Duration, D::Error> {
        let fields = DurationFields::deserialize(from)?;
        Ok(prost_types::Duration {
            seconds: fields.seconds.unwrap_or_default(),
            nanos: fields.nanos.unwrap_or_default(),
        })
    }

    fn check(scan: &mut Scan<'_>) -> Option<()> {
        DurationFields::check(scan)
    }
}
