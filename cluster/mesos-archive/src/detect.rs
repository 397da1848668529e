//! Finds the format of a content.

use crate::tar;

/// The place of the mark of an ISO 9660 image, which starts with 32 KiB for boot code.
const ISO: std::ops::Range<usize> = 32_769..32_774;

/// The number of bytes that decide.
pub(crate) const HEAD: usize = ISO.end;

/// A compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filter {
    Gzip,
    Bzip2,
    Xz,
    Lzma,
    Lzip,
    Zstd,
    Lz4,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Tar,
    Zip,
    /// No byte at all. libarchive takes it for an archive without members.
    Empty,
    Unknown,
    /// A format that libarchive reads and this crate does not.
    Unsupported(&'static str),
}

pub(crate) fn filter(head: &[u8]) -> Option<Filter> {
    let skippable = head.len() >= 4 && head[0] & 0xf0 == 0x50 && head[1..4] == *b"\x2a\x4d\x18";
    match head {
        [0x1f, 0x8b, 8, ..] => Some(Filter::Gzip),
        [
            b'B',
            b'Z',
            b'h',
            b'1'..=b'9',
            0x31,
            0x41,
            0x59,
            0x26,
            0x53,
            0x59,
            ..,
        ]
        | [
            b'B',
            b'Z',
            b'h',
            b'1'..=b'9',
            0x17,
            0x72,
            0x45,
            0x38,
            0x50,
            0x90,
            ..,
        ] => Some(Filter::Bzip2),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Filter::Xz),
        [b'L', b'Z', b'I', b'P', 1, ..] => Some(Filter::Lzip),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Filter::Zstd),
        [0x04, 0x22, 0x4d, 0x18, ..] => Some(Filter::Lz4),
        _ if skippable => Some(Filter::Zstd),
        _ if is_lzma(head) => Some(Filter::Lzma),
        _ => None,
    }
}

/// The format has no magic: properties, the size of the dictionary (a power of two, or one and a
/// half), the length or -1, and a first byte that is always 0.
fn is_lzma(head: &[u8]) -> bool {
    let Some(head) = head.first_chunk::<14>() else {
        return false;
    };
    let dictionary = u32::from_le_bytes([head[1], head[2], head[3], head[4]]);
    let length = u64::from_le_bytes([
        head[5], head[6], head[7], head[8], head[9], head[10], head[11], head[12],
    ]);
    let power = |size: u32| size.is_power_of_two() && size >= 4096;
    let usual = power(dictionary) || (dictionary % 3 == 0 && power(dictionary / 3 * 2));
    head[0] == 0x5d && usual && (length == u64::MAX || length < 1 << 40) && head[13] == 0
}

pub(crate) fn format(head: &[u8]) -> Format {
    if head.is_empty() {
        return Format::Empty;
    }
    // The boot code is often empty, as is the first block of a tar without members.
    if head.get(ISO) == Some(b"CD001") {
        return Format::Unsupported("an ISO 9660 image");
    }
    if tar::is_tar(head) {
        return Format::Tar;
    }
    if [b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08", b"PK00"]
        .iter()
        .any(|mark| head.starts_with(*mark))
    {
        return Format::Zip;
    }
    let marks: [(&[u8], &str); 21] = [
        (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
        (b"Rar!\x1a\x07", "a RAR archive"),
        (b"070701", "a cpio archive"),
        (b"070702", "a cpio archive"),
        (b"070707", "a cpio archive"),
        (b"\xc7\x71", "a cpio archive"),
        (b"\x71\xc7", "a cpio archive"),
        (b"!<arch>\n", "an ar archive"),
        (b"MSCF", "a CAB archive"),
        (b"xar!", "a XAR archive"),
        (b"WARC/", "a WARC archive"),
        (b"#mtree", "an mtree list"),
        (b"\xed\xab\xee\xdb", "an RPM package"),
        (b"\x1f\x9d", "a file of the program compress"),
        (b"\x1f\xa0", "an LZH file"),
        (b"\x89LZO\x00", "an lzop file"),
        (b"LRZI", "an lrzip file"),
        (b"GRZipII", "a GRZip file"),
        (b"begin ", "a file of the program uuencode"),
        (b"begin-base64 ", "a file of the program uuencode"),
        (b"\x02\x21\x4c\x18", "an LZ4 file of the old format"),
    ];
    if let Some((_, name)) = marks.iter().find(|(mark, _)| head.starts_with(mark)) {
        return Format::Unsupported(name);
    }
    if head
        .get(2..7)
        .is_some_and(|mark| mark.starts_with(b"-lh") && mark[4] == b'-')
    {
        return Format::Unsupported("an LHA archive");
    }
    Format::Unknown
}
