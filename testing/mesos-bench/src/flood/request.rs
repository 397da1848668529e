//! Requests in a buffer, one after the other, as pipelining clients send them.

use std::borrow::Cow;

/// The maximum size of a body.
const MOST_BYTES: usize = 64 << 20;

/// A complete request.
#[derive(Debug)]
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) content_type: Option<&'a [u8]>,
    pub(super) accept: Option<&'a str>,
    pub(super) stream_id: Option<&'a [u8]>,
    /// `Connection: close`.
    pub(super) close: bool,
    pub(super) body: Cow<'a, [u8]>,
    /// The size of the request in the buffer, in bytes.
    pub(super) size: usize,
}

/// The bytes are not HTTP that this server understands.
#[derive(Debug)]
pub(super) struct NotHttp;

enum Length {
    Bytes(usize),
    Chunked,
}

/// Returns the first request in `buffer`; `None` if it is incomplete.
pub(super) fn first(buffer: &[u8]) -> Result<Option<Request<'_>>, NotHttp> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut head = httparse::Request::new(&mut headers);
    let start = match head.parse(buffer) {
        Ok(httparse::Status::Complete(start)) => start,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(NotHttp),
    };
    let mut request = Request {
        method: head.method.unwrap_or_default(),
        path: head.path.unwrap_or_default(),
        content_type: None,
        accept: None,
        stream_id: None,
        close: false,
        body: Cow::Borrowed(&[]),
        size: 0,
    };
    let mut length = Length::Bytes(0);
    for header in head.headers.iter() {
        let name = header.name;
        if name.eq_ignore_ascii_case("content-length") {
            let digits = std::str::from_utf8(header.value).map_err(|_| NotHttp)?;
            let bytes = digits.trim().parse().map_err(|_| NotHttp)?;
            if bytes > MOST_BYTES {
                return Err(NotHttp);
            }
            length = Length::Bytes(bytes);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            length = Length::Chunked;
        } else if name.eq_ignore_ascii_case("content-type") {
            request.content_type = Some(header.value);
        } else if name.eq_ignore_ascii_case("accept") {
            request.accept = std::str::from_utf8(header.value).ok();
        } else if name.eq_ignore_ascii_case("mesos-stream-id") {
            request.stream_id = Some(header.value);
        } else if name.eq_ignore_ascii_case("connection") {
            request.close = header.value.eq_ignore_ascii_case(b"close");
        }
    }
    let rest = &buffer[start..];
    match length {
        Length::Bytes(bytes) => {
            let Some(body) = rest.get(..bytes) else {
                return Ok(None);
            };
            request.body = body.into();
            request.size = start + bytes;
        }
        Length::Chunked => {
            let Some((body, size)) = chunks(rest)? else {
                return Ok(None);
            };
            request.body = body.into();
            request.size = start + size;
        }
    }
    Ok(Some(request))
}

/// Returns a chunked body and its size in the buffer.
fn chunks(buffer: &[u8]) -> Result<Option<(Vec<u8>, usize)>, NotHttp> {
    let mut body = Vec::new();
    let mut at = 0;
    loop {
        let (start, size) = match httparse::parse_chunk_size(&buffer[at..]) {
            Ok(httparse::Status::Complete(found)) => found,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err(NotHttp),
        };
        let size = usize::try_from(size).map_err(|_| NotHttp)?;
        if body.len().saturating_add(size) > MOST_BYTES {
            return Err(NotHttp);
        }
        at += start;
        // The chunk and the line end after it.
        let Some(chunk) = buffer.get(at..at + size + 2) else {
            return Ok(None);
        };
        body.extend_from_slice(&chunk[..size]);
        at += size + 2;
        if size == 0 {
            return Ok(Some((body, at)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pipelined_requests_are_split_at_their_ends() {
        let one = b"POST /api/v1/scheduler HTTP/1.1\r\nContent-Length: 3\r\nMesos-Stream-Id: 7\r\n\r\nabc";
        let two = b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\nde\r\n1\r\nf\r\n0\r\n\r\n";
        let both = [&one[..], two].concat();
        let first = super::first(&both).expect("is HTTP").expect("is whole");
        assert_eq!((&first.body[..], first.size), (&b"abc"[..], one.len()));
        assert_eq!(first.stream_id, Some(&b"7"[..]));
        assert!(!first.close);
        let second = super::first(&both[one.len()..]).expect("is HTTP");
        let second = second.expect("is whole");
        assert_eq!((&second.body[..], second.size), (&b"def"[..], two.len()));
        assert!(second.close);
    }

    #[test]
    fn an_incomplete_request_is_none_and_an_invalid_one_is_an_error() {
        let whole = b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n0\r\n\r\n";
        for end in 0..whole.len() {
            assert!(matches!(first(&whole[..end]), Ok(None)), "{end}");
        }
        assert!(first(b"\x16\x03\x01\x00\x00").is_err());
        assert!(first(b"POST /x HTTP/1.1\r\nContent-Length: -1\r\n\r\n").is_err());
    }
}
