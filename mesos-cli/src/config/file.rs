//! The configuration file, `~/.config/mesos/config.toml`.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml_edit::{DocumentMut, Item, Table, value};

use super::cluster::{Cluster, Settings};
use crate::error::{Code, Error};
use crate::resolve::{Candidate, resolve};

/// The configuration file, which may not exist.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) path: PathBuf,
    pub(crate) content: Content,
}

/// What the file contains.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Content {
    /// The name of the current cluster.
    pub(crate) cluster: Option<String>,
    #[serde(default)]
    pub(crate) clusters: BTreeMap<String, Settings>,
}

impl File {
    /// Reads the file. A file that does not exist is the same as an empty file.
    pub(crate) fn load() -> Result<Self, Error> {
        let path = path()?;
        let content = match read(&path)? {
            Some(text) => toml::from_str(&text).map_err(|error| invalid(&path, &error))?,
            None => Content::default(),
        };
        Ok(Self { path, content })
    }

    /// The cluster with this name.
    pub(crate) fn cluster(&self, name: &str) -> Result<Cluster, Error> {
        let clusters = self.content.clusters.iter();
        let candidates = clusters.map(|(name, settings)| Candidate {
            id: name,
            name: "",
            value: settings,
        });
        let place = self.path.display();
        let exact = self.content.clusters.get(name);
        let settings = match exact {
            Some(settings) => settings,
            // Only for the hint with similar names: a prefix is not enough for a cluster.
            None => {
                let error = match resolve("cluster", name, candidates) {
                    Ok(_) => unknown(name).hint("write the complete name of the cluster"),
                    Err(error) => error,
                };
                return Err(error.context(place));
            }
        };
        if settings.master.is_none() {
            let message = format!("{place}: the cluster {name:?} has no master");
            return Err(Error::usage(message)
                .hint(format!("use `mesos config set {name} --master ADDRESS`")));
        }
        Ok(Cluster {
            source: format!("cluster {name} in {place}"),
            settings: settings.clone(),
        })
    }

    /// The current cluster, if the file names one.
    pub(crate) fn current(&self) -> Result<Option<Cluster>, Error> {
        let name = self.content.cluster.as_ref();
        name.map(|name| self.cluster(name)).transpose()
    }

    /// Changes the text of the file, with its comments, and writes it.
    pub(crate) fn edit(&self, change: impl FnOnce(&mut DocumentMut)) -> Result<(), Error> {
        let path = &self.path;
        let text = read(path)?.unwrap_or_default();
        let mut document = text.parse().map_err(|error| invalid(path, &error))?;
        change(&mut document);
        write(path, &document.to_string()).map_err(|error| {
            Error::new(
                Code::Failure,
                format!("cannot write {}: {error}", path.display()),
            )
        })
    }
}

/// Sets the current cluster.
pub(crate) fn use_cluster(document: &mut DocumentMut, name: &str) {
    document["cluster"] = value(name);
}

/// The table of a cluster, which is created if it does not exist.
pub(crate) fn cluster_table<'a>(document: &'a mut DocumentMut, name: &str) -> &'a mut Item {
    let clusters = document.entry("clusters").or_insert_with(|| {
        let mut table = Table::new();
        table.set_implicit(true);
        Item::Table(table)
    });
    let cluster = &mut clusters[name];
    if cluster.is_none() {
        *cluster = Item::Table(Table::new());
    }
    cluster
}

/// Removes a cluster, which may be the current one.
pub(crate) fn remove_cluster(document: &mut DocumentMut, name: &str, current: bool) {
    if let Some(clusters) = document
        .get_mut("clusters")
        .and_then(Item::as_table_like_mut)
    {
        clusters.remove(name);
    }
    if current {
        document.remove("cluster");
    }
}

fn unknown(name: &str) -> Error {
    Error::new(Code::NotFound, format!("no cluster has the name {name:?}"))
}

/// `$XDG_CONFIG_HOME/mesos/config.toml` or `~/.config/mesos/config.toml`.
fn path() -> Result<PathBuf, Error> {
    let directory = |name| {
        let value = std::env::var_os(name).map(PathBuf::from);
        // The XDG base directory specification ignores relative paths.
        value.filter(|path| path.is_absolute())
    };
    let config = directory("XDG_CONFIG_HOME").or_else(|| Some(directory("HOME")?.join(".config")));
    match config {
        Some(config) => Ok(config.join("mesos").join("config.toml")),
        None => Err(Error::usage("the home directory is not known").hint("set HOME")),
    }
}

/// The text of a file; `None` if the file does not exist.
pub(super) fn read(path: &Path) -> Result<Option<String>, Error> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => {
            let message = format!("cannot read {}: {error}", path.display());
            Err(Error::usage(message))
        }
    }
}

/// The error of a file that is not valid.
pub(super) fn invalid(path: &Path, error: &dyn std::fmt::Display) -> Error {
    let error = error.to_string();
    Error::usage(format!("{} is invalid: {}", path.display(), error.trim()))
}

/// Replaces the file at once, readable by its owner only: it may contain secrets.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(directory)?;
    // A temporary file has mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(text.as_bytes())?;
    file.persist(path)?;
    Ok(())
}
