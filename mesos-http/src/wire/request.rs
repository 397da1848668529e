//! The head of a request.

use http::HeaderValue;
use mesos_core::Endpoint;

use super::codec::Codec;

/// The header that identifies the subscription of a call.
pub(crate) const STREAM_ID: &str = "mesos-stream-id";

/// The head of a POST to `path` (without the prefix of the endpoint), up to the value of
/// Content-Length.
pub(crate) fn head(
    endpoint: &Endpoint,
    path: &str,
    codec: Codec,
    authorization: Option<&HeaderValue>,
    stream_id: Option<&HeaderValue>,
) -> Vec<u8> {
    let path = endpoint.join(path);
    let codec = codec.media_type();
    let mut head = Vec::new();
    let mut field = |name: &str, value: &[u8]| {
        head.extend_from_slice(name.as_bytes());
        head.extend_from_slice(value);
        head.extend_from_slice(b"\r\n");
    };
    field("POST ", format!("{path} HTTP/1.1").as_bytes());
    field("host: ", endpoint.authority().as_bytes());
    field("accept: ", codec.as_bytes());
    field("content-type: ", codec.as_bytes());
    if let Some(authorization) = authorization {
        field("authorization: ", authorization.as_bytes());
    }
    if let Some(id) = stream_id {
        field(&format!("{STREAM_ID}: "), id.as_bytes());
    }
    head.extend_from_slice(b"content-length: ");
    head
}
