//! `mesos man`.

use std::path::PathBuf;

use clap::CommandFactory as _;

use crate::cli::Cli;
use crate::error::{Code, Error};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The directory for the pages, such as /usr/local/share/man/man1; it is created if it does
    /// not exist
    directory: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<(), Error> {
    let directory = &args.directory;
    std::fs::create_dir_all(directory)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), directory))
        .map_err(|error| {
            let message = format!("cannot write to {}: {error}", directory.display());
            Error::new(Code::Failure, message)
        })
}
