//! The program `mesos-fetcher`: an agent runs it for a container whose command has URIs, before the
//! container itself (`src/launcher/fetcher.cpp` in Mesos' tree).
//!
//! The variable `MESOS_FETCHER_INFO` lists the files for the sandbox, and the exit status reports
//! success or failure to the agent. All messages go to stderr, as in Mesos, which is the file stderr of
//! the sandbox. The agent logs this file if the fetcher fails. The messages are those of Mesos in other
//! words, and without the passwords of URIs. The program fetches files and `http(s)://` URIs. It refuses FTP and Hadoop by
//! name. The crate `mesos-archive` unpacks archives.
//!
//! # Differences from Mesos
//! * An `output_file` with `..` is refused, because it leads out of the sandbox. So is an
//!   `output_file` below a symlink that leads out of the sandbox. An absolute `output_file` is below
//!   the sandbox, as in Mesos.
//! * A file gets its name when it is complete. A failed download leaves no file. Mesos leaves a part.
//! * At most 50 redirects are followed, and not to FTP. Mesos' libcurl has no limit.
//! * A SOCKS proxy is an error.

mod extract;
mod info;
mod net;
mod place;
mod proxy;

use std::borrow::Cow;
use std::env;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};

use crate::containerizer::Identity;
use info::{Action, Info, Item};
use place::{Mode, Place};

const VARIABLE: &str = "MESOS_FETCHER_INFO";

/// The mode of a file that shall be executable, without the umask.
const EXECUTABLE: u32 = 0o755;

/// Runs the program with the environment of this process, and returns the exit status.
pub fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log(format_args!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let json = env::var(VARIABLE).with_context(|| format!("cannot read {VARIABLE}"))?;
    let info: Info = serde_json::from_str(&json)
        .with_context(|| format!("{VARIABLE} is not a FetcherInfo in Mesos' JSON"))?;
    let user = info.user.as_deref().map(|user| Identity::find(user, &[]));
    let identity = user.transpose()?.flatten();
    make_cache(&info, identity.as_ref())?;
    if let Some(identity) = identity {
        // The files have to belong to the user, and the user must not read the agent's files.
        identity.assume()?;
    }
    for item in &info.items {
        let uri = without_password(&item.uri.value);
        log(format_args!("fetching {uri}"));
        let target = fetch(&info, item).with_context(|| format!("cannot fetch {uri}"))?;
        log(format_args!("fetched {uri} to {}", target.display()));
    }
    let sandbox = info.sandbox_directory.display();
    log(format_args!("fetched all URIs into {sandbox}"));
    Ok(())
}

/// Writes a message, which is lost if the file cannot be written.
fn log(message: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "mesos-fetcher: {message}");
}

/// Makes the directory of the cache, which belongs to the user (`createCacheDirectory` in
/// `src/launcher/fetcher.cpp`). Only the agent's user can do so: the agent has one directory for
/// each user.
fn make_cache(info: &Info, identity: Option<&Identity>) -> Result<()> {
    let needed = info
        .items
        .iter()
        .any(|item| item.action != Action::BypassCache);
    let Some(directory) = info.cache_directory.as_ref().filter(|_| needed) else {
        return Ok(());
    };
    let failed = || format!("cannot create the cache directory {}", directory.display());
    fs::create_dir_all(directory).with_context(failed)?;
    match identity {
        Some(identity) => identity.give(directory).with_context(failed),
        None => Ok(()),
    }
}

/// Returns the file; for an archive that was unpacked from the cache, the directory.
fn fetch(info: &Info, item: &Item) -> Result<PathBuf> {
    let uri = &item.uri;
    let base = base_name(&uri.value)?;
    let name = uri.output_file.as_deref().unwrap_or(base);
    let sandbox = &info.sandbox_directory;
    let place = Place::below(sandbox, name)?;
    let extract = uri.extract && !uri.executable;
    // An archive in the cache is unpacked from there. Any other archive stays in the sandbox.
    let cached = match item.action {
        Action::BypassCache => None,
        Action::DownloadAndCache | Action::RetrieveFromCache => Some(cached(info, item)?),
    };
    if let (Some(cached), true) = (&cached, extract)
        && extracted(cached, sandbox)?
    {
        return Ok(sandbox.clone());
    }
    match &cached {
        Some(cached) => copy(cached, &place, uri.executable)?,
        None => get(info, &uri.value, &place, uri.executable)?,
    }
    let file = sandbox.join(place.path());
    if extract && (cached.is_some() || !extracted(&file, sandbox)?) {
        let uri = without_password(&uri.value);
        log(format_args!(
            "warning: {uri} was copied, because its name is not that of an archive"
        ));
    }
    Ok(file)
}

/// Unpacks an archive. Returns false if the name is not that of an archive.
fn extracted(archive: &Path, sandbox: &Path) -> Result<bool> {
    let is_archive = extract::extract(archive, sandbox)?;
    if is_archive {
        let (archive, sandbox) = (archive.display(), sandbox.display());
        log(format_args!("extracted {archive} into {sandbox}"));
    }
    Ok(is_archive)
}

