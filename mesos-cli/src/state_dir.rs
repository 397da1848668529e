//! The folder for what programs of this user keep.

use std::path::PathBuf;

use crate::error::Error;

/// `$XDG_STATE_HOME/mesos` or `~/.local/state/mesos`.
pub(crate) fn state_dir() -> Result<PathBuf, Error> {
    let directory = |name| {
        let value = std::env::var_os(name).map(PathBuf::from);
        // The XDG base directory specification ignores relative paths.
        value.filter(|path| path.is_absolute())
    };
    let state =
        directory("XDG_STATE_HOME").or_else(|| Some(directory("HOME")?.join(".local/state")));
    match state {
        Some(state) => Ok(state.join("mesos")),
        None => Err(Error::usage("the home directory is not known").hint("set HOME")),
    }
}
