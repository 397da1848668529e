//! The messages in JSON, as Mesos itself writes and reads it (feature `json`).
//!
//! Every message of [`v1`](crate::v1) is [`serde::Serialize`] and [`serde::Deserialize`]:
//!
//! ```
//! use mesos_proto::v1::scheduler::{Event, event};
//!
//! let event: Event = serde_json::from_str(r#"{"type": "ERROR", "error": {"message": "removed"}}"#)?;
//! assert_eq!(event.r#type(), event::Type::Error);
//! assert_eq!(serde_json::to_string(&event)?, r#"{"type":"ERROR","error":{"message":"removed"}}"#);
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! The mapping is older than the one that protobuf defines for proto3, and differs from it:
//!
//! | | written | read |
//! |---|---|---|
//! | names | as in the .proto files (`agent_id`), in their order | the same; other keys are ignored |
//! | enums | by name | by name; a name that this schema does not know leaves an optional field unset, is left out of a repeated one, and is an error in a required one |
//! | integers, 64-bit ones too | numbers | numbers, also as strings; out of range or with a fraction is an error |
//! | doubles | numbers, `"Infinity"`, `"-Infinity"`; NaN is an error | numbers, also as strings, and the two words |
//! | bools | `true`, `false` | also as strings |
//! | bytes | base64 with padding | padding may be missing, white space is ignored, the URL-safe alphabet is an error |
//! | optional fields | if set, or if the schema declares a default and does not call the field deprecated | `null` is the same as unset |
//! | repeated fields | unless empty | an array, in which `null` is passed over, or one element alone |
//! | maps | objects with the keys in order, unless empty | objects |
//! | the fields of a oneof | as if they stood in the message itself | the same; the last one given wins |
//! | required fields | always | if missing or `null`, an error that names it |
//!
//! An enum number without a name here can have come over protobuf from a newer Mesos. It has no
//! form in JSON: a required field with one is an error, elsewhere it is taken as unset, which is
//! what Mesos makes of it too.
//!
//! A message has to arrive as a whole: reading needs a self-describing format and is meant for
//! `serde_json` alone.
//!
//! The rules come from Mesos' 3rdparty/stout: protobuf.hpp, jsonify.hpp, json.hpp, base64.hpp.
// `codec` is one value's form, `field` what the label of a field adds, `message` the whole, and
// `tables`, which is generated, the list of what each message holds.

mod codec;
mod field;
mod message;
mod number;
#[cfg(test)]
mod round_trip;
#[path = "../generated/json.rs"]
mod tables;
