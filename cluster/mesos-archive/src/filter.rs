//! Decompresses.

use std::io::{self, BufRead, Cursor, Read};

use anyhow::{Context as _, Result};
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

use crate::detect::{self, Filter, HEAD};

/// How often a content can be compressed; libarchive's limit.
pub(crate) const MAXIMUM: usize = 25;

/// The memory for a dictionary of xz and lzma, in KiB; libarchive's limit is 1 GiB as well.
const DICTIONARY_KIB: u32 = 1 << 20;

/// The window of zstd, in bytes; the limit of the program `zstd -d --long=31`.
const WINDOW: u64 = 1 << 31;

type Source = Box<dyn BufRead>;

/// A content whose first bytes can be read ahead.
pub(crate) struct Input {
    head: Cursor<Vec<u8>>,
    rest: Source,
}

impl Input {
    pub(crate) fn new(rest: Source) -> Self {
        Self {
            head: Cursor::default(),
            rest,
        }
    }

    /// The first bytes that were not read yet, at most [`HEAD`]. Fewer only at the end.
    pub(crate) fn head(&mut self) -> Result<&[u8]> {
        let at = self.head.position() as usize;
        self.head.get_mut().drain(..at);
        self.head.set_position(0);
        let missing = HEAD.saturating_sub(self.head.get_ref().len());
        let mut piece = Vec::new();
        self.rest
            .by_ref()
            .take(missing as u64)
            .read_to_end(&mut piece)
            .context("cannot read the archive")?;
        self.head.get_mut().append(&mut piece);
        Ok(self.head.get_ref())
    }

    fn remaining(&self) -> &[u8] {
        &self.head.get_ref()[self.head.position() as usize..]
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.remaining().is_empty() {
            return self.rest.read(buffer);
        }
        self.head.read(buffer)
    }
}

impl BufRead for Input {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.remaining().is_empty() {
            return self.rest.fill_buf();
        }
        self.head.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        if self.remaining().is_empty() {
            return self.rest.consume(amount);
        }
        self.head.consume(amount);
    }
}

/// The decompressed content of `input`, with a limit in bytes.
pub(crate) fn open(filter: Filter, input: Input, limit: u64) -> Input {
    let stream = Members {
        filter,
        decoder: None,
        input: Some(input),
        left: limit,
    };
    let buffered = io::BufReader::with_capacity(64 * 1024, stream);
    Input::new(Box::new(buffered))
}

/// Compressed data is a sequence of members that end by themselves. Bytes of another kind behind
/// the last member are ignored, because tapes and servers pad files.
struct Members {
    filter: Filter,
    decoder: Option<Decoder>,
    /// The data that no decoder has; `None` while a decoder has it, and at the end.
    input: Option<Input>,
    /// How many bytes may follow.
    left: u64,
}

fn too_large() -> io::Error {
    io::Error::other("the content is larger than allowed")
}

#[expect(
    clippy::large_enum_variant,
    reason = "there is one decoder per compression"
)]
enum Decoder {
    Gzip(flate2::bufread::GzDecoder<Input>),
    Bzip2(bzip2::bufread::BzDecoder<Input>),
    Xz(lzma_rust2::XzReader<Input>),
    Lzma(Box<lzma_rust2::LzmaReader<Input>>),
    Lzip(lzma_rust2::LzipReader<Input>),
    Zstd(Box<StreamingDecoder<Input, FrameDecoder>>),
    Lz4(lz4_flex::frame::FrameDecoder<Input>),
}

impl Read for Members {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if self.decoder.is_none() {
                let Some(input) = self.input.take() else {
                    return Ok(0);
                };
                self.decoder = Decoder::next(self.filter, input)?;
            }
            let Some(decoder) = &mut self.decoder else {
                return Ok(0);
            };
            let read = decoder.read(buffer)?;
            if read > 0 {
                self.left = self.left.checked_sub(read as u64).ok_or_else(too_large)?;
                return Ok(read);
            }
            self.input = self.decoder.take().map(Decoder::into_input);
        }
    }
}

impl Decoder {
    /// The decoder of the next member; `None` if no member follows.
    fn next(filter: Filter, mut input: Input) -> io::Result<Option<Self>> {
        let head = input.head().map_err(io::Error::other)?;
        if detect::filter(head) != Some(filter) {
            return Ok(None);
        }
        Ok(Some(match filter {
            Filter::Gzip => Self::Gzip(flate2::bufread::GzDecoder::new(input)),
            Filter::Bzip2 => Self::Bzip2(bzip2::bufread::BzDecoder::new(input)),
            Filter::Xz => Self::Xz(lzma_rust2::XzReader::new_mem_limit(
                input,
                false,
                DICTIONARY_KIB,
            )),
            Filter::Lzma => {
                let decoder = lzma_rust2::LzmaReader::new_mem_limit(input, DICTIONARY_KIB, None)?;
                Self::Lzma(Box::new(decoder))
            }
            Filter::Lzip => Self::Lzip(lzma_rust2::LzipReader::new(input)),
            Filter::Zstd => return zstd(input),
            Filter::Lz4 => Self::Lz4(lz4_flex::frame::FrameDecoder::new(input)),
        }))
    }

    fn into_input(self) -> Input {
        match self {
            Self::Gzip(decoder) => decoder.into_inner(),
            Self::Bzip2(decoder) => decoder.into_inner(),
            Self::Xz(decoder) => decoder.into_inner(),
            Self::Lzma(decoder) => decoder.into_inner(),
            Self::Lzip(decoder) => decoder.into_inner(),
            Self::Zstd(decoder) => decoder.into_inner(),
            Self::Lz4(decoder) => decoder.into_inner(),
        }
    }
}

/// Skips frames without content until the first frame with content.
fn zstd(mut input: Input) -> io::Result<Option<Decoder>> {
    loop {
        let head = input.head().map_err(io::Error::other)?;
        if detect::filter(head) != Some(Filter::Zstd) {
            return Ok(None);
        }
        let [0x50..=0x5f, _, _, _, length @ ..] = head else {
            break;
        };
        let Some(length) = length.first_chunk::<4>() else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        let length = 8 + u64::from(u32::from_le_bytes(*length));
        if io::copy(&mut input.by_ref().take(length), &mut io::sink())? < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let decoder = StreamingDecoder::new_with_max_window_size(input, WINDOW);
    let decoder = decoder.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    Ok(Some(Decoder::Zstd(Box::new(decoder))))
}

/// Reads, and compares the checksum at the end. The decoder computes the checksum only.
fn read_zstd(
    decoder: &mut StreamingDecoder<Input, FrameDecoder>,
    buffer: &mut [u8],
) -> io::Result<usize> {
    let read = decoder.read(buffer)?;
    let frame = &decoder.decoder;
    let expected = frame.get_checksum_from_data();
    if read == 0 && expected.is_some() && expected != frame.get_calculated_checksum() {
        let text = "the checksum of a zstd frame is wrong";
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    Ok(read)
}

impl Read for Decoder {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Gzip(decoder) => decoder.read(buffer),
            Self::Bzip2(decoder) => decoder.read(buffer),
            Self::Xz(decoder) => decoder.read(buffer),
            Self::Lzma(decoder) => decoder.read(buffer),
            Self::Lzip(decoder) => decoder.read(buffer),
            Self::Zstd(decoder) => read_zstd(decoder, buffer),
            Self::Lz4(decoder) => decoder.read(buffer),
        }
    }
}
