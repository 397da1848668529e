//! The two encodings and the RecordIO framing, from the server's side. Written independently of the
//! driver's codec, so that the two cannot share a bug.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The media type of [`Encoding::Json`].
pub const JSON: &str = "application/json";
/// The media type of [`Encoding::Protobuf`].
pub const PROTOBUF: &str = "application/x-protobuf";

/// How the events of a stream are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// `application/json`, in Mesos's own mapping.
    Json,
    /// `application/x-protobuf`.
    Protobuf,
}

impl Encoding {
    /// Its media type: [`JSON`] or [`PROTOBUF`].
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Json => JSON,
            Self::Protobuf => PROTOBUF,
        }
    }

    /// Encodes one event, without the RecordIO framing.
    pub fn encode(self, event: &(impl Message + Serialize)) -> Vec<u8> {
        match self {
            Self::Protobuf => event.encode_to_vec(),
            // Fails only for values without a JSON form, such as NaN. A real Mesos writes invalid
            // JSON then.
            Self::Json => serde_json::to_vec(event).unwrap_or_else(|error| {
                tracing::error!(%error, "cannot encode an event as JSON");
                b"null".to_vec()
            }),
        }
    }

    /// Decodes an event of a real Mesos. `None` if the record is invalid.
    pub fn decode<E: Message + Default + DeserializeOwned>(self, record: &[u8]) -> Option<E> {
        match self {
            Self::Protobuf => E::decode(record).ok(),
            Self::Json => serde_json::from_slice(record).ok(),
        }
    }

    /// The first media type that `Accept` allows, JSON first, regardless of weights
    /// (`Http::scheduler` in src/master/http.cpp, `Http::executor` in src/slave/http.cpp).
    pub fn acceptable(accept: Option<&str>) -> Option<Self> {
        [Self::Json, Self::Protobuf]
            .into_iter()
            .find(|encoding| accepts(accept, encoding.media_type()))
    }
}

/// `Request::acceptsMediaType` in libprocess's src/http.cpp.
fn accepts(accept: Option<&str>, media_type: &str) -> bool {
    let Some(accept) = accept else {
        return true;
    };
    let accept: String = accept
        .chars()
        .filter(|c| !matches!(c, ' ' | '\t' | '\n'))
        .collect();
    let kind = media_type.split('/').next().unwrap_or_default();
    // The most specific match decides. Its weight matters only if it is 0.
    for candidate in [media_type, &format!("{kind}/*"), "*/*"] {
        for item in accept.split(',') {
            let mut parts = item.split(';').filter(|part| !part.is_empty());
            if !parts
                .next()
                .is_some_and(|found| found.eq_ignore_ascii_case(candidate))
            {
                continue;
            }
            let zero = parts
                .filter_map(|part| part.strip_prefix("q="))
                .filter_map(|weight| weight.parse::<f64>().ok())
                .any(|weight| weight == 0.0);
            return !zero;
        }
    }
    false
}

/// Decodes a call. `None` if the `Content-Type` is not exactly one of the two media types.
pub(crate) fn decode<C: Message + Default + DeserializeOwned>(
    content_type: &str,
    body: &Bytes,
) -> Option<Result<C, String>> {
    match content_type {
        PROTOBUF => Some(
            C::decode(body.clone())
                .map_err(|_| "Failed to parse body into Call protobuf".to_owned()),
        ),
        JSON => Some(match serde_json::from_slice::<serde_json::Value>(body) {
            Err(error) => Err(format!("Failed to parse body into JSON: {error}")),
            Ok(value) => serde_json::from_value(value)
                .map_err(|error| format!("Failed to convert JSON into Call protobuf: {error}")),
        }),
        _ => None,
    }
}

/// Frames a record as RecordIO does.
pub(crate) fn frame(record: &[u8]) -> Bytes {
    let length = record.len().to_string();
    let mut framed = BytesMut::with_capacity(length.len() + 1 + record.len());
    framed.put_slice(length.as_bytes());
    framed.put_u8(b'\n');
    framed.put_slice(record);
    framed.freeze()
}

/// Removes the first complete record from the buffer.
pub(crate) fn next_record(unread: &mut BytesMut) -> Option<Bytes> {
    let end = unread.iter().position(|byte| *byte == b'\n')?;
    let length: usize = std::str::from_utf8(&unread[..end]).ok()?.parse().ok()?;
    if unread.len() < end + 1 + length {
        return None;
    }
    unread.advance(end + 1);
    Some(unread.split_to(length).freeze())
}

#[cfg(test)]
mod tests {
    use super::*;
    use mesos_proto::v1::scheduler::Call;

    #[test]
    fn json_is_preferred_and_weights_can_only_exclude_a_type() {
        use Encoding::{Json, Protobuf};
        for (accept, chosen) in [
            (None, Some(Json)),
            (Some("*/*"), Some(Json)),
            (Some("application/*"), Some(Json)),
            (Some("application/x-protobuf"), Some(Protobuf)),
            (Some("application/x-protobuf, application/json"), Some(Json)),
            (
                Some("application/x-protobuf;q=1,application/json;q=0.1"),
                Some(Json),
            ),
            (
                Some("application/json;q=0, application/x-protobuf"),
                Some(Protobuf),
            ),
            (Some("Application/JSON"), Some(Json)),
            (Some("application/recordio"), None),
            (Some("text/html"), None),
            (Some("application/json;q=0.0"), None),
        ] {
            assert_eq!(Encoding::acceptable(accept), chosen, "{accept:?}");
        }
    }

    #[test]
    fn a_content_type_with_parameters_or_other_case_is_invalid() {
        let body = Bytes::from_static(b"{}");
        assert!(decode::<Call>(JSON, &body).is_some());
        for other in [
            "application/json; charset=utf-8",
            "Application/Json",
            "application/recordio",
        ] {
            assert!(decode::<Call>(other, &body).is_none(), "{other}");
        }
    }

    #[test]
    fn a_framed_record_starts_with_its_length() {
        assert_eq!(&frame(b"hello")[..], b"5\nhello");
        assert_eq!(&frame(b"")[..], b"0\n");
    }
}
