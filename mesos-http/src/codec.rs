//! The two encodings of the v1 API, and the media types that name them.

use bytes::Bytes;
use http::HeaderValue;
use mesos_core::{Error, ErrorKind, Result};

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
}

/// What a [`Codec`] can carry.
pub(crate) trait Wire: prost::Message + Default {}

impl<M: prost::Message + Default> Wire for M {}

impl Codec {
    /// The media type, as it stands in `Content-Type` and `Accept`.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
        }
    }

    pub(crate) fn header(self) -> HeaderValue {
        HeaderValue::from_static(self.media_type())
    }

    pub(crate) fn encode(self, message: &impl Wire) -> Result<Bytes> {
        match self {
            Self::Protobuf => Ok(message.encode_to_vec().into()),
        }
    }

    /// The message in `bytes`; `what` names it in the error.
    pub(crate) fn decode<M: Wire>(self, bytes: Bytes, what: &str) -> Result<M> {
        let size = bytes.len();
        match self {
            Self::Protobuf => M::decode(bytes).map_err(|source| {
                Error::new(
                    ErrorKind::Decode,
                    format!("the {size} bytes that should be {what} are no such protobuf message"),
                )
                .with_source(source)
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use mesos_proto::v1;

    use super::*;

    #[test]
    fn the_media_type_is_byte_for_byte_what_mesos_compares_with() {
        assert_eq!(Codec::Protobuf.header(), "application/x-protobuf");
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
    }
}
