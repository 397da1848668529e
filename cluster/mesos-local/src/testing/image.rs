//! A Docker image with a few programs of this machine.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

/// The id of the only layer.
const LAYER: &str = "layer";

/// Writes the archive `NAME:TAG.tar` of a Docker image into `directory`, for
/// [`Builder::images`](crate::Builder::images). The image contains `programs` of this machine, such as
/// `/bin/sh`, with their shared libraries, and the empty directory `/tmp`. `environment` has lines
/// `NAME=VALUE`. The programs `tar` and `ldd` are needed.
///
/// # Errors
/// A program does not exist, a file cannot be written, or `tar` or `ldd` fails.
pub fn write_image(
    directory: &Path,
    (name, tag): (&str, &str),
    programs: &[&str],
    environment: &[&str],
) -> io::Result<()> {
    let work = tempfile::tempdir()?;
    let root = work.path().join("root");
    fs::create_dir_all(root.join("tmp"))?;
    for program in programs {
        add(&root, Path::new(program))?;
        for library in libraries(program)? {
            add(&root, &library)?;
        }
    }
    let archive = work.path().join("archive");
    let layer = archive.join(LAYER);
    fs::create_dir_all(&layer)?;
    let manifest = json!({ "id": LAYER, "config": { "Env": environment } });
    fs::write(layer.join("json"), manifest.to_string())?;
    fs::write(layer.join("VERSION"), "1.0")?;
    pack(&root, &layer.join("layer.tar"))?;
    let repositories = json!({ name: { tag: LAYER } });
    fs::write(archive.join("repositories"), repositories.to_string())?;
    pack(&archive, &directory.join(format!("{name}:{tag}.tar")))
}

/// Copies a file of this machine to the same path below `root`.
fn add(root: &Path, path: &Path) -> io::Result<()> {
    let target = root.join(path.strip_prefix("/").unwrap_or(path));
    fs::create_dir_all(target.parent().unwrap_or(root))?;
    let copied = fs::copy(path, &target);
    let explain = |error| io::Error::other(format!("cannot copy {}: {error}", path.display()));
    copied.map(drop).map_err(explain)
}

/// The shared libraries of a program, with the dynamic linker.
fn libraries(program: &str) -> io::Result<Vec<PathBuf>> {
    // It fails for a static program, which has none.
    let output = Command::new("ldd").arg(program).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let words = text.split_whitespace().filter(|word| word.starts_with('/'));
    Ok(words.map(PathBuf::from).collect())
}

/// Writes the files of `directory` to the file `archive`.
fn pack(directory: &Path, archive: &Path) -> io::Result<()> {
    let mut command = Command::new("tar");
    command
        .arg("-cf")
        .arg(archive)
        .arg("-C")
        .arg(directory)
        .arg(".");
    let status = command.status()?;
    if status.success() {
        return Ok(());
    }
    let message = format!("tar cannot write {}: {status}", archive.display());
    Err(io::Error::other(message))
}
