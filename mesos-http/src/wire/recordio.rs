//! RecordIO, the framing of Mesos' event streams: the length of a record in decimal digits, a line
//! feed, the record, and then directly the next length.
//!
//! This module does no I/O and does not interpret records. The grammar is in docs/recordio.md and
//! `3rdparty/stout/include/stout/recordio.hpp` in Mesos' source.
//!
//! ```
//! use bytes::Bytes;
//! use mesos::http::recordio::{self, Decoder};
//!
//! let mut decoder = Decoder::new(recordio::DEFAULT_LIMIT);
//! decoder.push(Bytes::from_static(b"5\nhello3\nMe"));
//! assert_eq!(decoder.next_record()?, Some(Bytes::from_static(b"hello")));
//! assert_eq!(decoder.next_record()?, None); // the second record is incomplete
//! decoder.push(Bytes::from_static(b"s"));
//! assert_eq!(decoder.next_record()?, Some(Bytes::from_static(b"Mes")));
//! decoder.finish()?;
//! # Ok::<(), recordio::FrameError>(())
//! ```

use std::collections::VecDeque;

use bytes::{BufMut, Bytes, BytesMut};

/// The usual size limit for a record: 256 MiB.
///
/// Mesos itself has no limit. Its largest records are offers of the whole cluster at once and, on
/// the operator API, the whole state of the master: tens of megabytes on clusters of ten thousand
/// agents. This limit is ten times larger, and still stops a peer that is not Mesos before it fills
/// the memory.
pub const DEFAULT_LIMIT: u64 = 256 << 20;

/// The number of digits of `u64::MAX`. A longer length is invalid.
const MAX_DIGITS: usize = 20;

/// Pieces of a record that are shorter than this many bytes are copied into a common buffer. A peer
/// that sends single bytes then costs the memory of its bytes, and not of a handle for each.
const SMALL_PIECE: usize = 1024;

/// The size of such a common buffer, in bytes.
const GATHER: usize = 64 << 10;

/// Why a stream of bytes is not RecordIO. `offset` is the number of bytes from the start of the
/// stream to the length of the record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The length is not `1*DIGIT LF`.
    #[error(
        "at byte {offset} of the stream: expected the length of a record in decimal digits and a \
         line feed, found {found:?}; the peer does not speak RecordIO"
    )]
    Length {
        /// Where the length starts.
        offset: u64,
        /// The length up to and including the invalid byte.
        found: String,
    },
    /// The length exceeds the decoder's limit.
    #[error(
        "at byte {offset} of the stream: the record has {announced} bytes, the limit is {limit} \
         bytes; if the peer is Mesos, raise the limit (`max_record_size`)"
    )]
    TooLong {
        /// Where the length starts.
        offset: u64,
        /// The length that the peer announced.
        announced: u64,
        /// The limit of this decoder.
        limit: u64,
    },
    /// The stream ended within a record.
    #[error("the stream ended within the record at byte {offset}: {}", cut(.received, .announced))]
    Cut {
        /// Where the length starts.
        offset: u64,
        /// The number of received bytes of the record, or of its length if `announced` is `None`.
        received: u64,
        /// The length of the record, if it was received.
        announced: Option<u64>,
    },
}

fn cut(received: &u64, announced: &Option<u64>) -> String {
    match announced {
        Some(announced) => format!(
            "received {received} of {announced} bytes, {} are missing",
            announced - received
        ),
        None => format!("received {received} digits of the length"),
    }
}

/// Splits a stream of bytes into records, however the bytes arrive.
///
/// A record within one chunk is a slice of the chunk, not a copy. A record in several chunks is
/// copied once, when its last byte has arrived; only pieces of less than 1 KiB are copied twice. The
/// decoder never allocates memory for an announced length: memory grows with the received bytes.
///
/// An error is permanent: after invalid bytes the next record cannot be found.
#[derive(Debug)]
pub struct Decoder {
    limit: u64,
    /// Chunks that were not parsed yet. No chunk is empty.
    input: VecDeque<Bytes>,
    state: State,
    /// The position of the current record's length.
    offset: u64,
}

