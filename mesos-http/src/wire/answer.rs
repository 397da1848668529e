//! Reading answers that are not a stream, and the errors for refusals.
//!
//! `Http::scheduler` in src/master/http.cpp and `Http::executor` in src/slave/http.cpp define the
//! order of Mesos' checks and the texts.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Body;
use mesos_core::{Delivery, Error, ErrorKind};

use crate::transport::patience::timeout;
use mesos_core::Endpoint;

/// How much of a refusal is read, in bytes. A reason from Mesos is one line.
pub(crate) const REASON_LIMIT: u64 = 8 << 10;

/// The number of characters of a reason in a message.
const SHOWN: usize = 500;

/// A response with its body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// Incomplete if there is a `fault`.
    pub(crate) body: Bytes,
    /// Why the body is incomplete. Without a fault, the connection can be reused.
    pub(crate) fault: Option<Error>,
    /// The advice for a 401.
    pub(crate) advice: Option<String>,
}

impl Answer {
    /// Reads at most `limit` bytes of the body, for at most `time_limit`.
    pub(crate) async fn read<B>(
        peer: &Endpoint,
        response: Response<B>,
        limit: u64,
        time_limit: Duration,
    ) -> Self
    where
        B: Body<Data = Bytes, Error: std::error::Error + Send + Sync + 'static> + Unpin,
    {
        let (head, mut incoming) = response.into_parts();
        let mut body = BytesMut::new();
        let reading = async {
            while let Some(frame) = incoming.frame().await {
                let frame = frame.map_err(|source| {
                    Error::new(
                        ErrorKind::Transport,
                        format!("the connection to {peer} broke while its answer was read"),
                    )
                    .with_source(source)
                })?;
                let Ok(data) = frame.into_data() else {
                    continue;
                };
                let room = limit.saturating_sub(body.len() as u64);
                if data.len() as u64 > room {
                    // The start of a long reason is still useful.
                    body.extend_from_slice(&data[..room as usize]);
                    return Err(Error::new(
                        ErrorKind::Protocol,
                        format!(
                            "the answer of {peer} is longer than the limit of {limit} bytes; if \
                             the peer is Mesos, raise the limit (`max_record_size`)"
                        ),
                    ));
                }
                body.extend_from_slice(&data);
            }
            Ok(())
        };
        let fault = match timeout(time_limit, reading).await {
            Ok(result) => result.err(),
            Err(_) => Some(Error::new(
                ErrorKind::Timeout,
                format!("{peer} did not complete its answer within {time_limit:?}"),
            )),
        };
        Self {
            status: head.status,
            headers: head.headers,
            body: body.freeze(),
            // The request arrived, so it may have taken effect.
            fault: fault.map(|error| error.with_delivery(Delivery::Unknown)),
            advice: None,
        }
    }

    /// The reason in the body, for a message.
    fn reason(&self) -> String {
        let html = media_type(&self.headers).is_some_and(|found| found == "text/html");
        if html {
            return ": (an HTML page)".to_owned();
        }
        let text = String::from_utf8_lossy(&self.body);
        let text = text.trim();
        if text.is_empty() {
            return String::new();
        }
        format!(": {}", clean(text))
    }
}

/// Text from a peer, for a message: of limited length, and on one line.
pub(crate) fn clean(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .take(SHOWN)
        .map(|found| if found.is_control() { ' ' } else { found })
        .collect();
    if text.chars().nth(SHOWN).is_some() {
        shown += " …";
    }
    shown
}

/// The media type of a response, in lower case and without parameters.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let essence = value.split(';').next().unwrap_or_default();
    Some(essence.trim().to_ascii_lowercase())
}

/// The purpose of a request: it determines what a status means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// SUBSCRIBE.
    Subscribe,
    /// A call of a subscription.
    Call,
    /// A call of the operator API.
    Operator,
}

