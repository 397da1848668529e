//! A file that contains the address of the masters.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::error::AddressError;
use super::master::{Location, Master};
use crate::error::{Error, ErrorKind, Result};

/// The limit for a chain of files that each name the next one.
const FILES: usize = 8;

/// The limit for the size of a file, in bytes.
const LIMIT: u64 = 64 << 10;

/// Reads the address in a file, for backends. If the content is a `file://` address, reads that
/// file. So the result is never a [`Location::File`]. Blocks the thread.
///
/// # Errors
/// [`ErrorKind::Config`]: a file cannot be read, does not contain an address, or is longer than
/// 64 KiB; or more than eight files each name another file.
pub fn read_file(path: &Path) -> Result<Master> {
    let mut next = PathBuf::from(path);
    for _ in 0..FILES {
        let content = content(&next)?;
        let master: Master = content.parse().map_err(|source: AddressError| {
            let message = format!("{} does not contain a master's address", next.display());
            Error::new(ErrorKind::Config, message).with_source(source)
        })?;
        match master.location() {
            Location::File(path) => next = path.to_owned(),
            _ => return Ok(master),
        }
    }
    let first = path.display();
    Err(Error::new(
        ErrorKind::Config,
        format!(
            "{first} starts a chain of more than {FILES} files that each name another file; write \
             the address of the masters into it"
        ),
    ))
}

/// The content may be a password, so it is overwritten when it is dropped.
fn content(path: &Path) -> Result<Zeroizing<String>> {
    // Reserved, because a string that grows leaves copies behind.
    let mut content = Zeroizing::new(String::with_capacity(LIMIT as usize + 1));
    let read = File::open(path).and_then(|file| file.take(LIMIT + 1).read_to_string(&mut content));
    let path = path.display();
    match read {
        Err(source) => Err(Error::new(
            ErrorKind::Config,
            format!("cannot read the address of the masters from {path}"),
        )
        .with_source(source)),
        Ok(_) if content.len() as u64 > LIMIT => Err(Error::new(
            ErrorKind::Config,
            format!("{path} is longer than {LIMIT} bytes; it should contain one address"),
        )),
        Ok(_) => Ok(content),
    }
}