#[derive(Debug)]
enum State {
    /// Reading the digits of a length.
    Length(Digits),
    /// Collecting a record.
    Record {
        announced: u64,
        digits: usize,
        pieces: Pieces,
    },
    /// A permanent error.
    Poisoned(FrameError),
}

#[derive(Clone, Copy, Debug, Default)]
struct Digits {
    text: [u8; MAX_DIGITS],
    count: usize,
}

impl Decoder {
    /// A decoder for the start of a stream, with a size limit for each record in bytes (usually
    /// [`DEFAULT_LIMIT`]).
    pub fn new(limit: u64) -> Self {
        Self {
            limit,
            input: VecDeque::new(),
            state: State::Length(Digits::default()),
            offset: 0,
        }
    }

    /// Adds the next bytes of the stream. The boundaries of chunks have no meaning. The bytes are
    /// parsed in [`next_record`](Self::next_record).
    pub fn push(&mut self, chunk: Bytes) {
        if !chunk.is_empty() && !matches!(self.state, State::Poisoned(_)) {
            self.input.push_back(chunk);
        }
    }

    /// The next complete record, or `None` until more bytes are pushed.
    ///
    /// # Errors
    /// [`FrameError::Length`] and [`FrameError::TooLong`]. Every later call returns the same error.
    /// Records before the error are returned first.
    pub fn next_record(&mut self) -> Result<Option<Bytes>, FrameError> {
        loop {
            match &mut self.state {
                State::Poisoned(error) => return Err(error.clone()),
                State::Length(digits) => {
                    let Some(chunk) = self.input.front_mut() else {
                        return Ok(None);
                    };
                    let step = digits.read(chunk);
                    if chunk.is_empty() {
                        self.input.pop_front();
                    }
                    let announced = match step {
                        Ok(None) => continue,
                        Ok(Some(announced)) => announced,
                        Err(found) => return Err(self.poison(found)),
                    };
                    if announced > self.limit {
                        let (offset, limit) = (self.offset, self.limit);
                        let error = FrameError::TooLong {
                            offset,
                            announced,
                            limit,
                        };
                        return Err(self.poison(error));
                    }
                    let count = digits.count;
                    if let Some(record) = self.whole(announced) {
                        self.offset += count as u64 + 1 + announced;
                        self.state = State::Length(Digits::default());
                        return Ok(Some(record));
                    }
                    self.state = State::Record {
                        announced,
                        digits: count,
                        pieces: Pieces::default(),
                    };
                }
                State::Record {
                    announced,
                    digits,
                    pieces,
                } => {
                    let missing = *announced - pieces.len;
                    if missing > 0 {
                        let Some(mut chunk) = self.input.pop_front() else {
                            return Ok(None);
                        };
                        // A piece is at most one chunk long, so this fits a usize.
                        let take = missing.min(chunk.len() as u64) as usize;
                        pieces.add(chunk.split_to(take));
                        if !chunk.is_empty() {
                            self.input.push_front(chunk);
                        }
                    }
                    if pieces.len == *announced {
                        self.offset += *digits as u64 + 1 + *announced;
                        let record = std::mem::take(pieces).join();
                        self.state = State::Length(Digits::default());
                        return Ok(Some(record));
                    }
                }
            }
        }
    }

    /// Removes a record of this length, if all of it is in the first chunk.
    fn whole(&mut self, length: u64) -> Option<Bytes> {
        let chunk = self.input.front_mut()?;
        let length = usize::try_from(length).ok()?;
        if chunk.len() < length {
            return None;
        }
        let record = chunk.split_to(length);
        if chunk.is_empty() {
            self.input.pop_front();
        }
        Some(record)
    }