/// The error for `answer` to the call with the name `what`.
pub(crate) fn refusal(
    what: &str,
    purpose: Purpose,
    peer: &Endpoint,
    path: &str,
    answer: &Answer,
) -> Error {
    use ErrorKind::*;
    let status = answer.status;
    let reason = answer.reason();
    let answered = format!("{peer} answered {what} with {status}{reason}");
    let (kind, message) = match status.as_u16() {
        _ if purpose == Purpose::Call && is_unknown_subscription(status, &reason) => {
            (NotSubscribed, answered)
        }
        307 | 308 => (
            NotLeader,
            format!("{answered}; it is not the leader any more"),
        ),
        300..400 => {
            let to = answer.headers.get(header::LOCATION);
            let to = to.map(|to| clean(&String::from_utf8_lossy(to.as_bytes())));
            let to = to.map(|to| format!(" to {to:?}")).unwrap_or_default();
            (Protocol, format!("{answered}{to}; is the peer Mesos?"))
        }
        401 => (
            Unauthorized,
            match &answer.advice {
                Some(advice) => format!("{answered}; {advice}"),
                None => answered,
            },
        ),
        // Mesos gives its reasons as plain text, so a page is from a proxy. After a first
        // subscription the driver retries.
        400 | 402 | 403 | 405..=407 | 409..=428 | 430..500 if html(answer) => {
            (Protocol, format!("{answered}; is the peer Mesos?"))
        }
        400 if purpose == Purpose::Subscribe && reason.contains(NOT_MY_CALL) => (
            Rejected,
            format!("{answered}; is this the address of an agent instead of a master?"),
        ),
        403 => (Forbidden, answered),
        // A file that does not exist, and the like.
        404 if purpose == Purpose::Operator && !no_route(answer) => (Rejected, answered),
        404 => (
            Unavailable,
            format!(
                "{peer} does not serve {path} ({status}); either it has just started, or the address \
                 lacks a prefix, or the peer is not a Mesos{}",
                if path.ends_with("executor") {
                    " agent"
                } else {
                    " master"
                },
            ),
        ),
        405 => (Protocol, format!("{answered}; is the peer Mesos?")),
        501 if !html(answer) => (
            Rejected,
            format!("{answered}; this version of Mesos does not support {what}"),
        ),
        501 => (Protocol, format!("{answered}; is the peer Mesos?")),
        408 | 429 | 500 | 502..600 => (Unavailable, answered),
        400..500 => (Rejected, answered),
        _ => (
            Protocol,
            format!("{answered}; unexpected response, is the peer Mesos?"),
        ),
    };
    let error = Error::new(kind, message).with_status(status.as_u16());
    match status.as_u16() {
        404 if kind == Unavailable => error.with_configuration(),
        // A proxy may have passed the request on before it failed.
        500 | 502 | 504 => error.with_delivery(Delivery::Unknown),
        // A proxy does not pass on what it refuses.
        400..500 if html(answer) => error.with_delivery(Delivery::Refused),
        _ => error,
    }
}

fn html(answer: &Answer) -> bool {
    media_type(&answer.headers).is_some_and(|found| found == "text/html")
}

/// Whether a 404 is about the path of the API, and not about an object in the call. libprocess sends
/// this body for a route that does not exist (`NotFound` in process/http.hpp). The handlers send a
/// reason, or an empty body for a file.
fn no_route(answer: &Answer) -> bool {
    html(answer) || answer.body.starts_with(b"404 Not Found")
}

/// What an agent answers to a call of the scheduler API, and a master to a call of the executor API:
/// each decodes the calls of its own operator API (`src/slave/http.cpp`, `src/master/http.cpp`).
const NOT_MY_CALL: &str = "Failed to parse body into";

