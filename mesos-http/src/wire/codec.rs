//! The two encodings of the v1 API, and the media types that name them.

use bytes::Bytes;
use http::HeaderValue;
use mesos_core::{BoxError, Error, ErrorKind, Result};
use mesos_proto::lossy::{self, HasText};

/// How messages are encoded.
///
/// Mesos compares the media type byte for byte, without parameters, and answers
/// in JSON as soon as JSON is acceptable; so requests name one type only
/// (`Http::scheduler` in src/master/http.cpp).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Codec {
    /// `application/x-protobuf`: smaller, faster, and keeps fields that this
    /// schema lacks visible in the raw bytes.
    #[default]
    Protobuf,
    /// `application/json`, in Mesos' own mapping
    /// ([`mesos_proto::json`](mesos_proto::json)): readable in a packet dump,
    /// and two to three times as long.
    #[cfg(feature = "json")]
    Json,
}

/// What a [`Codec`] can carry.
#[cfg(not(feature = "json"))]
pub(crate) trait Wire: HasText {}

#[cfg(not(feature = "json"))]
impl<M: HasText> Wire for M {}

/// What a [`Codec`] can carry.
#[cfg(feature = "json")]
pub(crate) trait Wire: HasText + serde::Serialize + serde::de::DeserializeOwned {}

#[cfg(feature = "json")]
impl<M: HasText + serde::Serialize + serde::de::DeserializeOwned> Wire for M {}

impl Codec {
    /// The media type, as it stands in `Content-Type` and `Accept`.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            #[cfg(feature = "json")]
            Self::Json => "application/json",
        }
    }

    pub(crate) fn header(self) -> HeaderValue {
        HeaderValue::from_static(self.media_type())
    }

    pub(crate) fn encode(self, message: &impl Wire) -> Result<Bytes> {
        match self {
            Self::Protobuf => Ok(message.encode_to_vec().into()),
            #[cfg(feature = "json")]
            Self::Json => serde_json::to_vec(message)
                .map(Bytes::from)
                .map_err(|source| {
                    let message = "the message has a value that JSON has no form for";
                    Error::new(ErrorKind::Config, message).with_source(source)
                }),
        }
    }

    /// The message in `bytes`; `what` names it in the error.
    ///
    /// Text that is not UTF-8 is replaced and told of in the log: Mesos passes
    /// it on in both encodings (`JSON::StringWriter` in stout's jsonify.hpp
    /// validates nothing), and an update that was refused for it would be sent
    /// again for ever.
    pub(crate) fn decode<M: Wire>(self, bytes: Bytes, what: &str) -> Result<M> {
        self.decode_boxed(bytes, what).map(|message| *message)
    }

    /// As [`decode`](Self::decode), for what is large and goes through many
    /// hands.
    pub(crate) fn decode_boxed<M: Wire>(self, bytes: Bytes, what: &str) -> Result<Box<M>> {
        let size = bytes.len();
        let (message, name): (Result<Box<M>, BoxError>, _) = match self {
            Self::Protobuf => {
                let mut message = Box::<M>::default();
                let decoded = lossy::decode_into(message.as_mut(), bytes).map(|replaced| {
                    tell(what, &replaced);
                    message
                });
                (decoded.map_err(Into::into), "protobuf")
            }
            // An answer without a body is an empty message in both encodings.
            #[cfg(feature = "json")]
            Self::Json if bytes.is_empty() => (Ok(Box::default()), "JSON"),
            #[cfg(feature = "json")]
            Self::Json => {
                let decoded = json(&bytes, what).map(Box::new);
                (decoded.map_err(Into::into), "JSON")
            }
        };
        message.map_err(|source| {
            Error::new(
                ErrorKind::Decode,
                format!("cannot decode {what} as {name} ({size} bytes)"),
            )
            .with_source(source)
        })
    }
}

/// Tells which fields have text that was replaced.
fn tell(what: &str, replaced: &[String]) {
    if !replaced.is_empty() {
        let fields = replaced.join(", ");
        tracing::warn!(
            fields,
            "text in {what} is not UTF-8; what is not was replaced"
        );
    }
}

#[cfg(feature = "json")]
fn json<M: Wire>(bytes: &[u8], what: &str) -> serde_json::Result<M> {
    let Err(_) = std::str::from_utf8(bytes) else {
        return serde_json::from_slice(bytes);
    };
    // Bytes are base64 there, so only text can have been meant.
    let text = String::from_utf8_lossy(bytes);
    let message = serde_json::from_str(&text)?;
    let mut replaced = Vec::new();
    if let Ok(value) = serde_json::from_str(&text) {
        find_replaced(&value, &mut Vec::new(), &mut replaced);
    }
    tell(what, &replaced);
    Ok(message)
}