    /// Checks that the stream may end here. Call it at the end of the stream, after
    /// [`next_record`](Self::next_record) has returned `None`.
    ///
    /// # Errors
    /// [`FrameError::Cut`] within a record. After an error, the same error.
    pub fn finish(&self) -> Result<(), FrameError> {
        let waiting: u64 = self.input.iter().map(|chunk| chunk.len() as u64).sum();
        let (received, announced) = match &self.state {
            State::Poisoned(error) => return Err(error.clone()),
            State::Length(digits) => (digits.count as u64 + waiting, None),
            State::Record {
                announced, pieces, ..
            } => (pieces.len, Some(*announced)),
        };
        if received == 0 && announced.is_none() {
            return Ok(());
        }
        Err(FrameError::Cut {
            offset: self.offset,
            received,
            announced,
        })
    }

    fn poison(&mut self, mut error: FrameError) -> FrameError {
        if let FrameError::Length { offset, .. } = &mut error {
            *offset = self.offset;
        }
        self.input = VecDeque::new();
        self.state = State::Poisoned(error.clone());
        error
    }
}

impl Digits {
    /// Removes digits from `chunk` up to its end (`None`) or the line feed.
    fn read(&mut self, chunk: &mut Bytes) -> Result<Option<u64>, FrameError> {
        let available = self.count..self.count + chunk.len();
        for (index, position) in available.enumerate() {
            let byte = chunk[index];
            match byte {
                b'0'..=b'9' if position < MAX_DIGITS => {
                    self.text[position] = byte;
                    self.count += 1;
                }
                b'\n' if self.count > 0 => {
                    let value = self.value().ok_or_else(|| self.bad(byte))?;
                    bytes::Buf::advance(chunk, index + 1);
                    return Ok(Some(value));
                }
                _ => return Err(self.bad(byte)),
            }
        }
        chunk.clear();
        Ok(None)
    }

    /// The number, unless it exceeds `u64::MAX`.
    fn value(&self) -> Option<u64> {
        self.text[..self.count].iter().try_fold(0u64, |sum, digit| {
            sum.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
        })
    }

    fn bad(&self, byte: u8) -> FrameError {
        let mut found = self.text[..self.count].to_vec();
        found.push(byte);
        FrameError::Length {
            offset: 0, // `poison` sets it
            found: String::from_utf8_lossy(&found).into_owned(),
        }
    }
}

/// The received pieces of a record.
#[derive(Debug, Default)]
struct Pieces {
    whole: Vec<Bytes>,
    /// The small pieces since the last large one, copied into one buffer.
    small: BytesMut,
    len: u64,
}

impl Pieces {
    fn add(&mut self, piece: Bytes) {
        let first = self.len == 0;
        self.len += piece.len() as u64;
        if !first && piece.len() < SMALL_PIECE {
            self.small.extend_from_slice(&piece);
            if self.small.len() >= GATHER {
                self.flush();
            }
        } else {
            self.flush();
            self.whole.push(piece);
        }
    }

    fn flush(&mut self) {
        if !self.small.is_empty() {
            self.whole.push(self.small.split().freeze());
        }
    }

    fn join(mut self) -> Bytes {
        self.flush();
        if self.whole.len() <= 1 {
            return self.whole.pop().unwrap_or_default();
        }
        // All bytes have arrived, so this is not only an announced length.
        let mut record = BytesMut::with_capacity(self.len as usize);
        for piece in self.whole {
            record.extend_from_slice(&piece);
        }
        record.freeze()
    }
}

/// Appends `record` to `stream` in RecordIO framing.
///
/// ```
/// let mut stream = bytes::BytesMut::new();
/// mesos::http::recordio::encode(b"hello", &mut stream);
/// mesos::http::recordio::encode(b"", &mut stream);
/// assert_eq!(&stream[..], b"5\nhello0\n");
/// ```
pub fn encode(record: &[u8], stream: &mut BytesMut) {
    let length = record.len().to_string();
    stream.reserve(length.len() + 1 + record.len());
    stream.put_slice(length.as_bytes());
    stream.put_u8(b'\n');
    stream.put_slice(record);
}

#[cfg(test)]
mod tests;
