//! RecordIO, compared with a parser of a few lines that has all bytes at once.

use bytes::{Bytes, BytesMut};

use crate::wire::recordio::{Decoder, FrameError, encode};

/// The result for a stream: its records, then its end.
type Outcome = (Vec<Bytes>, Result<(), FrameError>);

/// Decodes any bytes: the first byte is the limit, the second determines how the rest, which is the
/// stream, is split. The records and the error do not depend on the split, and are those of the
/// grammar.
///
/// # Panics
/// If a result differs.
pub fn recordio(data: &[u8]) {
    let [limit, chop, stream @ ..] = data else {
        return;
    };
    // Small limits, so that they are reached, and none.
    let limit = match limit {
        255 => u64::MAX,
        limit => u64::from(*limit),
    };
    let whole = decode(limit, [stream]);
    assert_eq!(whole, decode(limit, stream.chunks(1)), "byte by byte");
    assert_eq!(whole, decode(limit, chopped(stream, *chop)), "chopped");
    assert!(whole.0.iter().all(|record| record.len() as u64 <= limit));

    let (records, clean) = grammar(stream, limit);
    assert_eq!(whole.0, records, "the grammar has other records");
    assert_eq!(whole.1.is_ok(), clean, "{:?}", whole.1);

    let mut again = BytesMut::new();
    for record in &records {
        encode(record, &mut again);
    }
    assert_eq!(decode(limit, [&again[..]]), (records, Ok(())));
}

fn decode<'a>(limit: u64, chunks: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut decoder = Decoder::new(limit);
    let mut records = Vec::new();
    for chunk in chunks {
        decoder.push(Bytes::copy_from_slice(chunk));
        loop {
            match decoder.next_record() {
                Ok(Some(record)) => records.push(record),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(decoder.finish(), Err(error.clone()), "errors are permanent");
                    return (records, Err(error));
                }
            }
        }
    }
    let end = decoder.finish();
    (records, end)
}

/// Pieces whose lengths depend on `seed`. Some are empty.
fn chopped(mut stream: &[u8], seed: u8) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    let mut state = u32::from(seed);
    while !stream.is_empty() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let length = (state >> 24) as usize % 9;
        let (piece, rest) = stream.split_at(length.min(stream.len()));
        pieces.push(piece);
        stream = rest;
    }
    pieces
}

/// The records of `stream`, and whether it ends at the end of a record.
fn grammar(mut stream: &[u8], limit: u64) -> (Vec<Bytes>, bool) {
    let mut records = Vec::new();
    while !stream.is_empty() {
        let (digits, rest) = super::line(stream);
        let numeric = digits.iter().all(u8::is_ascii_digit) && digits.len() <= 20;
        let length = std::str::from_utf8(digits)
            .ok()
            .filter(|_| numeric && digits.len() < stream.len())
            .and_then(|digits| digits.parse::<u64>().ok())
            .filter(|length| *length <= limit);
        match length {
            Some(length) if length <= rest.len() as u64 => {
                let (record, rest) = rest.split_at(length as usize);
                records.push(Bytes::copy_from_slice(record));
                stream = rest;
            }
            _ => return (records, false),
        }
    }
    (records, true)
}
