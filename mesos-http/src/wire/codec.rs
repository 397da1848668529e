//! The two encodings of the v1 API, and their media types.

use bytes::Bytes;
use http::HeaderValue;
use mesos_core::{BoxError, Error, ErrorKind, Result};
use mesos_proto::encoded::Encoding;
use mesos_proto::lossy::{self, HasText};

/// The encoding of messages.
///
/// Mesos compares the media type byte for byte, without parameters, and answers in JSON whenever JSON
/// is acceptable. So requests name only one type (`Http::scheduler` in src/master/http.cpp).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Codec {
    /// `application/x-protobuf`: smaller and faster. Fields that this schema lacks stay visible in the
    /// raw bytes.
    #[default]
    Protobuf,
    /// `application/json`, in Mesos' own mapping ([`mesos_proto::json`](mesos_proto::json)): readable
    /// in a packet dump, and two to three times as large.
    #[cfg(feature = "json")]
    Json,
}

/// A message that a [`Codec`] can encode and decode.
#[cfg(not(feature = "json"))]
pub(crate) trait Wire: HasText {}

#[cfg(not(feature = "json"))]
impl<M: HasText> Wire for M {}

/// A message that a [`Codec`] can encode and decode.
#[cfg(feature = "json")]
pub(crate) trait Wire: HasText + serde::Serialize + serde::de::DeserializeOwned {}

#[cfg(feature = "json")]
impl<M: HasText + serde::Serialize + serde::de::DeserializeOwned> Wire for M {}

impl Codec {
    /// The media type for `Content-Type` and `Accept`.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            #[cfg(feature = "json")]
            Self::Json => "application/json",
        }
    }

    /// The encoding of calls that are encoded without a message.
    pub(crate) fn encoding(self) -> Encoding {
        match self {
            Self::Protobuf => Encoding::Protobuf,
            #[cfg(feature = "json")]
            Self::Json => Encoding::Json,
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
                    let message = "the message contains a value that JSON cannot represent";
                    Error::new(ErrorKind::Config, message).with_source(source)
                }),
        }
    }

    /// Decodes the message in `bytes`. `what` names the message in an error.
    ///
    /// Invalid UTF-8 in a text is replaced and logged. Mesos passes such text on in both encodings
    /// (`JSON::StringWriter` in stout's jsonify.hpp does not validate), and an update that was refused
    /// for it would be sent again indefinitely.
    pub(crate) fn decode<M: Wire>(self, bytes: Bytes, what: &str) -> Result<M> {
        self.decode_boxed(bytes, what).map(|message| *message)
    }

    /// Like [`decode`](Self::decode), for a large message that is moved often.
    pub(crate) fn decode_boxed<M: Wire>(self, bytes: Bytes, what: &str) -> Result<Box<M>> {
        let size = bytes.len();
        let (message, name): (Result<Box<M>, BoxError>, _) = match self {
            Self::Protobuf => {
                let mut message = Box::<M>::default();
                let decoded = lossy::decode_into(message.as_mut(), bytes).map(|replaced| {
                    log_replaced(what, &replaced);
                    message
                });
                (decoded.map_err(Into::into), "protobuf")
            }
            // A response without a body is an empty message in both encodings.
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

/// Logs the fields whose text was replaced.
fn log_replaced(what: &str, replaced: &[String]) {
    if !replaced.is_empty() {
        let fields = replaced.join(", ");
        tracing::warn!(fields, "replaced invalid UTF-8 in {what}");
    }
}

#[cfg(feature = "json")]
fn json<M: Wire>(bytes: &[u8], what: &str) -> serde_json::Result<M> {
    // As a text, because serde_json would check each string of bytes again.
    if let Ok(text) = std::str::from_utf8(bytes) {
        return serde_json::from_str(text);
    }
    // JSON has bytes as base64, so the invalid UTF-8 is in a text.
    let text = String::from_utf8_lossy(bytes);
    let message = serde_json::from_str(&text)?;
    let mut replaced = Vec::new();
    if let Ok(value) = serde_json::from_str(&text) {
        find_replaced(&value, &mut Vec::new(), &mut replaced);
    }
    log_replaced(what, &replaced);
    Ok(message)
}

/// The fields that contain a replacement character, whoever put it there.
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
    fn the_media_type_equals_the_one_in_mesos_byte_for_byte() {
        assert_eq!(Codec::Protobuf.header(), "application/x-protobuf");
        assert_eq!(Codec::Json.header(), "application/json");
    }

    #[test]
    fn an_empty_response_is_an_empty_message_in_both_encodings() {
        for codec in [Codec::Protobuf, Codec::Json] {
            let response: v1::master::Response =
                codec.decode(Bytes::new(), "nothing").expect("empty");
            assert_eq!(response, v1::master::Response::default());
        }
    }

    #[test]
    fn a_value_that_json_cannot_represent_is_an_error_before_sending() {
        let filters = v1::Filters {
            refuse_seconds: Some(f64::NAN),
        };
        let error = Codec::Json.encode(&filters).expect_err("NaN");
        assert_eq!(error.kind(), ErrorKind::Config);
        Codec::Protobuf.encode(&filters).expect("protobuf can");
    }

    /// An event from Mesos with invalid UTF-8.
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
    fn invalid_utf_8_in_a_text_is_replaced_and_logged_and_bytes_do_not_change() {
        // With a single dispatcher, tracing caches the interest of the first thread that reaches an
        // event, which may be another test's.
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
    fn bytes_that_cannot_be_decoded_are_an_error_that_names_the_message() {
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
