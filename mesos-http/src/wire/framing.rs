//! The head of an answer, the length of its body, and where the body's data are.
//!
//! An event stream of Mesos has a chunk for each event. Mesos' answer to a call has a Content-Length
//! and no body, or a reason of one line (`HttpResponseEncoder` in libprocess' src/encoder.hpp). A
//! proxy may send any body in chunks, or end the body by closing the connection.

use std::mem::MaybeUninit;

use bytes::{Buf as _, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use httparse::{ParserConfig, Response, Status};

/// The limit for a head, and for a line between chunks, in bytes.
pub(crate) const HEAD_LIMIT: usize = 64 << 10;

/// The limit for the number of headers; libprocess sends two with an answer.
const HEADERS: usize = 100;

/// Why the bytes are not a valid answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Garbage {
    #[error("the head is not HTTP")]
    Head(#[source] httparse::Error),
    #[error("the head is longer than {HEAD_LIMIT} bytes")]
    Long,
    #[error("the status {0} does not end a request")]
    Status(u16),
    #[error("the length of the body is invalid")]
    Length,
    #[error("a chunk of the body is invalid")]
    Chunk,
}

/// How much of a body is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    Bytes(u64),
    /// Inside a chunk: the number of missing bytes, which a line end follows.
    Chunk(u64),
    NextChunk,
    /// The lines after the last chunk.
    Trailers,
    UntilClosed,
}

/// Removes a complete head from `input`. Passes the status, the parsed head and the head's bytes to
/// `open`. Heads with an informational status are skipped.
pub(crate) fn head<T>(
    input: &mut BytesMut,
    open: impl FnOnce(StatusCode, &Response<'_, '_>, &[u8]) -> Result<T, Garbage>,
) -> Result<Option<T>, Garbage> {
    loop {
        let mut headers = [const { MaybeUninit::uninit() }; HEADERS];
        let mut response = Response::new(&mut []);
        let parsed = ParserConfig::default().parse_response_with_uninit_headers(
            &mut response,
            input,
            &mut headers,
        );
        let size = match parsed.map_err(Garbage::Head)? {
            Status::Complete(size) => size,
            Status::Partial if input.len() > HEAD_LIMIT => return Err(Garbage::Long),
            Status::Partial => return Ok(None),
        };
        let code = response.code.unwrap_or_default();
        let status = StatusCode::from_u16(code).map_err(|_| Garbage::Status(code))?;
        if status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(Garbage::Status(code));
        }
        if !status.is_informational() {
            let opened = open(status, &response, &input[..size])?;
            input.advance(size);
            return Ok(Some(opened));
        }
        input.advance(size);
    }
}

/// The valid headers of a head.
pub(crate) fn headers(response: &Response<'_, '_>) -> HeaderMap {
    let valid = response.headers.iter().filter_map(|header| {
        let name = HeaderName::try_from(header.name).ok()?;
        Some((name, HeaderValue::from_bytes(header.value).ok()?))
    });
    let mut headers = HeaderMap::new();
    for (name, value) in valid {
        headers.append(name, value);
    }
    headers
}

/// The length of the body after a head, and whether the connection ends after the body.
pub(crate) fn length(
    status: StatusCode,
    response: &Response<'_, '_>,
) -> Result<(Rest, bool), Garbage> {
    let mut close = response.version == Some(0);
    let mut chunked = None;
    let mut length = None;
    for header in response.headers.iter() {
        let (name, value) = (header.name, header.value);
        if name.eq_ignore_ascii_case("content-length") {
            for value in value.split(|byte| *byte == b',') {
                let announced = number(value.trim_ascii()).ok_or(Garbage::Length)?;
                if length.is_some_and(|length| length != announced) {
                    return Err(Garbage::Length);
                }
                length = Some(announced);
            }
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            // The last coding determines the length (RFC 9112, 6.3).
            let last = value.rsplit(|byte| *byte == b',').next();
            chunked = last.map(|last| last.trim_ascii().eq_ignore_ascii_case(b"chunked"));
        } else if name.eq_ignore_ascii_case("connection") {
            for option in value.split(|byte| *byte == b',') {
                let option = option.trim_ascii();
                if option.eq_ignore_ascii_case(b"close") {
                    close = true;
                } else if option.eq_ignore_ascii_case(b"keep-alive") && response.version == Some(0)
                {
                    close = false;
                }
            }
        }
    }
    let bodiless = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let rest = match (chunked, length) {
        _ if bodiless => Rest::Bytes(0),
        (Some(true), _) => Rest::NextChunk,
        (None, Some(length)) => Rest::Bytes(length),
        (Some(false), _) | (None, None) => Rest::UntilClosed,
    };
    // Two lengths are a sign of request smuggling (RFC 9112, 6.3).
    close |= rest == Rest::UntilClosed || (chunked.is_some() && length.is_some());
    Ok((rest, close))
}

fn number(digits: &[u8]) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let digits = std::str::from_utf8(digits).ok().filter(|_| is_number)?;
    digits.parse().ok()
}

/// Passes the available data of a body to `take`, which removes as many bytes from the input as its
/// second argument says, or returns false to wait for more. Its third argument is the number of bytes
/// up to the end of the chunk or of the body. Returns whether the body is complete.
pub(crate) fn read(
    rest: &mut Rest,
    input: &mut BytesMut,
    mut take: impl FnMut(&mut BytesMut, usize, u64) -> bool,
) -> Result<bool, Garbage> {
    let mut consume = |input: &mut BytesMut, most: u64| {
        let size = most.min(input.len() as u64) as usize;
        match size > 0 && take(input, size, most) {
            true => size as u64,
            false => 0,
        }
    };
    loop {
        match *rest {
            Rest::Bytes(left) => {
                let left = left - consume(input, left);
                *rest = Rest::Bytes(left);
                return Ok(left == 0);
            }
            Rest::UntilClosed => {
                consume(input, u64::MAX);
                return Ok(false);
            }
            Rest::NextChunk => match httparse::parse_chunk_size(input) {
                Ok(httparse::Status::Complete((line, size))) => {
                    input.advance(line);
                    *rest = match size {
                        0 => Rest::Trailers,
                        size => Rest::Chunk(size),
                    };
                }
                Ok(httparse::Status::Partial) if input.len() <= HEAD_LIMIT => return Ok(false),
                _ => return Err(Garbage::Chunk),
            },
            Rest::Chunk(0) => match input.get(..2) {
                Some(b"\r\n") => {
                    input.advance(2);
                    *rest = Rest::NextChunk;
                }
                Some(_) => return Err(Garbage::Chunk),
                None => return Ok(false),
            },
            Rest::Chunk(left) => {
                let read = consume(input, left);
                *rest = Rest::Chunk(left - read);
                if read == 0 {
                    return Ok(false);
                }
            }
            Rest::Trailers => {
                let Some(end) = input.iter().position(|byte| *byte == b'\n') else {
                    return match input.len() > HEAD_LIMIT {
                        true => Err(Garbage::Chunk),
                        false => Ok(false),
                    };
                };
                let last = input[..end].trim_ascii().is_empty();
                input.advance(end + 1);
                if last {
                    return Ok(true);
                }
            }
        }
    }
}