/// The fields in which something was replaced, by now or before.
#[cfg(feature = "json")]
fn find_replaced<'a>(
    value: &'a serde_json::Value,
    path: &mut Vec<&'a str>,
    found: &mut Vec<String>,
) {
    use serde_json::Value;
    match value {
        Value::String(text) if text.contains(char::REPLACEMENT_CHARACTER) => {
            let path = path.join(".");
            if !found.contains(&path) {
                found.push(path);
            }
        }
        Value::Array(items) => {
            for item in items {
                find_replaced(item, path, found);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                path.push(name);
                find_replaced(field, path, found);
                path.pop();
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use mesos_proto::v1;

    use super::*;

    #[test]
    fn the_media_type_is_byte_for_byte_what_mesos_compares_with() {
        assert_eq!(Codec::Protobuf.header(), "application/x-protobuf");
        assert_eq!(Codec::Json.header(), "application/json");
    }

    #[test]
    fn an_empty_answer_is_an_empty_message_in_both_encodings() {
        for codec in [Codec::Protobuf, Codec::Json] {
            let response: v1::master::Response =
                codec.decode(Bytes::new(), "nothing").expect("empty");
            assert_eq!(response, v1::master::Response::default());
        }
    }

    #[test]
    fn what_json_cannot_say_is_refused_before_it_is_sent() {
        let filters = v1::Filters {
            refuse_seconds: Some(f64::NAN),
        };
        let error = Codec::Json.encode(&filters).expect_err("NaN");
        assert_eq!(error.kind(), ErrorKind::Config);
        Codec::Protobuf.encode(&filters).expect("protobuf can");
    }

    /// An event as Mesos sends it whose text is not UTF-8.
    fn spoiled(codec: Codec) -> Bytes {
        const GOOD: &str = "text";
        let event = event(GOOD);
        let mut bytes = codec.encode(&event).expect("bytes").to_vec();
        let mut windows = bytes.windows(GOOD.len());
        let at = windows.position(|part| part == GOOD.as_bytes());
        bytes[at.expect("the text")..][..GOOD.len()].copy_from_slice(b"t\xfft\xe2");
        bytes.into()
    }

    fn event(text: &str) -> v1::scheduler::Event {
        v1::scheduler::Event {
            r#type: Some(v1::scheduler::event::Type::Update as i32),
            update: Some(v1::scheduler::event::Update {
                status: v1::TaskStatus {
                    message: Some(text.to_owned()),
                    uuid: Some(Bytes::from_static(b"\xff\xfe23456789abcdef")),
                    data: Some(Bytes::from_static(b"\x0a\x01\xff")),
                    ..v1::TaskStatus::new("t", v1::TaskState::TaskFailed)
                },
            }),
            ..Default::default()
        }
    }

    #[test]
    fn text_that_is_not_utf_8_is_replaced_and_its_field_named_and_bytes_stay_as_they_are() {
        // While there is one alone, tracing asks only the thread that comes to an event first whether
        // anybody wants it, and that can be another test's.
        let _second = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default());
        let output = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        for codec in [Codec::Protobuf, Codec::Json] {
            let sink = std::sync::Arc::clone(&output);
            let log = tracing_subscriber::fmt().with_writer(move || Sink(sink.clone()));
            tracing::subscriber::with_default(log.finish(), || {
                let found: v1::scheduler::Event = codec.decode(spoiled(codec), "it").expect("it");
                assert_eq!(found, event("t\u{fffd}t\u{fffd}"), "{codec:?}");
            });
            let mut output = output.lock().expect("the output");
            let text = String::from_utf8(std::mem::take(&mut *output)).expect("text");
            assert!(text.contains("WARN"), "{text}");
            assert!(text.contains("update.status.message"), "{text}");
            assert!(!text.contains("t\u{fffd}t"), "{text}");
        }
    }

    struct Sink(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

    impl std::io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("the output").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn bytes_that_are_no_message_are_an_error_that_says_of_what() {
        let error = Codec::Protobuf
            .decode::<v1::scheduler::Event>(Bytes::from_static(b"\xff\xff"), "event")
            .expect_err("garbage");
        assert_eq!(error.kind(), ErrorKind::Decode);
        assert_eq!(
            error.to_string(),
            "cannot decode event as protobuf (2 bytes)"
        );
        let error = Codec::Json
            .decode::<v1::scheduler::Event>(Bytes::from_static(b"{"), "event")
            .expect_err("garbage");
        assert_eq!(error.kind(), ErrorKind::Decode);
        assert_eq!(error.to_string(), "cannot decode event as JSON (1 bytes)");
    }
}
