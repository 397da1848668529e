//! Refusals.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use mesos_core::{ErrorKind, error_chain};

use super::line;
use crate::wire::answer::{Answer, Purpose, refusal};

/// The limit for the length of a message, in bytes: a reason is truncated after 500 characters of at
/// most four bytes.
const LONGEST: usize = 4096;

/// Builds the error for any answer: one byte is the purpose, two are the status, a line is the
/// content type, another line the Location, and the rest is the body.
///
/// # Panics
/// If the message is longer than the limit or contains a control character.
pub fn answer(data: &[u8]) {
    let [purpose, high, low, rest @ ..] = data else {
        return;
    };
    let Ok(status) = StatusCode::from_u16(u16::from_be_bytes([*high, *low])) else {
        return;
    };
    let (kind, rest) = line(rest);
    let (location, body) = line(rest);
    let mut headers = HeaderMap::new();
    for (name, value) in [(header::CONTENT_TYPE, kind), (header::LOCATION, location)] {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.insert(name, value);
        }
    }
    let answer = Answer {
        status,
        headers,
        body: Bytes::copy_from_slice(body),
        fault: None,
        advice: None,
    };
    let (purpose, path) = match purpose % 4 {
        0 => (Purpose::Subscribe, "/api/v1/scheduler"),
        1 => (Purpose::Call, "/api/v1/scheduler"),
        2 => (Purpose::Call, "/api/v1/executor"),
        _ => (Purpose::Operator, "/api/v1"),
    };
    let peer = "http://10.0.0.1:5050".parse().expect("an address");
    let error = refusal("KILL", purpose, &peer, path, &answer);
    assert_eq!(error.status(), Some(status.as_u16()));
    let retry = error.is_retryable();
    assert!(
        !retry || !matches!(error.kind(), ErrorKind::Rejected | ErrorKind::Forbidden),
        "{error:?}"
    );
    let text = error_chain(&error);
    assert!(text.len() <= LONGEST, "{} bytes", text.len());
    assert!(!text.contains(char::is_control), "{text:?}");
}
