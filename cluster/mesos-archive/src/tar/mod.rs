//! Reads a tar of any dialect: v7, ustar, GNU, PAX, Solaris.
//!
//! The crate `tar` does not read sparse members of PAX, and `tar-core` does not read PAX times
//! before 1970 and takes the wrong length for a sparse member with a PAX size. Both leave the
//! questions open that this module answers as libarchive (`archive_read_support_format_tar.c`) does.

mod header;
mod pax;
mod sparse;

use std::io::{self, BufRead, Read};

use anyhow::{Context as _, Result, bail, ensure};

use crate::disk::Disk;
use crate::member::{Kind, Member};
use header::{BLOCK, Dialect, Header};
use pax::Pax;

/// The longest name or PAX header, in bytes; libarchive's limit.
const LONGEST: u64 = 1 << 20;

/// Whether the content starts with a header, or with the block of zeros that ends a tar.
pub(crate) fn is_tar(head: &[u8]) -> bool {
    head.first_chunk::<BLOCK>()
        .is_some_and(|block| Header::is_end(block) || Header::new(*block).is_some())
}

/// What the special members before a member say about the member.
#[derive(Default)]
struct Before {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    pax: Option<Pax>,
}

impl Before {
    fn is_empty(&self) -> bool {
        self.name.is_none() && self.link.is_none() && self.pax.is_none()
    }
}

pub(crate) fn unpack(input: &mut impl BufRead, disk: &mut Disk) -> Result<()> {
    let mut reader = Reader { input };
    let mut before = Before::default();
    loop {
        let Some(header) = reader.header()? else {
            ensure!(
                before.is_empty(),
                "the tar ends before a member that was announced"
            );
            return Ok(());
        };
        match header.kind() {
            b'x' | b'X' => before.pax = Some(Pax::parse(&reader.text(&header)?)?),
            b'L' => before.name = Some(until_nul(reader.text(&header)?)),
            b'K' => before.link = Some(until_nul(reader.text(&header)?)),
            // libarchive also ignores global PAX headers, volume labels and ACLs of Solaris.
            b'g' | b'V' | b'A' => reader.skip(padded(header.size()?)?)?,
            _ => reader.member(&header, std::mem::take(&mut before), disk)?,
        }
    }
}

struct Reader<'a, R> {
    input: &'a mut R,
}

impl<R: BufRead> Reader<'_, R> {
    /// The next header; `None` at the end of the tar.
    fn header(&mut self) -> Result<Option<Header>> {
        let mut block = [0; BLOCK];
        let mut filled = 0;
        while filled < BLOCK {
            match self.input.read(&mut block[filled..]) {
                Ok(0) if filled == 0 => return Ok(None),
                Ok(0) => bail!("the tar ends within a header"),
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("cannot read the tar"),
            }
        }
        // One block of zeros is the end, and nothing after the end counts.
        if Header::is_end(&block) {
            return Ok(None);
        }
        let header = Header::new(block).context("a header of the tar has a wrong checksum")?;
        Ok(Some(header))
    }

    fn skip(&mut self, bytes: u64) -> Result<()> {
        let skipped = io::copy(&mut self.input.by_ref().take(bytes), &mut io::sink());
        ensure!(
            skipped.context("cannot read the tar")? == bytes,
            "the tar ends too early"
        );
        Ok(())
    }

    /// The content of a special member.
    fn text(&mut self, header: &Header) -> Result<Vec<u8>> {
        let size = header.size()?;
        ensure!(
            size <= LONGEST,
            "a name or PAX header of {size} bytes is too long"
        );
        let mut text = Vec::new();
        let read = self.input.by_ref().take(size).read_to_end(&mut text);
        ensure!(
            read.context("cannot read the tar")? as u64 == size,
            "the tar ends too early"
        );
        self.skip(padded(size)? - size)?;
        Ok(text)
    }

    fn member(&mut self, header: &Header, before: Before, disk: &mut Disk) -> Result<()> {
        let mut pax = before.pax.unwrap_or_default();
        let path = pax
            .path
            .take()
            .or(before.name)
            .unwrap_or_else(|| header.path());
        let link = pax
            .link
            .take()
            .or(before.link)
            .unwrap_or_else(|| header.link());
        let name = String::from_utf8_lossy(&path).into_owned();
        let stored = match pax.size {
            Some(size) => size,
            None => header.size()?,
        };
        let kind = match header.kind() {
            b'1' => Kind::HardLink(link),
            b'2' => Kind::Symlink(link),
            b'3' => {
                let (major, minor) = header.device()?;
                Kind::CharacterDevice { major, minor }
            }
            b'4' => {
                let (major, minor) = header.device()?;
                Kind::BlockDevice { major, minor }
            }
            b'5' | b'D' => Kind::Directory,
            b'6' => Kind::Fifo,
            b'M' => bail!("{name:?} continues a file of another volume, which is not supported"),
            // POSIX makes a file of every unknown type. Old programs mark a directory by a slash.
            _ if path.ends_with(b"/") => Kind::Directory,
            _ => Kind::File,
        };
        let member = Member {
            path,
            mode: header.mode(),
            modified: pax.modified.or_else(|| header.modified()),
            kind,
        };
        let stored = match header.kind() {
            b'2'..=b'6' => 0,
            b'1' if !self.carries_content(header, stored, pax.any)? => 0,
            _ => stored,
        };
        let mut body = Body {
            input: self.input,
            left: stored,
        };
        let map = sparse::map(header, &pax, &mut body, stored)
            .with_context(|| format!("cannot read the sparse map of {name:?}"))?;
        if member.kind == Kind::Directory {
            member.write(disk, &mut io::empty(), &[], 0)?;
        } else {
            member.write(disk, &mut body, &map.regions, map.length)?;
        }
        let left = body.left;
        // The map of an old sparse member is not part of its size.
        let padding = padded(stored)? - stored;
        self.skip(left.checked_add(padding).context("a member is too large")?)
    }

    /// Before PAX, a hard link had a size and no content. libarchive decides by the dialect, and
    /// for ustar by whether a header follows.
    fn carries_content(&mut self, header: &Header, size: u64, pax: bool) -> Result<bool> {
        if size == 0 || pax || header.dialect() != Dialect::Ustar {
            return Ok(size > 0 && pax);
        }
        // The buffer of a decompressed or plain input holds more than a block, except at the end.
        let ahead = self.input.fill_buf().context("cannot read the tar")?;
        Ok(!is_tar(ahead))
    }
}

/// The content of a member, without the padding.
struct Body<'a, R> {
    input: &'a mut R,
    left: u64,
}

impl<R: BufRead> Read for Body<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.by_ref().take(self.left).read(buffer)?;
        self.left -= read as u64;
        Ok(read)
    }
}

fn padded(size: u64) -> Result<u64> {
    size.checked_next_multiple_of(BLOCK as u64)
        .context("a member is too large")
}

fn until_nul(mut text: Vec<u8>) -> Vec<u8> {
    let end = text.iter().position(|byte| *byte == 0);
    text.truncate(end.unwrap_or(text.len()));
    text
}
