//! Parses the answers to calls in the bytes of a connection.

use bytes::{Buf, BytesMut};
use http::{HeaderMap, StatusCode};

use crate::wire::answer::REASON_LIMIT;
use crate::wire::framing::{self, Garbage, Rest};

/// A longer 202 is not remembered, in bytes. The one of libprocess has 82.
const REMEMBERED: usize = 1 << 10;

/// One answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    /// Empty for a success.
    pub(super) headers: HeaderMap,
    /// At most the first `REASON_LIMIT` bytes.
    pub(super) body: Vec<u8>,
    /// Whether the connection ends after this answer.
    pub(super) close: bool,
}

impl Reply {
    /// A 202 without a body, after which the connection stays.
    fn accepted() -> Self {
        Self {
            status: StatusCode::ACCEPTED,
            headers: HeaderMap::new(),
            body: Vec::new(),
            close: false,
        }
    }

    /// Whether this is [`accepted`](Self::accepted), if its body is empty.
    pub(super) fn is_accepted(&self) -> bool {
        self.status == StatusCode::ACCEPTED && self.headers.is_empty() && !self.close
    }
}

/// Parses one answer after the other.
///
/// Nearly all answers are the same 202 without a body, whose date changes once a second. So the
/// bytes of the last such answer are kept, and an answer with the same bytes is not parsed again.
#[derive(Debug, Default)]
pub(super) struct Replies {
    /// The answer whose body is being read.
    open: Option<(Reply, Rest)>,
    /// The bytes of the last complete 202 without a body, or nothing.
    accepted: Vec<u8>,
}

impl Replies {
    /// The next complete answer in `input`. Removes the parsed bytes from `input`.
    pub(super) fn next(&mut self, input: &mut BytesMut) -> Result<Option<Reply>, Garbage> {
        loop {
            match &mut self.open {
                None if !self.accepted.is_empty() && input.starts_with(&self.accepted) => {
                    input.advance(self.accepted.len());
                    return Ok(Some(Reply::accepted()));
                }
                None => match head(input, &mut self.accepted)? {
                    Some((reply, rest)) => self.open = Some((reply, rest)),
                    None => return Ok(None),
                },
                Some((reply, rest)) => {
                    if !read(reply, rest, input)? {
                        return Ok(None);
                    }
                    return Ok(self.open.take().map(|(reply, _)| reply));
                }
            }
        }
    }

    /// The connection has ended: the answer that was started, and whether it is complete.
    pub(super) fn finish(&mut self) -> Option<(Reply, bool)> {
        let (reply, rest) = self.open.take()?;
        Some((reply, rest == Rest::UntilClosed))
    }
}

/// A complete head. `accepted` becomes its bytes if it is a whole 202.
fn head(input: &mut BytesMut, accepted: &mut Vec<u8>) -> Result<Option<(Reply, Rest)>, Garbage> {
    framing::head(input, |status, response, bytes| {
        let (rest, close) = framing::length(status, response)?;
        let headers = match status.is_success() {
            true => HeaderMap::new(),
            false => framing::headers(response),
        };
        let reply = Reply {
            status,
            headers,
            body: Vec::new(),
            close,
        };
        if rest == Rest::Bytes(0) && reply.is_accepted() && bytes.len() <= REMEMBERED {
            accepted.clear();
            accepted.extend_from_slice(bytes);
        }
        Ok((reply, rest))
    })
}