/// The file in the agent's cache. Only the agent removes files there.
fn cached(info: &Info, item: &Item) -> Result<PathBuf> {
    let directory = info.cache_directory.as_ref();
    let directory = directory.context("the FetcherInfo has no cache_directory")?;
    let name = item.cache_filename.as_ref();
    let name = name.context("the FetcherInfo has no cache_filename for this file")?;
    if item.action == Action::DownloadAndCache {
        // Always a new download: a file with this name is the rest of another agent's life.
        let place = Place::below(directory, name)?;
        get(info, &item.uri.value, &place, false)?;
    }
    Ok(directory.join(name))
}

fn get(info: &Info, uri: &str, place: &Place, executable: bool) -> Result<()> {
    let uri = uri.trim_start();
    if uri.starts_with("http://") || uri.starts_with("https://") {
        let mode = if executable {
            Mode::Exact(EXECUTABLE)
        } else {
            Mode::Masked(0o644)
        };
        return place.fill(mode, |file| net::download(uri, file, info.stall_timeout()));
    }
    copy(
        &local_path(uri, info.frameworks_home.as_deref())?,
        place,
        executable,
    )
}

fn copy(source: &Path, place: &Place, executable: bool) -> Result<()> {
    let failed = || format!("cannot copy {}", source.display());
    let mut from = File::open(source).with_context(failed)?;
    let metadata = from.metadata().with_context(failed)?;
    ensure!(metadata.is_file(), "{} is not a file", source.display());
    let mode = if executable {
        Mode::Exact(EXECUTABLE)
    } else {
        Mode::Masked(metadata.permissions().mode() & 0o777)
    };
    place.fill(mode, |file| {
        io::copy(&mut from, file).map(drop).with_context(failed)
    })
}

/// A URI for messages, which go to the sandbox.
fn without_password(uri: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = uri.split_once("://") else {
        return uri.into();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let Some((user_info, host)) = rest[..end].rsplit_once('@') else {
        return uri.into();
    };
    match user_info.split_once(':') {
        Some((user, _)) => format!("{scheme}://{user}:***@{host}{}", &rest[end..]).into(),
        None => uri.into(),
    }
}

/// The path in a URI for a local file (`uriToLocalPath` in
/// `src/slave/containerizer/fetcher.cpp`).
fn local_path(uri: &str, home: Option<&Path>) -> Result<PathBuf> {
    let file = uri.strip_prefix("file://");
    ensure!(
        file.is_some() || !uri.contains("://"),
        "this mesos-fetcher supports http://, https:// and file:// only"
    );
    let path = file.map_or(uri, |path| path.strip_prefix("localhost").unwrap_or(path));
    if Path::new(path).is_absolute() {
        return Ok(path.into());
    }
    ensure!(file.is_none(), "a file:// URI needs an absolute path");
    let home = home.context("the path is relative, but the agent has no --frameworks_home")?;
    Ok(home.join(path))
}

/// The file name at the end of a URI (`Fetcher::basename` in
/// `src/slave/containerizer/fetcher.cpp`).
fn base_name(uri: &str) -> Result<&str> {
    ensure!(
        !uri.contains(['\\', '\'', '\0']),
        "the URI contains a backslash, a quote or a NUL, which Mesos refuses"
    );
    let path = match uri.split_once("://") {
        Some((_, rest)) => rest.split_once('/').map_or("", |(_, path)| path),
        None => uri.trim_end_matches('/'),
    };
    let name = path.rsplit('/').next().unwrap_or_default();
    ensure!(!name.is_empty(), "the URI does not end with a file name");
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_name_is_the_last_part_of_the_uri() {
        for (uri, expected) in [
            ("http://h:1/a/b.tgz", Some("b.tgz")),
            ("/a/b", Some("b")),
            ("b", Some("b")),
            ("http://h", None),
            ("http://h/a/", None),
            ("a/b/", Some("b")),
            ("http://h/a\\b", None),
            ("http://h/it's", None),
        ] {
            assert_eq!(base_name(uri).ok(), expected, "{uri}");
        }
    }

    #[test]
    fn paths_are_absolute_or_below_the_frameworks_home() {
        let home = Some(Path::new("/home"));
        for (uri, expected) in [
            ("/a/b", Some("/a/b")),
            ("file:///a/b", Some("/a/b")),
            ("file://localhost/a", Some("/a")),
            ("a/b", Some("/home/a/b")),
            ("file://a", None),
            ("hdfs://h/a", None),
        ] {
            let path = local_path(uri, home).ok();
            assert_eq!(path.as_deref(), expected.map(Path::new), "{uri}");
        }
        assert!(local_path("a", None).is_err());
    }

    #[test]
    fn messages_have_no_password() {
        for (uri, expected) in [
            ("http://u:secret@h/a", "http://u:***@h/a"),
            ("http://u:se@cr:et@h:1?q=a@b", "http://u:***@h:1?q=a@b"),
            ("http://u:@h", "http://u:***@h"),
            ("http://u@h/a", "http://u@h/a"),
            ("http://h/a:b@c", "http://h/a:b@c"),
            ("/a:b@c", "/a:b@c"),
        ] {
            assert_eq!(without_password(uri), expected, "{uri}");
        }
    }
}
