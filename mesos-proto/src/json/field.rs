//! Labels of fields: when a field is written, and which values it accepts. Each module is a label
//! that the tables name. `read` returns whether it set the field. `check` checks the text of a value;
//! its argument for the field serves only to infer types.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};
use serde::ser::{Error as _, Serialize, SerializeMap, SerializeSeq, Serializer};

use super::check::Scan;
use super::codec::Codec;

/// A required field.
pub(super) mod required {
    use super::*;

    pub(in crate::json) fn write<C: Codec<T>, T, M: SerializeMap>(
        map: &mut M,
        name: &'static str,
        value: &T,
    ) -> Result<(), M::Error> {
        entry(map, name, &One::<C, T>(value, PhantomData))
    }

    pub(in crate::json) fn read<'de, C: Codec<T>, T, A: MapAccess<'de>>(
        map: &mut A,
        field: &mut T,
    ) -> Result<bool, A::Error> {
        let value = map.next_value_seed(OrNull::<C, T, STRICT>(PhantomData))?;
        Ok(value.map(|value| *field = value).is_some())
    }

    pub(in crate::json) fn check<C: Codec<T>, T, M>(
        _: fn(&M) -> &T,
        scan: &mut Scan<'_>,
    ) -> Option<()> {
        C::check(scan)
    }
}

/// An optional field.
pub(super) mod optional {
    use super::*;

    pub(in crate::json) fn write<C: Codec<T>, T, M: SerializeMap>(
        map: &mut M,
        name: &'static str,
        value: &Option<T>,
    ) -> Result<(), M::Error> {
        match value.as_ref().filter(|value| C::has_form(value)) {
            Some(value) => entry(map, name, &One::<C, T>(value, PhantomData)),
            None => Ok(()),
        }
    }

    pub(in crate::json) fn read<'de, C: Codec<T>, T, A: MapAccess<'de>>(
        map: &mut A,
        field: &mut Option<T>,
    ) -> Result<bool, A::Error> {
        *field = map.next_value_seed(OrNull::<C, T, LENIENT>(PhantomData))?;
        Ok(field.is_some())
    }

    pub(in crate::json) fn check<C: Codec<T>, T, M>(
        _: fn(&M) -> &Option<T>,
        scan: &mut Scan<'_>,
    ) -> Option<()> {
        C::check(scan)
    }
}

/// An optional field with a default in the schema. Mesos writes the default, unless the field is
/// deprecated; the tables use `optional` for a deprecated field.
pub(super) mod defaulted {
    use super::*;

    pub(in crate::json) fn write<C: Codec<T>, T, M: SerializeMap>(
        map: &mut M,
        name: &'static str,
        value: &Option<T>,
        default: impl Into<T>,
    ) -> Result<(), M::Error> {
        match value.as_ref().filter(|value| C::has_form(value)) {
            Some(value) => entry(map, name, &One::<C, T>(value, PhantomData)),
            None => entry(map, name, &One::<C, T>(&default.into(), PhantomData)),
        }
    }

    /// A missing field stays unset: its getter returns the default.
    pub(in crate::json) use super::optional::{check, read};
}

/// A field of a oneof. The oneof stores its value.
pub(super) mod member {
    use super::*;

    pub(in crate::json) fn write<C: Codec<T>, T, M: SerializeMap>(
        map: &mut M,
        name: &'static str,
        value: &T,
    ) -> Result<(), M::Error> {
        if C::has_form(value) {
            entry(map, name, &One::<C, T>(value, PhantomData))
        } else {
            Ok(())
        }
    }

    pub(in crate::json) fn read<'de, C: Codec<T>, T, A: MapAccess<'de>>(
        map: &mut A,
    ) -> Result<Option<T>, A::Error> {
        map.next_value_seed(OrNull::<C, T, LENIENT>(PhantomData))
    }
}

/// A list.
pub(super) mod repeated {
    use super::*;

    pub(in crate::json) fn write<C: Codec<T>, T, M: SerializeMap>(
        map: &mut M,
        name: &'static str,
        values: &[T],
    ) -> Result<(), M::Error> {
        if values.iter().any(C::has_form) {
            entry(map, name, &Many::<C, T>(values, PhantomData))
        } else {
            Ok(())
        }
    }

    pub(in crate::json) fn read<'de, C: Codec<T>, T, A: MapAccess<'de>>(
        map: &mut A,
        field: &mut Vec<T>,
    ) -> Result<bool, A::Error> {
        *field = map.next_value_seed(List::<C, T>(PhantomData))?;
        Ok(!field.is_empty())
    }

    pub(in crate::json) fn check<C: Codec<T>, T, M>(
        _: fn(&M) -> &Vec<T>,
        scan: &mut Scan<'_>,
    ) -> Option<()> {
        scan.list(C::check)
    }
}

/// A map with text keys, the only kind in the schema.
pub(super) mod map {
    use super::*;