/// Reads the available part of a body; whether the body is complete. Only the start of a long reason
/// is kept.
fn read(reply: &mut Reply, rest: &mut Rest, input: &mut BytesMut) -> Result<bool, Garbage> {
    framing::read(rest, input, |input, size, _| {
        let room = (REASON_LIMIT as usize).saturating_sub(reply.body.len());
        reply.body.extend_from_slice(&input[..size.min(room)]);
        input.advance(size);
        true
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::framing::HEAD_LIMIT;

    /// The status, body and `close` of each answer in `text`, however it is split.
    fn replies(text: &str) -> Result<Vec<(u16, String, bool)>, Garbage> {
        let mut whole = None;
        for size in [text.len().max(1), 7, 1] {
            let mut found = Vec::new();
            let mut replies = Replies::default();
            let mut input = BytesMut::new();
            for piece in text.as_bytes().chunks(size) {
                input.extend_from_slice(piece);
                while let Some(reply) = replies.next(&mut input)? {
                    let body = String::from_utf8_lossy(&reply.body).into_owned();
                    found.push((reply.status.as_u16(), body, reply.close));
                }
            }
            assert_eq!(*whole.get_or_insert(found.clone()), found, "{text:?}");
        }
        Ok(whole.unwrap_or_default())
    }

    #[test]
    fn answers_are_parsed_whatever_determines_their_length() {
        let text = "HTTP/1.1 202 Accepted\r\nDate: x\r\nContent-Length: 0\r\n\r\n\
                    HTTP/1.1 100 Continue\r\n\r\n\
                    HTTP/1.1 400 Bad Request\r\ncontent-length: 3, 3\r\n\r\nno!\
                    HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n\
                    2;x=y\r\nab\r\n1\r\nc\r\n0\r\nSome: trailer\r\n\r\n\
                    HTTP/1.1 204 No Content\r\n\r\n\
                    HTTP/1.0 202 Accepted\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n\r\n\
                    HTTP/1.1 202 Accepted\r\nConnection: x, Close\r\nContent-Length: 1\r\n\r\nx";
        let expected = [
            (202, "", false),
            (400, "no!", false),
            (403, "abc", false),
            (204, "", false),
            (202, "", false),
            (202, "x", true),
        ];
        let expected = expected.map(|(status, body, close)| (status, body.to_owned(), close));
        assert_eq!(replies(text).expect("answers"), expected);
    }

    /// The answers in `bytes`, which arrive in pieces of `size` bytes. Without `memory` each answer
    /// is parsed.
    fn described(bytes: &[u8], size: usize, memory: bool) -> Vec<String> {
        let mut found = Vec::new();
        let mut replies = Replies::default();
        let mut input = BytesMut::new();
        for piece in bytes.chunks(size) {
            input.extend_from_slice(piece);
            loop {
                if !memory {
                    replies.accepted.clear();
                }
                match replies.next(&mut input) {
                    Ok(Some(reply)) => found.push(format!("{reply:?}")),
                    Ok(None) => break,
                    Err(error) => {
                        found.push(error.to_string());
                        return found;
                    }
                }
            }
        }
        found.push(format!("{} bytes and {:?}", input.len(), replies.finish()));
        found
    }

    proptest! {
        #[test]
        fn a_remembered_answer_is_the_parsed_one(
            picks in prop::collection::vec((0_usize..9, 0_u8..3), 1..30),
            size in 1_usize..300,
            damage in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
        ) {
            let mut bytes = Vec::new();
            for (pick, date) in picks {
                let date = format!("Date: Sat, 28 Nov 2026 17:00:0{date} GMT\r\n");
                let rest = [
                    "202 Accepted\r\n@Content-Length: 0\r\n\r\n",
                    "202 Accepted\r\n@Content-Length: 0\r\n\r\n",
                    "202 Accepted\r\n@Content-Length: 0\r\n\r\n",
                    "202 Accepted\r\n@Content-Length: 0\r\nConnection: close\r\n\r\n",
                    "202 Accepted\r\n@Content-Length: 2\r\n\r\nab",
                    "202 Accepted\r\n@Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                    "200 OK\r\n@Content-Length: 0\r\n\r\n",
                    "401 Unauthorized\r\n@Content-Length: 2\r\n\r\nno",
                    "100 Continue\r\n\r\n",
                ][pick];
                bytes.extend(format!("HTTP/1.1 {}", rest.replace('@', &date)).bytes());
            }
            if let Some((at, with)) = damage {
                let at = at.index(bytes.len());
                bytes[at] = with;
            }
            prop_assert_eq!(described(&bytes, size, true), described(&bytes, size, false));
        }
    }

    #[test]
    fn only_an_answer_without_a_length_is_complete_when_the_connection_ends() {
        for (text, status, body, whole) in [
            ("HTTP/1.1 400 Bad Request\r\n\r\nwhy", 400, "why", true),
            (
                "HTTP/1.1 400 Bad Request\r\nContent-Length: 9\r\n\r\nwhy",
                400,
                "why",
                false,
            ),
            (
                "HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n2\r\na",
                202,
                "a",
                false,
            ),
        ] {
            let mut replies = Replies::default();
            let mut input = BytesMut::from(text);
            assert!(replies.next(&mut input).expect("HTTP").is_none(), "{text}");
            let (reply, found) = replies.finish().expect("a head");
            let found = (reply.status.as_u16(), &reply.body[..], found);
            assert_eq!(found, (status, body.as_bytes(), whole), "{text}");
        }
        assert!(Replies::default().finish().is_none());
    }

    #[test]
    fn a_long_reason_is_truncated_and_the_next_answer_is_parsed() {
        let long = "x".repeat(20_000);
        let text = format!(
            "HTTP/1.1 400 Bad Request\r\nContent-Length: 20000\r\n\r\n{long}\
             HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
        );
        let found = replies(&text).expect("answers");
        assert_eq!(found[0].1.len() as u64, REASON_LIMIT);
        assert_eq!(found[1], (202, String::new(), false));
    }

    #[test]
    fn the_headers_of_a_refusal_are_kept() {
        let mut input = BytesMut::from(
            "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\n\
             Content-Length: 0\r\n\r\n",
        );
        let reply = Replies::default().next(&mut input).expect("HTTP");
        let headers = reply.expect("an answer").headers;
        assert_eq!(headers["www-authenticate"], "Basic realm=\"x\"");
    }

    #[test]
    fn an_invalid_answer_is_an_error() {
        for text in [
            "SSH-2.0-OpenSSH\r\n\r\n",
            "HTTP/1.1 101 Switching Protocols\r\n\r\n",
            "HTTP/1.1 202 Accepted\r\nContent-Length: -1\r\n\r\n",
            "HTTP/1.1 202 Accepted\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            "HTTP/1.1 202 Accepted\r\nContent-Length: 99999999999999999999\r\n\r\n",
            "HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
            "HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc",
        ] {
            assert!(replies(text).is_err(), "{text:?}");
        }
        let endless = format!("HTTP/1.1 202 Accepted\r\nX: {}", "x".repeat(HEAD_LIMIT));
        let mut input = BytesMut::from(endless.as_str());
        let error = Replies::default().next(&mut input).expect_err("endless");
        assert!(matches!(error, Garbage::Long), "{error}");
    }
}
