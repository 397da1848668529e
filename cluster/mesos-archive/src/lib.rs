//! Unpacks archives below one directory, as Mesos' fetcher does.
//!
//! Mesos unpacks with libarchive (`3rdparty/stout/include/stout/archiver.hpp`). This crate does the
//! same in Rust, so that `mesos-fetcher` needs no library of the machine:
//!
//! * The content selects the format: a tar (v7, ustar, GNU, PAX, Solaris) or a zip. Each can be
//!   compressed by gzip, bzip2, xz, lzma, lzip, zstd or LZ4, also more than once.
//! * Members get the mode of the archive under the umask, without set-uid, set-gid and sticky bits,
//!   and the archive's time of modification. They belong to the user of the process.
//! * Sparse members, hard links, symlinks, FIFOs and devices are made. A device needs root.
//! * A later member replaces an earlier member, or a file that was there before.
//! * A member with `..` in its path or in the target of its hard link is an error. A leading `/` is
//!   removed.
//!
//! # Differences from libarchive
//! * Nothing outside the directory is ever written. libarchive follows a symlink of the archive that
//!   leads outside; here a member below such a symlink is an error. A symlink that stays inside the
//!   directory is followed. A symlink with an absolute target never stays inside.
//! * A zip without its directory at the end is an error. libarchive unpacks what is there.
//! * A header with a wrong checksum is an error. Mesos takes it for a member.
//! * Bytes that follow the compressed data are ignored for every compression but lzip.
//! * Names are bytes. libarchive refuses names that the locale does not contain.
//! * A symlink without a target is an error, and so is a file in the place of the directory itself.
//! * The older formats of libarchive (cpio, ar, 7-Zip, RAR, ISO 9660, CAB, XAR, LHA, WARC, mtree;
//!   compress, lzop, lrzip, uuencode) are errors that name the format. The endings for which Mesos
//!   unpacks a file make these formats unlikely.
//! * Times of a zip without Unix times are read as UTC.
//!
//! As in Mesos, nothing limits the unpacked size. A small archive can fill the disk.
#![cfg(target_os = "linux")]

mod detect;
mod disk;
mod filter;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod member;
mod tar;
mod zip;

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use detect::Format;
use disk::Disk;
use filter::Input;

/// Unpacks the file `archive` into the existing directory `target`.
///
/// # Errors
/// The archive is damaged, has an unsupported format or a member that is refused, or a member cannot
/// be written. The members before the failed member stay.
pub fn unpack(archive: &Path, target: &Path) -> Result<()> {
    let file = File::open(archive)
        .with_context(|| format!("cannot open the archive {}", archive.display()))?;
    let disk = Disk::open(target)
        .with_context(|| format!("cannot open the directory {}", target.display()))?;
    unpack_into(&file, disk)
}

/// Decompresses one file into `output`. The content selects the compression.
///
/// # Errors
/// The input is not compressed, is damaged or cannot be read, or the output cannot be written.
pub fn decompress(input: impl Read + 'static, output: &mut impl io::Write) -> Result<()> {
    let mut input = Input::new(Box::new(BufReader::new(input)));
    let Some(filter) = detect::filter(input.head()?) else {
        bail!("the content is not compressed by a supported program");
    };
    let mut input = filter::open(filter, input, u64::MAX);
    io::copy(&mut input, output).context("cannot decompress")?;
    Ok(())
}

fn unpack_into(file: &File, mut disk: Disk) -> Result<()> {
    let copy = || file.try_clone().context("cannot read the archive");
    let mut input = Input::new(Box::new(BufReader::with_capacity(64 * 1024, copy()?)));
    let mut filters = 0;
    while let Some(filter) = detect::filter(input.head()?) {
        filters += 1;
        if filters > filter::MAXIMUM {
            bail!(
                "the archive is compressed more than {} times",
                filter::MAXIMUM
            );
        }
        input = filter::open(filter, input, disk.budget);
    }
    match detect::format(input.head()?) {
        Format::Tar => tar::unpack(&mut input, &mut disk)?,
        Format::Zip if filters == 0 => zip::unpack(copy()?, &mut disk)?,
        // A zip is read from its end, so the decompressed file is needed.
        Format::Zip => {
            let mut whole = disk
                .temporary_file()
                .context("cannot make a temporary file")?;
            io::copy(&mut input, &mut whole).context("cannot decompress the zip")?;
            zip::unpack(whole, &mut disk)?;
        }
        Format::Empty => {}
        // A zip can follow a program that unpacks it.
        Format::Unknown if filters == 0 && zip::has_directory(file) => {
            zip::unpack(copy()?, &mut disk)?;
        }
        Format::Unknown => bail!("the content is not a tar, a zip or a compressed one of them"),
        Format::Unsupported(name) => {
            bail!("the content is {name}, which is not supported; use a tar or a zip")
        }
    }
    disk.finish()
}
