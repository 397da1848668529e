//! Writes and reads every message of the schema with random content, and compares the result with
//! the mapping derived from the descriptors.

use std::path::Path;
use std::sync::LazyLock;

use prost::Message as _;
use prost_reflect::{
    Cardinality, DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor,
    ReflectMessage as _, Value,
};
use serde_json::json;

use super::message::Message;

/// Rounds per message.
const ROUNDS: u64 = 20;

/// A message type with the functions for this test.
pub(super) struct Type {
    name: &'static str,
    /// The encoding of prost, which is one of several possible ones.
    encoded: fn(&[u8]) -> Vec<u8>,
    to_json: fn(&[u8]) -> serde_json::Result<serde_json::Value>,
    from_json: fn(&str) -> serde_json::Result<Vec<u8>>,
}

pub(super) const fn message_type<T>() -> Type
where
    T: Message + prost::Message + serde::Serialize + for<'a> serde::Deserialize<'a>,
{
    Type {
        name: T::NAME,
        encoded: |bytes| {
            T::decode(bytes)
                .map(|message| message.encode_to_vec())
                .expect("it decodes")
        },
        to_json: |bytes| serde_json::to_value(T::decode(bytes).map_err(serde::de::Error::custom)?),
        from_json: |text| Ok(serde_json::from_str::<T>(text)?.encode_to_vec()),
    }
}

/// The list of all messages, from the tables.
macro_rules! every {
    ($($message:ty,)*) => {
        pub(super) const EVERY: &[$crate::json::round_trip::Type] = &[$($crate::json::round_trip::message_type::<$message>()),*];
    };
}

pub(super) use every;

use super::tables::EVERY;

fn schema() -> DescriptorPool {
    let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto");
    let files = [
        "mesos",
        "agent/agent",
        "allocator/allocator",
        "executor/executor",
        "maintenance/maintenance",
        "master/master",
        "quota/quota",
        "resource_provider/resource_provider",
        "scheduler/scheduler",
    ];
    let files = files.map(|file| include.join(format!("mesos/v1/{file}.proto")));
    let files = protox::compile(files, [include]).expect("the schema compiles");
    DescriptorPool::from_file_descriptor_set(files).expect("the schema is consistent")
}

/// An encoded message with random content, and defaults where the schema has some.
pub(crate) fn random(name: &str, seed: u64) -> Vec<u8> {
    static SCHEMA: LazyLock<DescriptorPool> = LazyLock::new(schema);
    let descriptor = SCHEMA.get_message_by_name(name);
    let mut random = Random {
        rng: fastrand::Rng::with_seed(seed),
        fill_defaults: true,
    };
    let message = random.message(&descriptor.expect("is in the schema"), 0);
    message.encode_to_vec()
}

#[test]
fn the_tables_hold_every_message_of_the_schema() {
    let mut schema: Vec<_> = schema()
        .all_messages()
        .filter(|message| !message.is_map_entry() && message.full_name().starts_with("mesos."))
        .map(|message| message.full_name().to_owned())
        .collect();
    let mut tables: Vec<_> = EVERY
        .iter()
        .map(|message| message.name.to_owned())
        .collect();
    schema.sort();
    tables.sort();
    assert_eq!(tables, schema);
}

#[test]
fn every_message_is_written_according_to_its_descriptor() {
    let schema = schema();
    for (message, seed) in EVERY
        .iter()
        .flat_map(|message| (0..ROUNDS).map(move |seed| (message, seed)))
    {
        let descriptor = schema
            .get_message_by_name(message.name)
            .expect("is in the schema");
        let random = Random {
            rng: fastrand::Rng::with_seed(seed),
            fill_defaults: false,
        }
        .message(&descriptor, 0);
        let written = (message.to_json)(&random.encode_to_vec()).expect("it has a form");
        assert_eq!(
            written,
            expected(&random),
            "{} with the seed {seed}",
            message.name
        );
    }
}

#[test]
fn every_message_survives_json() {
    let schema = schema();
    for (message, seed) in EVERY
        .iter()
        .flat_map(|message| (0..ROUNDS).map(move |seed| (message, seed)))
    {
        let descriptor = schema
            .get_message_by_name(message.name)
            .expect("is in the schema");
        let random = Random {
            rng: fastrand::Rng::with_seed(seed),
            fill_defaults: true,
        }
        .message(&descriptor, 0);
        let random = random.encode_to_vec();
        let text = (message.to_json)(&random)
            .expect("it has a form")
            .to_string();
        let back = (message.from_json)(&text)
            .unwrap_or_else(|error| panic!("{}: {error}: {text}", message.name));
        assert!(
            back == (message.encoded)(&random),
            "{} with the seed {seed} came back changed: {text}",
            message.name
        );
    }
}

/// The mapping, derived from the descriptors.
fn expected(message: &DynamicMessage) -> serde_json::Value {
    let mut object = serde_json::Map::new();
    for field in message.descriptor().fields() {
        let deprecated = field
            .field_descriptor_proto()
            .options
            .as_ref()
            .is_some_and(|options| options.deprecated());
        let has_default = field.field_descriptor_proto().default_value.is_some();
        if message.has_field(&field) || has_default && !deprecated {
            object.insert(
                field.name().to_owned(),
                expected_value(&message.get_field(&field), &field),
            );
        }
    }
    object.into()
}

