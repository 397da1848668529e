//! Reads a zip by its directory at the end.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, SeekFrom};

use anyhow::{Context as _, Result, bail, ensure};
use zip::read::ZipFile;
use zip::{CompressionMethod, ExtraField, ZipArchive};

use crate::disk::Disk;
use crate::member::{Kind, Member};

/// The longest target of a symlink, in bytes (`PATH_MAX`).
const LONGEST: u64 = 4096;

/// The number of the method zstd, which the crate `zip` reads only with a C library.
const ZSTD: u16 = 93;

/// Whether a file of an unknown format ends with the directory of a zip.
pub(crate) fn has_directory(file: &File) -> bool {
    let open = || -> Result<bool> {
        let mut file = file.try_clone()?;
        // The mark is at most a comment before the end.
        let length = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(length.saturating_sub(22 + 65_535)))?;
        let mut end = Vec::new();
        file.read_to_end(&mut end)?;
        Ok(end.windows(4).any(|mark| mark == b"PK\x05\x06"))
    };
    open().unwrap_or(false)
}

pub(crate) fn unpack(file: File, disk: &mut Disk) -> Result<()> {
    let mut archive = ZipArchive::new(BufReader::new(file)).context("the zip is damaged")?;
    // libarchive reads the members in the order of the file.
    let mut order = Vec::new();
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).context("the zip is damaged")?;
        order.push((entry.header_start(), index));
    }
    order.sort_unstable();
    for (_, index) in order {
        let entry = archive.by_index_raw(index).context("the zip is damaged")?;
        let name = String::from_utf8_lossy(entry.name_raw()).into_owned();
        ensure!(
            !entry.encrypted(),
            "the member {name:?} is encrypted, which is not supported"
        );
        let mut member = member(&entry);
        let (method, size, sum) = (entry.compression(), entry.size(), entry.crc32());
        drop(entry);
        let failed = || format!("cannot unpack the member {name:?}");
        if number(method) == Some(ZSTD) {
            let entry = archive.by_index_raw(index).with_context(failed)?;
            let decoder = ruzstd::decoding::StreamingDecoder::new(entry);
            let decoder = decoder.map_err(io::Error::other).with_context(failed)?;
            let mut data = Checked {
                inner: decoder,
                expected: sum,
                hash: crc32fast::Hasher::new(),
            };
            write(&mut member, &mut data, size, disk).with_context(failed)?;
        } else {
            if let Some(number) = number(method) {
                bail!(
                    "the member {name:?} has the compression method {number}, which is not supported"
                );
            }
            let mut entry = archive.by_index(index).with_context(failed)?;
            write(&mut member, &mut entry, size, disk).with_context(failed)?;
        }
    }
    Ok(())
}

/// The number of a method that the crate `zip` does not read.
fn number(method: CompressionMethod) -> Option<u16> {
    // The crate drops the mark under cargo fuzz.
    #[cfg_attr(
        not(fuzzing),
        expect(deprecated, reason = "there is no other way to read the number")
    )]
    match method {
        CompressionMethod::Unsupported(number) => Some(number),
        _ => None,
    }
}

fn write(member: &mut Member, data: &mut impl Read, size: u64, disk: &mut Disk) -> Result<()> {
    if let Kind::Symlink(target) = &mut member.kind {
        ensure!(size < LONGEST, "the target of a symlink has {size} bytes");
        data.read_to_end(target).context("the data is damaged")?;
        member.write(disk, &mut io::empty(), &[], 0)?;
        return Ok(());
    }
    let size = if member.kind == Kind::File { size } else { 0 };
    member.write(disk, data, &[(0, size)], size)?;
    if member.kind == Kind::File {
        // The checksum is compared at the end only.
        let more = io::copy(&mut data.take(1), &mut io::sink()).context("the data is damaged")?;
        ensure!(more == 0, "the data is longer than the directory says");
    }
    Ok(())
}

fn member<R: Read>(entry: &ZipFile<'_, R>) -> Member {
    let attributes = entry.external_attributes();
    let mut path = entry.name_raw().to_vec();
    if !path.contains(&b'/') {
        // Some programs write the separator of their system.
        path.iter_mut()
            .filter(|byte| **byte == b'\\')
            .for_each(|byte| *byte = b'/');
    }
    let mode = match entry.system() {
        zip::System::Unix => attributes >> 16,
        zip::System::Dos => {
            let mode = if attributes & 0x10 != 0 {
                0o40775
            } else {
                0o100664
            };
            if attributes & 1 != 0 {
                mode & !0o222
            } else {
                mode
            }
        }
        _ => 0o100_664,
    };
    let (kind, mode) = match mode & 0o170_000 {
        0o40_000 => (Kind::Directory, mode),
        // A slash at the end counts more than the mode.
        _ if path.ends_with(b"/") => (Kind::Directory, mode | 0o111),
        0o120_000 => (Kind::Symlink(Vec::new()), mode),
        _ => (Kind::File, mode),
    };
    Member {
        path,
        kind,
        mode,
        modified: modified(entry),
    }
}

/// The Unix time, or the time of DOS as if it were UTC.
fn modified<R: Read>(entry: &ZipFile<'_, R>) -> Option<(i64, u32)> {
    let unix = entry.extra_data_fields().find_map(|field| match field {
        ExtraField::ExtendedTimestamp(time) => time.mod_time(),
        _ => None,
    });
    if let Some(seconds) = unix {
        return Some((i64::from(seconds.cast_signed()), 0));
    }
    let time = entry.last_modified()?;
    let days = days(
        i64::from(time.year()),
        i64::from(time.month()),
        i64::from(time.day()),
    );
    let (hour, minute) = (i64::from(time.hour()), i64::from(time.minute()));
    Some((
        (days * 24 + hour) * 3600 + minute * 60 + i64::from(time.second()),
        0,
    ))
}

/// The days from 1970 to a date of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years start in March, so that the leap day is the last day.
    let year = if month < 3 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let leap_days = year / 4 - year / 100 + year / 400;
    let before = (month * 153 + 2) / 5;
    year * 365 + leap_days + before + day - 1 - 719_468
}

/// Compares the checksum at the end.
struct Checked<R> {
    inner: R,
    expected: u32,
    hash: crc32fast::Hasher,
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hash.update(&buffer[..read]);
        if read == 0 && !buffer.is_empty() && self.hash.clone().finalize() != self.expected {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the checksum is wrong",
            ));
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_from_1970() {
        for (date, expected) in [
            ((1970, 1, 1), 0),
            ((1980, 1, 1), 3652),
            ((2000, 2, 29), 11_016),
            ((2000, 3, 1), 11_017),
            ((2020, 9, 13), 18_518),
            ((2107, 12, 31), 50_402),
        ] {
            assert_eq!(days(date.0, date.1, date.2), expected, "{date:?}");
        }
    }
}
