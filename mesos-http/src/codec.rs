//! The two encodings of the v1 API, and the media types that name them.

use bytes::Bytes;
use http::HeaderValue;
use mesos_core::{BoxError, Error, ErrorKind, Result};

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
pub(crate) trait Wire: prost::Message + Default {}

#[cfg(not(feature = "json"))]
impl<M: prost::Message + Default> Wire for M {}

/// What a [`Codec`] can carry.
#[cfg(feature = "json")]
pub(crate) trait Wire:
    prost::Message + Default + serde::Serialize + serde::de::DeserializeOwned
{
}

#[cfg(feature = "json")]
impl<M: prost::Message + Default + serde::Serialize + serde::de::DeserializeOwned> Wire for M {}

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
    pub(crate) fn decode<M: Wire>(self, bytes: Bytes, what: &str) -> Result<M> {
        let size = bytes.len();
        let (message, name): (Result<M, BoxError>, _) = match self {
            Self::Protobuf => (M::decode(bytes).map_err(Into::into), "protobuf"),
            // An answer without a body is an empty message in both encodings.
            #[cfg(feature = "json")]
            Self::Json if bytes.is_empty() => (Ok(M::default()), "JSON"),
            #[cfg(feature = "json")]
            Self::Json => (serde_json::from_slice(&bytes).map_err(Into::into), "JSON"),
        };
        message.map_err(|source| {
            Error::new(
                ErrorKind::Decode,
                format!("the {size} bytes that should be {what} are no such {name} message"),
            )
            .with_source(source)
        })
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

    #[test]
    fn bytes_that_are_no_message_are_an_error_that_says_of_what() {
        let error = Codec::Protobuf
            .decode::<v1::scheduler::Event>(Bytes::from_static(b"\xff\xff"), "an event")
            .expect_err("garbage");
        assert_eq!(error.kind(), ErrorKind::Decode);
        assert_eq!(
            error.to_string(),
            "the 2 bytes that should be an event are no such protobuf message"
        );
        let error = Codec::Json
            .decode::<v1::scheduler::Event>(Bytes::from_static(b"{"), "an event")
            .expect_err("garbage");
        assert_eq!(error.kind(), ErrorKind::Decode);
        assert_eq!(
            error.to_string(),
            "the 1 bytes that should be an event are no such JSON message"
        );
    }
}
