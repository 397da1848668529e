//! A position in a file that may be replaced while it is read.

use bytes::{Bytes, BytesMut};
use mesos_proto::v1::agent::response::ReadFile;

/// The number of bytes before the position that are read again to recognize the file. The files API
/// reports neither an inode nor a generation of a file.
pub(crate) const OVERLAP: usize = 256;

/// An offset, and the bytes in front of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Position {
    offset: u64,
    before: Bytes,
}

impl Position {
    /// The position at `offset`, which has the bytes `before` in front of it.
    #[cfg(feature = "operator")]
    pub(crate) fn after(offset: u64, before: Bytes) -> Self {
        Self { offset, before }
    }

    /// The bytes that were read.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// The offset of the next READ_FILE: before the position, to recognize the file.
    pub(crate) fn request(&self) -> u64 {
        self.offset - self.before.len() as u64
    }

    /// The bytes behind the position; `None` if this is not the file that was read before, or if
    /// the file was truncated.
    pub(crate) fn continuation(&self, file: &ReadFile) -> Option<Bytes> {
        let same = file.data.starts_with(&self.before);
        same.then(|| file.data.slice(self.before.len()..))
    }

    /// Moves behind `bytes`.
    pub(crate) fn advance(&mut self, bytes: &[u8]) {
        self.offset += bytes.len() as u64;
        let kept = OVERLAP.saturating_sub(bytes.len()).min(self.before.len());
        let mut before = BytesMut::with_capacity(OVERLAP);
        before.extend_from_slice(&self.before[self.before.len() - kept..]);
        before.extend_from_slice(&bytes[bytes.len().saturating_sub(OVERLAP)..]);
        self.before = before.freeze();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(file: &[u8], position: &Position) -> ReadFile {
        let start = (position.request() as usize).min(file.len());
        ReadFile {
            size: file.len() as u64,
            data: Bytes::copy_from_slice(&file[start..]),
        }
    }

    #[test]
    fn a_file_that_grew_continues_and_another_file_does_not() {
        for step in [1, 100, 255, 256, 257, 1000] {
            let file: Vec<u8> = (0..3000_u32).map(|n| (n % 251) as u8).collect();
            let mut position = Position::default();
            for part in file.chunks(step) {
                let continuation = position.continuation(&answer(&file, &position)).unwrap();
                assert!(continuation.starts_with(part));
                position.advance(part);
            }
            assert_eq!(position.offset(), 3000);
            let end = position.continuation(&answer(&file, &position));
            assert_eq!(end, Some(Bytes::new()));

            let truncated = &file[..2990];
            assert_eq!(position.continuation(&answer(truncated, &position)), None);
            let mut other = file.clone();
            other[2999] ^= 1;
            other.extend_from_slice(b"more");
            assert_eq!(position.continuation(&answer(&other, &position)), None);
        }
    }
}
