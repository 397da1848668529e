//! A message: an object with the message's fields. The generated tables list the fields, with
//! [`message!`] and [`oneof!`].

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};

use super::check::Scan;

/// The table of a message.
pub(crate) trait Message: Default {
    /// The name in the schema, for errors.
    const NAME: &'static str;
    /// The required fields, at most 32.
    const REQUIRED: &'static [&'static str];

    /// Adds each field with a value to `map`.
    fn write<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error>;

    /// Reads the value of the field `name` from `map`, and returns whether that set the field.
    fn read<'de, A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error>;

    /// Checks the text of the field `name`.
    fn check_field(name: &[u8], scan: &mut Scan<'_>) -> Option<()>;
}

/// The table of a oneof.
pub(super) trait Oneof: Sized {
    /// The names of its fields.
    const NAMES: &'static [&'static str];

    /// Adds the field that is set.
    fn write<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error>;

    /// Reads the value of its field `name`.
    fn read<'de, A: MapAccess<'de>>(name: &str, map: &mut A) -> Result<Option<Self>, A::Error>;
}

pub(super) fn serialize<T: Message, S: Serializer>(message: &T, to: S) -> Result<S::Ok, S::Error> {
    let mut map = to.serialize_map(None)?;
    message.write(&mut map)?;
    map.end()
}

pub(super) fn deserialize<'de, T: Message, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    from.deserialize_map(Object(PhantomData))
}

struct Object<T>(PhantomData<T>);

impl<'de, T: Message> Visitor<'de> for Object<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} as an object", T::NAME)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let mut message = T::default();
        let mut seen = 0_u32;
        while let Some(name) = map.next_key_seed(Key)? {
            let set = message
                .read(&name, &mut map)
                .map_err(|error| A::Error::custom(format_args!("in `{name}`: {error}")))?;
            if let Some(index) = T::REQUIRED.iter().position(|required| *required == name) {
                seen = seen & !(1 << index) | u32::from(set) << index;
            }
        }
        match T::REQUIRED
            .iter()
            .enumerate()
            .find(|(index, _)| seen & (1 << index) == 0)
        {
            Some((_, name)) => {
                let message = T::NAME;
                Err(A::Error::custom(format_args!(
                    "the required field `{name}` of {message} is missing"
                )))
            }
            None => Ok(message),
        }
    }
}

/// A key, borrowed from the input if it has no escapes.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

/// Skips a key that the schema does not have.
pub(super) fn ignore<'de, A: MapAccess<'de>>(map: &mut A) -> Result<bool, A::Error> {
    map.next_value::<IgnoredAny>().map(|_| false)
}

/// The table of a message: for each field its label (a module of `field`), its name in JSON and in
/// Rust, the codec of its values (`codec`), and the default in the schema.
macro_rules! message {
    ($name:literal => $message:ty {
        required: [$($required:literal),*],
        oneofs: [$($oneof:ident: $choice:ty),*],
        $($label:ident $key:literal $field:ident: $codec:ty $(= $default:expr)?,)*
    }) => {
        #[allow(deprecated)]
        impl $crate::json::message::Message for $message {
            const NAME: &'static str = $name;
            const REQUIRED: &'static [&'static str] = &[$($required),*];

            fn write<M: ::serde::ser::SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
                $(if let Some(choice) = &self.$oneof {
                    <$choice as $crate::json::message::Oneof>::write(choice, map)?;
                })*
                $($crate::json::field::$label::write::<$codec, _, _>(map, $key, &self.$field $(, $default)?)?;)*
                let _ = map;
                Ok(())
            }

            fn read<'de, A: ::serde::de::MapAccess<'de>>(
                &mut self,
                name: &str,
                map: &mut A,
            ) -> Result<bool, A::Error> {
                match name {
                    $(name if <$choice as $crate::json::message::Oneof>::NAMES.contains(&name) => {
                        let choice = <$choice as $crate::json::message::Oneof>::read(name, map)?;
                        let set = choice.is_some();
                        self.$oneof = choice.or(self.$oneof.take());
                        Ok(set)
                    })*
                    $($key => $crate::json::field::$label::read::<$codec, _, _>(map, &mut self.$field),)*
                    _ => $crate::json::message::ignore(map),
                }
            }

            fn check_field(
                name: &[u8],
                scan: &mut $crate::json::check::Scan<'_>,
            ) -> Option<()> {
                // No offer or status has a oneof.
                $(if <$choice as $crate::json::message::Oneof>::NAMES
                    .iter()
                    .any(|member| member.as_bytes() == name)
                {
                    return None;
                })*
                $(if name == $key.as_bytes() {
                    return $crate::json::field::$label::check::<$codec, _, _>(
                        |message: &Self| &message.$field,
                        scan,
                    );
                })*
                let _ = name;
                scan.any()
            }
        }

        impl $crate::json::check::Check for $message {
            fn check(scan: &mut $crate::json::check::Scan<'_>) -> Option<()> {
                scan.object::<Self>(<Self as $crate::json::message::Message>::check_field)
            }
        }

        impl ::serde::Serialize for $message {
            fn serialize<S: ::serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                $crate::json::message::serialize(self, to)
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $message {
            fn deserialize<D: ::serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                $crate::json::message::deserialize(from)
            }
        }
    };
}

/// The table of a oneof: for each field its name in JSON, its variant, and its codec.
macro_rules! oneof {
    ($choice:ty { $($key:literal $variant:ident: $codec:ty,)* }) => {
        impl $crate::json::message::Oneof for $choice {
            const NAMES: &'static [&'static str] = &[$($key),*];

            fn write<M: ::serde::ser::SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
                match self {
                    $(Self::$variant(value) => $crate::json::field::member::write::<$codec, _, _>(map, $key, value),)*
                }
            }

            fn read<'de, A: ::serde::de::MapAccess<'de>>(
                name: &str,
                map: &mut A,
            ) -> Result<Option<Self>, A::Error> {
                match name {
                    $($key => Ok($crate::json::field::member::read::<$codec, _, _>(map)?.map(Self::$variant)),)*
                    _ => $crate::json::message::ignore(map).map(|_| None),
                }
            }
        }
    };
}

pub(super) use {message, oneof};