fn expected_value(value: &Value, field: &FieldDescriptor) -> serde_json::Value {
    match value {
        Value::Bool(value) => json!(value),
        Value::I32(value) => json!(value),
        Value::I64(value) => json!(value),
        Value::U32(value) => json!(value),
        Value::U64(value) => json!(value),
        Value::F32(value) => json!(value),
        Value::F64(value) if *value == f64::INFINITY => json!("Infinity"),
        Value::F64(value) if *value == f64::NEG_INFINITY => json!("-Infinity"),
        Value::F64(value) => json!(value),
        Value::String(value) => json!(value),
        Value::Bytes(value) => json!(base64_by_hand(value)),
        Value::EnumNumber(number) => {
            let kind = field.kind();
            let value = kind
                .as_enum()
                .and_then(|kind| kind.get_value(*number))
                .expect("a known number");
            json!(value.name())
        }
        Value::Message(message) => expected(message),
        Value::List(values) => values
            .iter()
            .map(|value| expected_value(value, field))
            .collect(),
        Value::Map(values) => {
            let kind = field.kind();
            let of_value = kind
                .as_message()
                .expect("a map is made of entries")
                .map_entry_value_field();
            let entries = values.iter().map(|(key, value)| {
                let key = key.as_str().expect("keys are text");
                (key.to_owned(), expected_value(value, &of_value))
            });
            serde_json::Value::Object(entries.collect())
        }
    }
}

fn base64_by_hand(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = three.iter().enumerate().fold(0_u32, |bits, (i, byte)| {
            bits | u32::from(*byte) << (16 - 8 * i)
        });
        for i in 0..4 {
            let sextet = (bits >> (18 - 6 * i) & 63) as usize;
            text.push(if i > three.len() {
                '='
            } else {
                ALPHABET[sextet].into()
            });
        }
    }
    text
}

/// Generates content.
struct Random {
    rng: fastrand::Rng,
    /// Sets fields with a default: JSON does not distinguish such a field from an unset one.
    fill_defaults: bool,
}

impl Random {
    fn message(&mut self, descriptor: &MessageDescriptor, depth: u32) -> DynamicMessage {
        let mut message = DynamicMessage::new(descriptor.clone());
        for field in descriptor.fields() {
            let fill = self.fill_defaults && field.field_descriptor_proto().default_value.is_some();
            let set = field.cardinality() == Cardinality::Required || fill;
            // Nested messages become rarer with the depth, so that the recursion ends.
            let rare = matches!(field.kind(), Kind::Message(_)) && self.rng.u32(0..4) < depth;
            if set || !rare && self.rng.bool() {
                let value = self.field(&field, depth);
                message.set_field(&field, value);
            }
        }
        message
    }

    fn field(&mut self, field: &FieldDescriptor, depth: u32) -> Value {
        if field.is_map() {
            let kind = field.kind();
            let of_value = kind
                .as_message()
                .expect("a map is made of entries")
                .map_entry_value_field();
            let entries = (0..self.rng.usize(0..3))
                .map(|_| (MapKey::String(self.text()), self.value(&of_value, depth)));
            Value::Map(entries.collect())
        } else if field.is_list() {
            Value::List(
                (0..self.rng.usize(0..3))
                    .map(|_| self.value(field, depth))
                    .collect(),
            )
        } else {
            self.value(field, depth)
        }
    }

    fn value(&mut self, field: &FieldDescriptor, depth: u32) -> Value {
        match field.kind() {
            Kind::Bool => Value::Bool(self.rng.bool()),
            Kind::Int32 => Value::I32(self.rng.i32(..) >> self.rng.u32(0..32)),
            Kind::Int64 => Value::I64(self.rng.i64(..) >> self.rng.u32(0..64)),
            Kind::Uint32 => Value::U32(self.rng.u32(..) >> self.rng.u32(0..32)),
            Kind::Uint64 => Value::U64(self.rng.u64(..) >> self.rng.u32(0..64)),
            Kind::Double => Value::F64(self.double()),
            Kind::String => Value::String(self.text()),
            Kind::Bytes => Value::Bytes(
                (0..self.rng.usize(0..20))
                    .map(|_| self.rng.u8(..))
                    .collect(),
            ),
            Kind::Enum(kind) => {
                let values: Vec<_> = kind.values().collect();
                Value::EnumNumber(values[self.rng.usize(0..values.len())].number())
            }
            Kind::Message(descriptor) => Value::Message(self.message(&descriptor, depth + 1)),
            other => panic!("{other:?} is not in use so far"),
        }
    }

    fn double(&mut self) -> f64 {
        match self.rng.u8(0..6) {
            0 => f64::INFINITY,
            1 => f64::NEG_INFINITY,
            2 => self.rng.i32(..).into(),
            3 => f64::from(self.rng.i32(..)) / 1000.0,
            _ => Some(f64::from_bits(self.rng.u64(..)))
                .filter(|double| double.is_finite())
                .unwrap_or(0.5),
        }
    }

    fn text(&mut self) -> String {
        (0..self.rng.usize(0..8))
            .map(|_| {
                if self.rng.bool() {
                    self.rng.char('\0'..='~')
                } else {
                    self.rng.char(..)
                }
            })
            .collect()
    }
}
