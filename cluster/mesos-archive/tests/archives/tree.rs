//! What a directory contains.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, Metadata};
use std::hash::{DefaultHasher, Hasher as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

/// Everything below `directory`, with the type, the mode, the content and the time of each path.
/// Hard links name the first path of their file. Directories are without a time, because every
/// new member changes it.
pub(crate) fn tree(directory: &Path) -> BTreeMap<String, String> {
    if !directory.is_dir() {
        return [(String::new(), "not a directory".to_owned())].into();
    }
    let mut paths = Vec::new();
    collect(directory, &mut paths);
    paths.sort();
    let mut first = HashMap::new();
    let mut tree = BTreeMap::new();
    for path in paths {
        let metadata = fs::symlink_metadata(&path).expect("is there");
        let name = path.strip_prefix(directory).expect("is below");
        let name = name.to_string_lossy().into_owned();
        let original = first
            .entry((metadata.dev(), metadata.ino()))
            .or_insert_with(|| name.clone())
            .clone();
        let text = if original == name {
            describe(&path, &metadata)
        } else {
            format!("link to {original}")
        };
        tree.insert(name, text);
    }
    tree
}

fn collect(directory: &Path, paths: &mut Vec<std::path::PathBuf>) {
    // A user other than root cannot read every directory.
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for entry in entries {
        let entry = entry.expect("an entry");
        paths.push(entry.path());
        if entry.file_type().expect("a type").is_dir() {
            collect(&entry.path(), paths);
        }
    }
}

fn describe(path: &Path, metadata: &Metadata) -> String {
    let mode = metadata.mode() & 0o7777;
    let time = metadata.mtime();
    let kind = metadata.file_type();
    if kind.is_symlink() {
        let target = fs::read_link(path).expect("is a link");
        return format!("symlink to {}, {time}", target.display());
    }
    if kind.is_dir() {
        return format!("directory {mode:o}");
    }
    if kind.is_file() {
        let content = fs::read(path).unwrap_or_default();
        let mut hasher = DefaultHasher::new();
        hasher.write(&content);
        let hash = hasher.finish();
        return format!("file {mode:o}, {} bytes, {hash:x}, {time}", content.len());
    }
    let kind = match () {
        () if kind.is_fifo() => "fifo",
        () if kind.is_char_device() => "character device",
        () if kind.is_block_device() => "block device",
        () => "other",
    };
    format!("{kind} {mode:o}, {:x}, {time}", metadata.rdev())
}
