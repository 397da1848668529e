//! How long the body of an answer is, and where its data are.
//!
//! An event stream of Mesos has a chunk for each event. Mesos' answer to a call has a Content-Length
//! and no body, or a reason of one line (`HttpResponseEncoder` in libprocess' src/encoder.hpp). A
//! proxy may send any body in chunks, or end the body by closing the connection.

use bytes::{Buf as _, BytesMut};
use http::StatusCode;

/// The limit for a head, and for a line between chunks, in bytes.
pub(crate) const HEAD_LIMIT: usize = 64 << 10;

/// The limit for the number of headers; libprocess sends two with an answer.
pub(crate) const HEADERS: usize = 100;

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

/// The length of the body after a head, and whether the connection ends after the body.
pub(crate) fn length(
    status: StatusCode,
    response: &httparse::Response<'_, '_>,
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
/// second argument says. Returns whether the body is complete.
pub(crate) fn read(
    rest: &mut Rest,
    input: &mut BytesMut,
    mut take: impl FnMut(&mut BytesMut, usize),
) -> Result<bool, Garbage> {
    let mut consume = |input: &mut BytesMut, most: u64| {
        let size = most.min(input.len() as u64) as usize;
        if size > 0 {
            take(input, size);
        }
        size as u64
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
