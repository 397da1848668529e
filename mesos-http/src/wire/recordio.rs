//! RecordIO, the framing of Mesos' event streams: a record's length in decimal
//! digits, a line feed, the record, and the next length right after it.
//!
//! Pure: bytes go in, records come out. Where the bytes come from, and what is
//! in a record, is for others. The grammar is docs/recordio.md and
//! `3rdparty/stout/include/stout/recordio.hpp` in Mesos' tree.
//!
//! ```
//! use bytes::Bytes;
//! use mesos_http::recordio::{self, Decoder};
//!
//! let mut decoder = Decoder::new(recordio::DEFAULT_LIMIT);
//! decoder.push(Bytes::from_static(b"5\nhello3\nMe"));
//! assert_eq!(decoder.next_record()?, Some(Bytes::from_static(b"hello")));
//! assert_eq!(decoder.next_record()?, None); // in the middle of the second one
//! decoder.push(Bytes::from_static(b"s"));
//! assert_eq!(decoder.next_record()?, Some(Bytes::from_static(b"Mes")));
//! decoder.finish()?;
//! # Ok::<(), recordio::FrameError>(())
//! ```

use std::collections::VecDeque;

use bytes::{BufMut, Bytes, BytesMut};

/// The longest record a [`Decoder`] takes unless told otherwise: 256 MiB.
///
/// Mesos itself has no limit. The largest records it writes are offers of the
/// whole cluster at once and, on the operator API, the master's whole state:
/// tens of megabytes on clusters of ten thousand agents. This leaves them an
/// order of magnitude, and still catches a peer that is no Mesos before it has
/// filled the memory.
pub const DEFAULT_LIMIT: u64 = 256 << 20;

/// `u64::MAX` has this many digits, so a longer length cannot be one.
const MAX_DIGITS: usize = 20;

/// Pieces of a record that are shorter than this are copied together as they
/// come, so that a peer that sends single bytes costs the memory of its bytes
/// and not of a handle for each.
const SMALL_PIECE: usize = 1024;

/// How much of such small pieces is copied together before a new buffer starts.
const GATHER: usize = 64 << 10;

/// Why a stream of bytes is not RecordIO. `offset` counts bytes from the start
/// of the stream to the start of the record's length.
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
        /// The length as far as it was read, with the offending byte at its end.
        found: String,
    },
    /// The length is more than the decoder was told to take.
    #[error(
        "at byte {offset} of the stream: a record of {announced} bytes is announced, the limit is \
         {limit} bytes; if the peer is a Mesos, raise the limit (`max_record_size`)"
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
    #[error("the stream was cut in the record at byte {offset}: {}", cut(.received, .announced))]
    Cut {
        /// Where the length starts.
        offset: u64,
        /// Bytes of the record that did arrive; of its length, if
        /// `announced` is `None`.
        received: u64,
        /// The length of the record, if the stream got that far.
        announced: Option<u64>,
    },
}

fn cut(received: &u64, announced: &Option<u64>) -> String {
    match announced {
        Some(announced) => format!(
            "{received} of {announced} bytes arrived, {} are missing",
            announced - received
        ),
        None => format!("it ended after {received} digits of the length"),
    }
}

/// Cuts a stream of bytes into records, however the bytes come in.
///
/// A record that lies within one chunk is a slice of it, not a copy. One that
/// is spread over several is copied once, when its last byte is there; only
/// pieces of less than 1 KiB are copied once more. A length is never taken as a
/// reason to allocate: memory grows with the bytes that arrived.
///
/// An error is for ever: after garbage there is no way to find the next record.
#[derive(Debug)]
pub struct Decoder {
    limit: u64,
    /// Chunks, none of them empty, that are not looked at yet.
    input: VecDeque<Bytes>,
    state: State,
    /// Where the current record's length starts.
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
    /// Nothing can be read any more.
    Poisoned(FrameError),
}

#[derive(Clone, Copy, Debug, Default)]
struct Digits {
    text: [u8; MAX_DIGITS],
    count: usize,
}

impl Decoder {
    /// A decoder at the start of a stream, for records of at most `limit` bytes
    /// each (usually [`DEFAULT_LIMIT`]).
    pub fn new(limit: u64) -> Self {
        Self {
            limit,
            input: VecDeque::new(),
            state: State::Length(Digits::default()),
            offset: 0,
        }
    }

    /// Takes the next bytes of the stream; how they are cut carries no meaning.
    /// Nothing is looked at before [`next_record`](Self::next_record).
    pub fn push(&mut self, chunk: Bytes) {
        if !chunk.is_empty() && !matches!(self.state, State::Poisoned(_)) {
            self.input.push_back(chunk);
        }
    }

    /// The next record that is whole, or `None` until more bytes are pushed.
    ///
    /// # Errors
    /// [`FrameError::Length`] and [`FrameError::TooLong`]; the same again on
    /// every later call. Records before the fault are returned first.
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
                    self.state = State::Record {
                        announced,
                        digits: digits.count,
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

    /// Says whether the stream may end here. To be called at its end, when
    /// [`next_record`](Self::next_record) has returned `None`.
    ///
    /// # Errors
    /// [`FrameError::Cut`] within a record; the earlier error after an error.
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
    /// Takes digits off `chunk` until its end (`None`) or the line feed.
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

    /// The number, unless it is more than a `u64` holds.
    fn value(&self) -> Option<u64> {
        self.text[..self.count].iter().try_fold(0u64, |sum, digit| {
            sum.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
        })
    }

    fn bad(&self, byte: u8) -> FrameError {
        let mut found = self.text[..self.count].to_vec();
        found.push(byte);
        FrameError::Length {
            offset: 0, // set where it is known
            found: String::from_utf8_lossy(&found).into_owned(),
        }
    }
}

/// The pieces of a record that arrived so far.
#[derive(Debug, Default)]
struct Pieces {
    whole: Vec<Bytes>,
    /// The small ones since the last whole one, copied together.
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
        // The bytes are all here, so this length is no promise any more.
        let mut record = BytesMut::with_capacity(self.len as usize);
        for piece in self.whole {
            record.extend_from_slice(&piece);
        }
        record.freeze()
    }
}

/// Appends `record` to `stream` as RecordIO frames it.
///
/// ```
/// let mut stream = bytes::BytesMut::new();
/// mesos_http::recordio::encode(b"hello", &mut stream);
/// mesos_http::recordio::encode(b"", &mut stream);
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