/// Whether the text of a refusal means that Mesos does not know the subscription of the call.
fn is_unknown_subscription(status: StatusCode, reason: &str) -> bool {
    let texts: &[&str] = match status.as_u16() {
        400 => &["cannot be found", "stream ID", "Mesos-Stream-Id"],
        403 => &["is not subscribed", "is not connected via HTTP"],
        _ => &[],
    };
    texts.iter().any(|text| reason.contains(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(purpose: Purpose, status: u16, kind: &str, body: &str) -> Error {
        let mut headers = HeaderMap::new();
        if let Ok(kind) = kind.parse() {
            headers.insert(header::CONTENT_TYPE, kind);
        }
        let answer = Answer {
            status: StatusCode::from_u16(status).expect("a status"),
            headers,
            body: Bytes::copy_from_slice(body.as_bytes()),
            fault: None,
            advice: None,
        };
        let peer = "http://m:5050".parse().expect("an address");
        refusal("KILL", purpose, &peer, "/api/v1/scheduler", &answer)
    }

    #[test]
    fn each_status_has_a_kind_and_a_delivery_and_may_be_retryable() {
        use Delivery::{Refused, Unknown};
        use ErrorKind::*;
        for (status, body, kind, delivery, retryable) in [
            (307, "", NotLeader, Refused, true),
            (302, "", Protocol, Unknown, true),
            (
                400,
                "Failed to validate scheduler::Call: no",
                Rejected,
                Refused,
                false,
            ),
            (
                400,
                "Framework cannot be found",
                NotSubscribed,
                Refused,
                true,
            ),
            (
                400,
                "The stream ID 'x' included in this request didn't match",
                NotSubscribed,
                Refused,
                true,
            ),
            (
                400,
                "All non-subscribe calls should include the 'Mesos-Stream-Id' header",
                NotSubscribed,
                Refused,
                true,
            ),
            (401, "", Unauthorized, Refused, false),
            (
                403,
                "Framework is not subscribed",
                NotSubscribed,
                Refused,
                true,
            ),
            (
                403,
                "Framework is not connected via HTTP",
                NotSubscribed,
                Refused,
                true,
            ),
            (403, "Not authorized", Forbidden, Refused, false),
            (404, "", Unavailable, Refused, true),
            (405, "", Protocol, Unknown, true),
            (406, "", Rejected, Refused, false),
            (413, "", Rejected, Refused, false),
            (415, "", Rejected, Refused, false),
            (429, "", Unavailable, Refused, true),
            (500, "", Unavailable, Unknown, true),
            (501, "", Rejected, Refused, false),
            (502, "", Unavailable, Unknown, true),
            (
                503,
                "Master has not finished recovery",
                Unavailable,
                Refused,
                true,
            ),
            (504, "", Unavailable, Unknown, true),
            (204, "", Protocol, Unknown, true),
        ] {
            let error = error(Purpose::Call, status, "text/plain", body);
            assert_eq!(
                (
                    error.kind(),
                    error.delivery(),
                    error.is_retryable(),
                    error.status()
                ),
                (kind, delivery, retryable, Some(status)),
                "{status} {body}"
            );
        }
    }

    #[test]
    fn a_missing_file_and_a_missing_api_are_distinguished() {
        let kind = |body| error(Purpose::Operator, 404, "text/plain", body).kind();
        assert_eq!(kind(""), ErrorKind::Rejected);
        assert_eq!(kind("Container x cannot be found"), ErrorKind::Rejected);
        assert_eq!(kind("404 Not Found."), ErrorKind::Unavailable);
    }

    #[test]
    fn a_text_about_an_unknown_subscription_counts_only_within_a_subscription() {
        for purpose in [Purpose::Subscribe, Purpose::Operator] {
            let error = error(purpose, 400, "text/plain", "Framework cannot be found");
            assert_eq!(error.kind(), ErrorKind::Rejected);
        }
    }

    #[test]
    fn the_address_of_an_agent_is_recognized() {
        let text = "Failed to parse body into a protobuf object";
        let error = error(Purpose::Subscribe, 400, "text/plain", text);
        assert_eq!(error.kind(), ErrorKind::Rejected);
        let error = error.to_string();
        assert!(
            error.ends_with("is this the address of an agent instead of a master?"),
            "{error}"
        );
    }

    #[test]
    fn a_refusal_quotes_the_reason_from_mesos() {
        assert_eq!(
            error(
                Purpose::Call,
                400,
                "text/plain; charset=utf-8",
                "Expecting 'task_id'\n"
            )
            .to_string(),
            "http://m:5050 answered KILL with 400 Bad Request: Expecting 'task_id'"
        );
        assert_eq!(
            error(Purpose::Subscribe, 503, "", "").to_string(),
            "http://m:5050 answered KILL with 503 Service Unavailable"
        );
    }

    #[test]
    fn a_long_or_html_reason_or_one_with_control_characters_is_shortened() {
        let long = error(Purpose::Call, 400, "text/plain", &"ä".repeat(10_000)).to_string();
        assert!(
            long.ends_with("ää …") && long.chars().count() < 600,
            "{long}"
        );
        let dirty = error(Purpose::Call, 400, "text/plain", "a\u{1b}[2Jb\0").to_string();
        assert!(dirty.ends_with("a [2Jb "), "{dirty:?}");
        let html = error(Purpose::Call, 400, "text/html", "<h1>Bad</h1>").to_string();
        assert!(
            html.ends_with("400 Bad Request: (an HTML page); is the peer Mesos?"),
            "{html}"
        );
    }

    #[test]
    fn a_missing_api_is_an_error_that_says_what_to_check() {
        assert_eq!(
            error(Purpose::Subscribe, 404, "text/html", "<p>").to_string(),
            "http://m:5050 does not serve /api/v1/scheduler (404 Not Found); either it has just \
             started, or the address lacks a prefix, or the peer is not a Mesos master"
        );
    }
}
