//! The end of a file.

use mesos::operator::{EntryKind, Sandbox, SandboxReader};

/// The size of a step back.
const BLOCK: u64 = 64 << 10;

/// A reader of a file, or of its last `tail` lines. With `follow`, the reader continues with what is
/// written later.
pub(crate) async fn reader(
    sandbox: &Sandbox,
    file: &str,
    tail: Option<usize>,
    follow: bool,
) -> mesos::Result<SandboxReader> {
    Ok(match (tail, follow) {
        (None, true) => sandbox.follow(file),
        (None, false) => sandbox.open(file),
        (Some(lines), follow) => {
            let offset = last_lines(sandbox, file, lines).await?;
            let reader = sandbox.follow_from(file, offset);
            if !follow {
                reader.finish();
            }
            reader
        }
    })
}

/// The offset at which the last `lines` lines of a file begin; 0 if the file does not exist yet. Text
/// after the last line feed is a line.
pub(crate) async fn last_lines(sandbox: &Sandbox, file: &str, lines: usize) -> mesos::Result<u64> {
    let size = match sandbox.stat(file).await {
        Ok(entry) if entry.kind == EntryKind::File => entry.size,
        // Reading it reports what it is.
        Ok(_) => return Ok(0),
        Err(error) if error.status() == Some(404) => return Ok(0),
        Err(error) => return Err(error),
    };
    let mut count = Count::new(lines);
    let mut end = size;
    while end > 0 {
        let start = end.saturating_sub(BLOCK);
        let block = sandbox.read(file, start, end - start).await?;
        if let Some(at) = count.find(&block, end == size) {
            return Ok(start + at as u64);
        }
        end = start;
    }
    Ok(0)
}

/// Counts line feeds from the end of a file.
struct Count {
    left: usize,
}

impl Count {
    fn new(lines: usize) -> Self {
        Self { left: lines }
    }

    /// Where the lines begin in a block; `None` if they begin in an earlier block. `last`: the block
    /// is at the end of the file.
    fn find(&mut self, block: &[u8], last: bool) -> Option<usize> {
        if self.left == 0 {
            return Some(block.len());
        }
        for (index, byte) in block.iter().enumerate().rev() {
            let ends_file = last && index + 1 == block.len();
            // The line feed at the end of the file ends the last line.
            if *byte == b'\n' && !ends_file {
                self.left -= 1;
                if self.left == 0 {
                    return Some(index + 1);
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The last lines of a text that is read in blocks of `size` bytes.
    fn tail(text: &str, lines: usize, size: usize) -> &str {
        let mut count = Count::new(lines);
        let mut end = text.len();
        while end > 0 {
            let start = end.saturating_sub(size);
            let block = &text.as_bytes()[start..end];
            if let Some(at) = count.find(block, end == text.len()) {
                return &text[start + at..];
            }
            end = start;
        }
        text
    }

    #[test]
    fn the_last_lines_are_found_across_blocks() {
        for size in [1, 2, 3, 100] {
            assert_eq!(tail("a\nb\nc\n", 1, size), "c\n");
            assert_eq!(tail("a\nb\nc", 2, size), "b\nc");
            assert_eq!(tail("a\nb\nc\n", 3, size), "a\nb\nc\n");
            assert_eq!(tail("a\nb\n", 9, size), "a\nb\n");
            assert_eq!(tail("\n\n", 1, size), "\n");
            assert_eq!(tail("a\nb\n", 0, size), "");
            assert_eq!(tail("", 1, size), "");
        }
    }
}
