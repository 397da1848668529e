//! The program `mesos-fetcher`: what an agent starts for a container whose command has URIs,
//! before the container itself (`src/launcher/fetcher.cpp` in Mesos' tree).
//!
//! It is told by the variable `MESOS_FETCHER_INFO` what to put into the sandbox, and its exit
//! status tells the agent whether that worked. What it says goes to the sandbox's stdout and
//! stderr. Files and `http(s)://` are fetched; what needs FTP or Hadoop is refused by name.

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

/// The program: environment in, exit status out.
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
        .with_context(|| format!("{VARIABLE} is no FetcherInfo in Mesos' JSON"))?;
    let user = info.user.as_deref().map(|user| Identity::find(user, &[]));
    if let Some(identity) = user.transpose()?.flatten() {
        // The files are to be the user's, and the agent's are none of the user's business.
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
        "its output file {name} is not inside of the sandbox"
    );
    let target = info.sandbox_directory.join(inside);
    if let Some(directory) = target.parent() {
        fs::create_dir_all(directory)
            .with_context(|| format!("cannot make the directory {}", directory.display()))?;
    }
    let extract = uri.extract && !uri.executable;
    // An archive in the cache is not copied to be unpacked; any other one stays in the sandbox.
    let mut source = target.clone();
    if item.action == Action::BypassCache {
        get(info, &uri.value, &target)?;
    } else {
        source = cached(info, item)?;
    }
    let unpacked = extract && extract::extract(&source, &info.sandbox_directory)?;
    if extract && !unpacked {
        println!("mesos-fetcher: {} is no archive: it is copied", uri.value);
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

/// The file in the agent's cache, which only the agent clears.
fn cached(info: &Info, item: &Item) -> Result<PathBuf> {
    let directory = info.cache_directory.as_ref();
    let directory = directory.context("the agent has not said where its cache is")?;
    let name = item.cache_filename.as_ref();
    let file = directory
        .join(name.context("the agent has not said what the file's name is in its cache")?);
    if item.action == Action::DownloadAndCache && !file.exists() {
        fs::create_dir_all(directory)
            .with_context(|| format!("cannot make the directory {}", directory.display()))?;
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

/// The file that a URI without a network names (`uriToLocalPath` in
/// `src/slave/containerizer/fetcher.cpp`).
fn local_path(uri: &str, home: Option<&Path>) -> Result<PathBuf> {
    let file = uri.strip_prefix("file://");
    ensure!(
        file.is_some() || !uri.contains("://"),
        "this mesos-fetcher knows http://, https:// and file:// only"
    );
    let path = file.map_or(uri, |path| path.strip_prefix("localhost").unwrap_or(path));
    if Path::new(path).is_absolute() {
        return Ok(path.into());
    }
    ensure!(file.is_none(), "a file:// URI needs an absolute path");
    let home = home.context("it is a relative path, and the agent has no --frameworks_home")?;
    Ok(home.join(path))
}

/// What a file is called that a URI names.
fn base_name(uri: &str) -> Result<&str> {
    let path = match uri.split_once("://") {
        Some((_, rest)) => rest.split_once('/').map_or("", |(_, path)| path),
        None => uri,
    };
    let name = path.rsplit('/').next().unwrap_or_default();
    ensure!(!name.is_empty(), "the URI ends with no name of a file");
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_called_as_its_uri_ends() {
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
