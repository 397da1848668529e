//! How values are written in files: durations, resources, and types that are a text or a map.

/// A duration as text, such as `5s` or `1h 30m`.
pub(crate) mod duration {
    use std::fmt;
    use std::time::Duration;

    use serde::{Deserializer, Serializer, de};

    pub(crate) fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&humantime::format_duration(*time))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        from.deserialize_any(AsText)
    }

    struct AsText;

    impl de::Visitor<'_> for AsText {
        type Value = Duration;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a duration with a unit, such as \"5s\" or \"1h 30m\"")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Duration, E> {
            humantime::parse_duration(text).map_err(|error| {
                E::custom(format_args!(
                    "{text:?} is not a duration ({error}); write it like \"5s\" or \"1h 30m\""
                ))
            })
        }
    }
}

/// A duration that may be absent.
pub(crate) mod optional_duration {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    #[derive(Deserialize)]
    struct Present(#[serde(with = "super::duration")] Duration);

    pub(crate) fn serialize<S: Serializer>(
        time: &Option<Duration>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => super::duration::serialize(time, to),
            None => to.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Duration>, D::Error> {
        let time = Option::<Present>::deserialize(from)?;
        Ok(time.map(|Present(time)| time))
    }
}

/// Resources in Mesos' text form, or as a map from the name to the amount.
pub(crate) mod resources {
    use std::fmt;

    use mesos_core::resources::Resources;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(crate) fn serialize<S: Serializer>(these: &Resources, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(these)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Resources, D::Error> {
        from.deserialize_any(TextOrMap)
    }

    struct TextOrMap;

    impl<'de> de::Visitor<'de> for TextOrMap {
        type Value = Resources;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("resources, such as \"cpus:1;mem:256\" or a map of cpus and mem")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Resources, E> {
            if text == "{}" {
                return Ok(Resources::new());
            }
            text.parse().map_err(|error| {
                E::custom(format_args!("the resources {text:?} are invalid: {error}"))
            })
        }

        fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Resources, A::Error> {
            let mut sum = Resources::new();
            while let Some(name) = map.next_key::<String>()? {
                let amount: Amount = map.next_value()?;
                let text = format!("{name}:{}", amount.0);
                let one: Resources = text.parse().map_err(|error| {
                    de::Error::custom(format_args!("the resource {text:?} is invalid: {error}"))
                })?;
                if sum
                    .iter()
                    .any(|resource| one.iter().any(|new| new.name == resource.name))
                {
                    let twice = format!("the resource {name} is given twice; write it once");
                    return Err(de::Error::custom(twice));
                }
                sum += one;
            }
            Ok(sum)
        }
    }

    /// A number, or a text such as `[31000-31010]`.
    struct Amount(String);

    impl<'de> Deserialize<'de> for Amount {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            struct Any;
            impl de::Visitor<'_> for Any {
                type Value = Amount;

                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("an amount: a number, or a text such as \"[31000-31010]\"")
                }

                fn visit_f64<E: de::Error>(self, number: f64) -> Result<Amount, E> {
                    Ok(Amount(number.to_string()))
                }

                fn visit_u64<E: de::Error>(self, number: u64) -> Result<Amount, E> {
                    Ok(Amount(number.to_string()))
                }

                fn visit_i64<E: de::Error>(self, number: i64) -> Result<Amount, E> {
                    Ok(Amount(number.to_string()))
                }

                fn visit_str<E: de::Error>(self, text: &str) -> Result<Amount, E> {
                    Ok(Amount(text.to_owned()))
                }
            }
            from.deserialize_any(Any)
        }
    }
}

/// A map from text to text. Numbers and booleans are accepted as values, and a key that occurs
/// twice is an error.
pub(crate) mod texts {
    use std::collections::BTreeMap;
    use std::fmt;

    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    pub(crate) fn serialize<S: Serializer>(
        map: &BTreeMap<String, String>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        map.serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<BTreeMap<String, String>, D::Error> {
        let map = super::unique_map::deserialize::<D, Value>(from)?;
        Ok(map
            .into_iter()
            .map(|(key, Value(text))| (key, text))
            .collect())
    }

    struct Value(String);

    impl<'de> Deserialize<'de> for Value {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            from.deserialize_any(Scalar)
        }
    }

    struct Scalar;

    macro_rules! as_text {
        ($($visit:ident $type:ty)*) => {
            $(fn $visit<E: de::Error>(self, value: $type) -> Result<Value, E> {
                Ok(Value(value.to_string()))
            })*
        };
    }

    impl de::Visitor<'_> for Scalar {
        type Value = Value;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text, a number or a boolean")
        }

        as_text!(visit_bool bool visit_i64 i64 visit_u64 u64 visit_f64 f64 visit_str &str);
    }
}

/// A map in which a key that occurs twice is an error: some formats keep the last value silently.
pub(crate) mod unique_map {
    use std::collections::BTreeMap;
    use std::fmt;
    use std::marker::PhantomData;

    use serde::{Deserialize, Deserializer, de};

    pub(crate) fn deserialize<'de, D, T>(from: D) -> Result<BTreeMap<String, T>, D::Error>
    where
        D: Deserializer<'de>,
        T: Deserialize<'de>,
    {
        from.deserialize_any(Unique(PhantomData))
    }

    struct Unique<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> de::Visitor<'de> for Unique<T> {
        type Value = BTreeMap<String, T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a map")
        }

        fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut entries = BTreeMap::new();
            while let Some(key) = map.next_key::<String>()? {
                if entries.contains_key(&key) {
                    let twice = format!("the key {key:?} occurs twice; write it once");
                    return Err(de::Error::custom(twice));
                }
                entries.insert(key, map.next_value()?);
            }
            Ok(entries)
        }
    }
}

/// Implements serde for a type that is written as a text in the simple case, and as a map
/// otherwise. The type derives serde with `#[serde(remote = "Self")]`, and implements
/// `TryFrom<&str>`.
macro_rules! text_or_map {
    ($type:ty, $expecting:literal) => {
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                struct TextOrMap;
                impl<'de> serde::de::Visitor<'de> for TextOrMap {
                    type Value = $type;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str($expecting)
                    }

                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$type, E> {
                        <$type>::try_from(text).map_err(E::custom)
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(
                        self,
                        map: A,
                    ) -> Result<$type, A::Error> {
                        // The inherent function that the attribute `remote` makes.
                        <$type>::deserialize(serde::de::value::MapAccessDeserializer::new(map))
                    }
                }
                from.deserialize_any(TextOrMap)
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                <$type>::serialize(self, to)
            }
        }
    };
}
pub(crate) use text_or_map;
