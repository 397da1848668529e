//! The resources and the attributes of each agent, through named pipes.
//!
//! Each agent of a local cluster loads its flags from the same environment (src/local/local.cpp in
//! Mesos' tree), and reads a flag whose value begins with `file://` from that file
//! (3rdparty/stout/include/stout/flags/fetch.hpp). The agents do so one after another, so a pipe
//! can give each of them another text.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::thread;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

/// Gives the texts to the readers of the pipe at `path`, one each and in this order, from a thread
/// that runs until the process ends.
pub(crate) fn serve(path: PathBuf, texts: Vec<String>) -> io::Result<()> {
    make(&path)?;
    thread::spawn(move || {
        // Only a reader that is not an agent could come after the last one.
        for text in texts.iter().cycle() {
            if let Err(error) = give(&path, text) {
                eprintln!("cannot give an agent the text of a flag: {error}");
                return;
            }
        }
    });
    Ok(())
}

/// Waits for a reader and writes to it.
fn give(path: &PathBuf, text: &str) -> io::Result<()> {
    let mut pipe = File::options().write(true).open(path)?;
    // The next reader opens another pipe, so it cannot read what this one has not read yet.
    make(path)?;
    match pipe.write_all(text.as_bytes()) {
        // The reader has closed the pipe without reading.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Makes a pipe at `path`, in place of whatever is there.
fn make(path: &PathBuf) -> io::Result<()> {
    let new = path.with_extension("new");
    if new.exists() {
        fs::remove_file(&new)?;
    }
    mkfifo(&new, Mode::S_IRUSR | Mode::S_IWUSR)?;
    fs::rename(new, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reader_gets_its_own_text() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("resources");
        let texts: Vec<_> = (0..20).map(|number| format!("cpus:{number}")).collect();
        // As a killed process leaves them behind.
        make(&path).expect("a pipe");
        fs::write(path.with_extension("new"), "").expect("a file");
        serve(path.clone(), texts.clone()).expect("a pipe");
        for text in &texts {
            assert_eq!(fs::read_to_string(&path).expect("a text"), *text);
        }
    }
}
