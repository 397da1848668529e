//! Reads the output of a process, by lines or by pieces.

use std::io;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// The size of one read in bytes: a pipe's default capacity.
const PIECE: usize = 64 * 1024;

/// Reads a pipe, at most 64 KiB ahead. So a process blocks if it writes faster than
/// its output is read, and the memory is bounded.
#[derive(Debug)]
pub struct Output<R> {
    pipe: R,
    buffer: BytesMut,
    /// The length of the start of the buffer that contains no end of line.
    searched: usize,
    longest: usize,
}

impl<R: AsyncRead + Unpin> Output<R> {
    /// Reads `pipe`, which can be any reader.
    pub fn new(pipe: R) -> Self {
        Self {
            pipe,
            buffer: BytesMut::new(),
            searched: 0,
            longest: PIECE,
        }
    }

    /// The longest line in bytes, without its end (default: 65536, at least 1). A
    /// longer line is cut into lines of this length.
    #[must_use]
    pub fn longest_line(mut self, bytes: usize) -> Self {
        self.longest = bytes.max(1);
        self
    }

    /// The next line, without its `\n`, which the last line may lack. `None` at the
    /// end, when the last process has closed the pipe. Lines are bytes, because a
    /// program may write text that is not UTF-8.
    ///
    /// Cancel safe.
    ///
    /// # Errors
    /// Those of reading the pipe.
    pub async fn line(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            let end = memchr::memchr(b'\n', &self.buffer[self.searched..]);
            match end.map(|end| end + self.searched) {
                Some(end) if end <= self.longest => {
                    self.searched = 0;
                    let mut line = self.buffer.split_to(end + 1);
                    line.truncate(end);
                    return Ok(Some(line.freeze()));
                }
                _ if self.buffer.len() > self.longest => {
                    self.searched = 0;
                    return Ok(Some(self.buffer.split_to(self.longest).freeze()));
                }
                _ => self.searched = self.buffer.len(),
            }
            if self.fill().await? == 0 {
                return Ok(self.rest());
            }
        }
    }

    /// The next piece of output, of at least one byte. `None` at the end.
    ///
    /// Cancel safe.
    ///
    /// # Errors
    /// Those of reading the pipe.
    pub async fn piece(&mut self) -> io::Result<Option<Bytes>> {
        if self.buffer.is_empty() {
            self.fill().await?;
        }
        Ok(self.rest())
    }

    async fn fill(&mut self) -> io::Result<usize> {
        self.buffer.reserve(PIECE);
        self.pipe.read_buf(&mut self.buffer).await
    }

    fn rest(&mut self) -> Option<Bytes> {
        self.searched = 0;
        let rest = self.buffer.split().freeze();
        (!rest.is_empty()).then_some(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines(text: &[u8], longest: usize) -> Vec<Bytes> {
        let mut output = Output::new(text).longest_line(longest);
        let mut lines = Vec::new();
        while let Some(line) = output.line().await.expect("memory can be read") {
            lines.push(line);
        }
        lines
    }

    #[tokio::test]
    async fn lines_come_without_their_ends_and_the_last_needs_none() {
        assert_eq!(lines(b"a\n\nbc\n", 9).await, ["a", "", "bc"]);
        assert_eq!(lines(b"a\nb", 9).await, ["a", "b"]);
        assert_eq!(lines(b"", 9).await, Vec::<Bytes>::new());
        assert_eq!(lines(b"\xff\n", 9).await, [Bytes::from_static(b"\xff")]);
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_is_cut() {
        assert_eq!(lines(b"abcdefg\nh\n", 3).await, ["abc", "def", "g", "h"]);
        assert_eq!(lines(b"abc\nd", 3).await, ["abc", "d"]);
        assert_eq!(lines(b"abcd", 3).await, ["abc", "d"]);
    }

    #[tokio::test]
    async fn pieces_and_lines_can_be_mixed() {
        let mut output = Output::new(&b"a\nrest\nmore"[..]);
        assert_eq!(output.line().await.expect("a line").expect("one"), "a");
        let piece = output.piece().await.expect("a piece");
        assert_eq!(piece.expect("one"), "rest\nmore");
        assert_eq!(output.piece().await.expect("an end"), None);
    }
}
