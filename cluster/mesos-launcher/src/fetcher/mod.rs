//! The program `mesos-fetcher`: an agent runs it for a container whose command has URIs, before the
//! container itself (`src/launcher/fetcher.cpp` in Mesos' tree).
//!
//! The variable `MESOS_FETCHER_INFO` lists the files for the sandbox, and the exit status reports
//! success or failure to the agent. Messages go to the sandbox's stdout and stderr. The program
//! fetches files and `http(s)://` URIs. It refuses FTP and Hadoop by name.

mod extract;
mod info;
mod net;

use std::env;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};

use crate::containerizer::Identity;
use info::{Action, Info, Item};

const VARIABLE: &str = "MESOS_FETCHER_INFO";

/// Runs the program with the environment of this process, and returns the exit status.
pub fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mesos-fetcher: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let json = env::var(VARIABLE).with_context(|| format!("cannot read {VARIABLE}"))?;
    let info: Info = serde_json::from_str(&json)
        .with_context(|| format!("{VARIABLE} is not a FetcherInfo in Mesos' JSON"))?;
    let user = info.user.as_deref().map(|user| Identity::find(user, &[]));
    if let Some(identity) = user.transpose()?.flatten() {
        // The files have to belong to the user, and the user must not read the agent's files.
        identity.assume()?;
    }
    for item in &info.items {
        let uri = &item.uri.value;
        fetch(&info, item).with_context(|| format!("cannot fetch {uri}"))?;
        println!("mesos-fetcher: fetched {uri}");
    }
    Ok(())
}

fn fetch(info: &Info, item: &Item) -> Result<()> {
    let uri = &item.uri;
    let name = match &uri.output_file {
        Some(file) => file.as_str(),
        None => base_name(&uri.value)?,
    };
    let inside = Path::new(name);
    ensure!(
        !inside.components().any(|part| part.as_os_str() == "..") && inside.is_relative(),
        "the output file {name} is outside of the sandbox"
    );
    let target = info.sandbox_directory.join(inside);
    if let Some(directory) = target.parent() {
        fs::create_dir_all(directory)
            .with_context(|| format!("cannot create the directory {}", directory.display()))?;
    }
    let extract = uri.extract && !uri.executable;
    // An archive in the cache is unpacked from there. Any other archive stays in the sandbox.
    let mut source = target.clone();
    if item.action == Action::BypassCache {
        get(info, &uri.value, &target)?;
    } else {
        source = cached(info, item)?;
    }
    let unpacked = extract && extract::extract(&source, &info.sandbox_directory)?;
    if extract && !unpacked {
        println!(
            "mesos-fetcher: copied {}, which is not an archive",
            uri.value
        );
    }
    if source != target && !unpacked {
        copy(&source, &target)?;
    }
    if uri.executable {
        fs::set_permissions(&target, Permissions::from_mode(0o755))
            .with_context(|| format!("cannot make {} executable", target.display()))?;
    }
    Ok(())
}

/// The file in the agent's cache. Only the agent removes files there.
fn cached(info: &Info, item: &Item) -> Result<PathBuf> {
    let directory = info.cache_directory.as_ref();
    let directory = directory.context("the FetcherInfo has no cache_directory")?;
    let name = item.cache_filename.as_ref();
    let file = directory.join(name.context("the FetcherInfo has no cache_filename for this file")?);
    if item.action == Action::DownloadAndCache && !file.exists() {
        fs::create_dir_all(directory)
            .with_context(|| format!("cannot create the directory {}", directory.display()))?;
        get(info, &item.uri.value, &file)?;
    }
    Ok(file)
}

fn get(info: &Info, uri: &str, target: &Path) -> Result<()> {
    let uri = uri.trim_start();
    if uri.starts_with("http://") || uri.starts_with("https://") {
        return net::download(uri, target, info.stall_timeout());
    }
    copy(&local_path(uri, info.frameworks_home.as_deref())?, target)
}

fn copy(source: &Path, target: &Path) -> Result<()> {
    fs::copy(source, target)
        .map(drop)
        .with_context(|| format!("cannot copy {} to {}", source.display(), target.display()))
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

/// The file name at the end of a URI.
fn base_name(uri: &str) -> Result<&str> {
    let path = match uri.split_once("://") {
        Some((_, rest)) => rest.split_once('/').map_or("", |(_, path)| path),
        None => uri,
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
}
