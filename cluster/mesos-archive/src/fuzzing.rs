//! The promise that holds for any bytes: the body of the fuzz target `archive` in `testing/fuzz/`,
//! and, as a test, over its committed corpus.
//!
//! Compiled by `cargo fuzz`, which sets `cfg(fuzzing)`, and for this crate's own tests. Not part of
//! the public API.

use std::fs::File;
use std::io::{Seek as _, Write as _};

use cap_std::ambient_authority;
use rustix::fs::MemfdFlags;

use crate::disk::Disk;

/// How many bytes an archive may unpack to, so that a small input stays fast.
const BUDGET: u64 = 8 << 20;

/// Unpacks the bytes into a directory that has a symlink to the directory above. Nothing changes
/// above.
///
/// # Panics
/// Something changed above, or the crate panics.
pub fn archive(bytes: &[u8]) {
    let above = cap_tempfile::tempdir(ambient_authority()).expect("a directory");
    above.write("victim", "unchanged").expect("a file");
    above.create_dir("target").expect("a directory");
    let target = above.open_dir("target").expect("a directory");
    target.symlink("..", "up").expect("a symlink");
    target.symlink("../victim", "out").expect("a symlink");
    let mut disk = Disk::new(target);
    disk.budget = BUDGET;

    let file = rustix::fs::memfd_create("archive", MemfdFlags::CLOEXEC).expect("memory");
    let mut file = File::from(file);
    file.write_all(&with_checksums(bytes)).expect("memory");
    file.rewind().expect("memory");
    let _ = crate::unpack_into(&file, disk);

    let mut names: Vec<_> = above
        .entries()
        .expect("a directory")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["target", "victim"]);
    let victim = above.symlink_metadata("victim").expect("is there");
    assert!(victim.is_file());
    assert_eq!(above.read("victim").expect("a file"), b"unchanged");
}

/// The bytes, with a right checksum in each block that looks like a header of a tar. A fuzzer
/// does not guess checksums.
fn with_checksums(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for block in bytes.chunks_exact_mut(512) {
        if block[257..262] != *b"ustar" {
            continue;
        }
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().copied().map(u32::from).sum();
        block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests;
