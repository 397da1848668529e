//! The JSON mapping of the messages, as Mesos writes and reads it (feature `json`).
//!
//! Every message of [`v1`](crate::v1) is [`serde::Serialize`] and [`serde::Deserialize`]:
//!
//! ```
//! use mesos::v1::scheduler::{Event, event};
//!
//! let event: Event = serde_json::from_str(r#"{"type": "ERROR", "error": {"message": "removed"}}"#)?;
//! assert_eq!(event.r#type(), event::Type::Error);
//! assert_eq!(serde_json::to_string(&event)?, r#"{"type":"ERROR","error":{"message":"removed"}}"#);
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! The mapping is older than protobuf's mapping for proto3, and differs from it:
//!
//! | | written | read |
//! |---|---|---|
//! | names | as in the .proto files (`agent_id`), in their order | the same; other keys are ignored |
//! | enums | by name | by name; an unknown name leaves an optional field unset, is omitted from a repeated field, and is an error in a required field |
//! | integers, 64-bit ones too | numbers | numbers, also as strings; out of range or with a fraction is an error |
//! | doubles | numbers, `"Infinity"`, `"-Infinity"`; NaN is an error | numbers, also as strings, and the two strings |
//! | bools | `true`, `false` | also as strings |
//! | bytes | base64 with padding | padding may be missing, white space is ignored, the URL-safe alphabet is an error |
//! | optional fields | if set, or if the field has a default in the schema and is not deprecated | `null` is the same as unset |
//! | repeated fields | unless empty | an array, in which `null` is skipped, or a single element |
//! | maps | objects with the keys in order, unless empty | objects |
//! | the fields of a oneof | as fields of the message | the same; the last one wins |
//! | required fields | always | if missing or `null`, an error that names the field |
//!
//! An enum number without a name can come from a newer Mesos over protobuf. JSON cannot represent
//! it: in a required field the number is an error, and elsewhere it counts as unset, as in Mesos.
//!
//! Reading needs a self-describing format and a whole message. Only `serde_json` is supported.
//!
//! The rules are those of Mesos' 3rdparty/stout: protobuf.hpp, jsonify.hpp, json.hpp, base64.hpp.
// `codec` has the form of a value, `field` the labels, `message` whole messages, and the generated
// `tables` the fields of each message. `check` and `text` check a text without decoding it.

pub(crate) mod check;
mod codec;
mod field;
pub(crate) mod message;
mod number;
#[cfg(test)]
pub(crate) mod round_trip;
#[path = "../generated/json.rs"]
mod tables;
pub(crate) mod text;