    pub(in crate::json) fn write<C: Codec<T>, T, M: SerializeMap>(
        map: &mut M,
        name: &'static str,
        values: &BTreeMap<String, T>,
    ) -> Result<(), M::Error> {
        if values.is_empty() {
            Ok(())
        } else {
            entry(map, name, &Keyed::<C, T>(values, PhantomData))
        }
    }

    pub(in crate::json) fn read<'de, C: Codec<T>, T, A: MapAccess<'de>>(
        map: &mut A,
        field: &mut BTreeMap<String, T>,
    ) -> Result<bool, A::Error> {
        *field = map.next_value_seed(Entries::<C, T>(PhantomData))?;
        Ok(!field.is_empty())
    }

    /// No offer or status has a map.
    pub(in crate::json) fn check<C: Codec<T>, T, M>(
        _: fn(&M) -> &BTreeMap<String, T>,
        _: &mut Scan<'_>,
    ) -> Option<()> {
        None
    }
}

fn entry<M: SerializeMap>(
    map: &mut M,
    name: &'static str,
    value: &impl Serialize,
) -> Result<(), M::Error> {
    map.serialize_entry(name, value)
        .map_err(|error| M::Error::custom(format_args!("in `{name}`: {error}")))
}

/// A value in the form of `C`.
struct One<'a, C, T>(&'a T, PhantomData<C>);

impl<C: Codec<T>, T> Serialize for One<'_, C, T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        C::write(self.0, to)
    }
}

struct Many<'a, C, T>(&'a [T], PhantomData<C>);

impl<C: Codec<T>, T> Serialize for Many<'_, C, T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut list = to.serialize_seq(None)?;
        for value in self.0.iter().filter(|value| C::has_form(value)) {
            list.serialize_element(&One::<C, T>(value, PhantomData))?;
        }
        list.end()
    }
}

struct Keyed<'a, C, T>(&'a BTreeMap<String, T>, PhantomData<C>);

impl<C: Codec<T>, T> Serialize for Keyed<'_, C, T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(
            self.0
                .iter()
                .map(|(key, value)| (key, One::<C, T>(value, PhantomData))),
        )
    }
}

/// A value without a name in this schema is an error.
const STRICT: bool = true;
/// A value without a name in this schema counts as missing.
const LENIENT: bool = false;

/// A value, or `None` for `null`.
struct OrNull<C, T, const RULE: bool>(PhantomData<(C, T)>);

impl<'de, C: Codec<T>, T, const RULE: bool> DeserializeSeed<'de> for OrNull<C, T, RULE> {
    type Value = Option<T>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Option<T>, D::Error> {
        from.deserialize_option(self)
    }
}

impl<'de, C: Codec<T>, T, const RULE: bool> Visitor<'de> for OrNull<C, T, RULE> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value or null")
    }

    fn visit_none<E>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Option<T>, D::Error> {
        if RULE == STRICT {
            C::read(from).map(Some)
        } else {
            C::read_known(from)
        }
    }
}

/// An array, a single element, or `null`.
struct List<C, T>(PhantomData<(C, T)>);

impl<C: Codec<T>, T> List<C, T> {
    fn alone<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<T>, D::Error> {
        Ok(C::read_known(from)?.into_iter().collect())
    }
}

impl<'de, C: Codec<T>, T> DeserializeSeed<'de> for List<C, T> {
    type Value = Vec<T>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Vec<T>, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de, C: Codec<T>, T> Visitor<'de> for List<C, T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Vec<T>, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = array.next_element_seed(OrNull::<C, T, LENIENT>(PhantomData))? {
            values.extend(value);
        }
        Ok(values)
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Vec<T>, A::Error> {
        Self::alone(MapAccessDeserializer::new(object))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Vec<T>, E> {
        Self::alone(value.into_deserializer())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Vec<T>, E> {
        Self::alone(value.into_deserializer())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Vec<T>, E> {
        Self::alone(value.into_deserializer())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Vec<T>, E> {
        Self::alone(value.into_deserializer())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Vec<T>, E> {
        Self::alone(value.into_deserializer())
    }

    fn visit_unit<E>(self) -> Result<Vec<T>, E> {
        Ok(Vec::new())
    }
}

/// An object whose keys are data, or `null`.
struct Entries<C, T>(PhantomData<(C, T)>);

impl<'de, C: Codec<T>, T> DeserializeSeed<'de> for Entries<C, T> {
    type Value = BTreeMap<String, T>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de, C: Codec<T>, T> Visitor<'de> for Entries<C, T> {
    type Value = BTreeMap<String, T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut values = BTreeMap::new();
        while let Some(key) = object.next_key::<String>()? {
            let value = object
                .next_value_seed(OrNull::<C, T, STRICT>(PhantomData))
                .and_then(|value| {
                    value.ok_or_else(|| A::Error::custom("null is not allowed as a value of a map"))
                })
                .map_err(|error| A::Error::custom(format_args!("in {key:?}: {error}")))?;
            values.insert(key, value);
        }
        Ok(values)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(BTreeMap::new())
    }
}
