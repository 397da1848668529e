//! Reads specifications from files.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_saphyr::{DefaultMessageFormatter, MessageFormatter};

/// The format of a file with specifications.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// YAML 1.2.
    Yaml,
    /// TOML 1.1.
    Toml,
    /// JSON.
    Json,
}

impl Format {
    /// The format of a file by its ending: `yaml`, `yml`, `toml` or `json`.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension().and_then(OsStr::to_str)? {
            "yaml" | "yml" => Some(Self::Yaml),
            "toml" => Some(Self::Toml),
            "json" => Some(Self::Json),
            _ => None,
        }
    }

    pub(crate) fn parse<T: DeserializeOwned>(self, text: &str) -> Result<T, ReadError> {
        match self {
            Self::Yaml => serde_saphyr::from_str(text).map_err(|error| {
                let error = error.without_snippet();
                let place = error.location();
                let place = place.map(|place| (place.line(), place.column()));
                let message = DefaultMessageFormatter.format_message(error);
                ReadError::new(&message, place)
            }),
            Self::Toml => toml::from_str(text).map_err(|error: toml::de::Error| {
                let place = error.span().map(|span| place_of(text, span.start));
                ReadError::new(error.message(), place)
            }),
            Self::Json => serde_json::from_str(text).map_err(|error| {
                let (line, column) = (error.line() as u64, error.column() as u64);
                let message = error.to_string();
                let end = format!(" at line {line} column {column}");
                let message = message.strip_suffix(&end).unwrap_or(&message);
                ReadError::new(message, (line > 0).then_some((line, column)))
            }),
        }
    }
}

/// The line and the column of a byte, both from 1.
fn place_of(text: &str, byte: usize) -> (u64, u64) {
    let before = text.get(..byte).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .chars()
        .count()
        + 1;
    (line as u64, column as u64)
}

/// Why a file is not a specification.
///
/// Displays as `jobs.yaml:3:5: unknown key "comand"; did you mean "command"?`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ReadError {
    path: Option<PathBuf>,
    place: Option<(u64, u64)>,
    message: String,
}

impl ReadError {
    fn new(message: &str, place: Option<(u64, u64)>) -> Self {
        Self {
            path: None,
            place,
            message: unknown(message).unwrap_or_else(|| limits(message)),
        }
    }

    pub(crate) fn of_file(path: &Path, message: String) -> Self {
        Self {
            path: Some(path.to_owned()),
            place: None,
            message,
        }
    }

    pub(crate) fn in_file(mut self, path: &Path) -> Self {
        self.path = Some(path.to_owned());
        self
    }

    /// The line and the column, both from 1, if they are known. For some mistakes this is the place
    /// of the map that contains the mistake.
    pub fn place(&self) -> Option<(u64, u64)> {
        self.place
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.path, self.place) {
            (Some(path), Some((line, column))) => {
                write!(f, "{}:{line}:{column}: ", path.display())?;
            }
            (Some(path), None) => write!(f, "{}: ", path.display())?,
            (None, Some((line, column))) => write!(f, "line {line}, column {column}: ")?,
            (None, None) => {}
        }
        f.write_str(&self.message)
    }
}

/// A message about a number that names its limits instead of a type of Rust.
fn limits(message: &str) -> String {
    let types = [
        ("u16", "a whole number from 0 to 65535"),
        ("u32", "a whole number from 0 to 4294967295"),
        ("i32", "a whole number from -2147483648 to 2147483647"),
    ];
    for (name, limits) in types {
        if message == format!("invalid {name}") {
            return format!("invalid number, expected {limits}");
        }
        if let Some(rest) = message.strip_suffix(&format!("expected {name}")) {
            return format!("{rest}expected {limits}");
        }
    }
    message.to_owned()
}

/// The longest list of known names in a message.
const SHOWN: usize = 8;

/// A message of serde about an unknown name, with the names that are near instead of all names.
fn unknown(message: &str) -> Option<String> {
    let (what, rest) = match message.strip_prefix("unknown field `") {
        Some(rest) => ("key", rest),
        None => ("value", message.strip_prefix("unknown variant `")?),
    };
    let (name, names) = rest.split_once("`, expected ")?;
    let names = names.strip_prefix("one of ").unwrap_or(names);
    let names = names.split(", ").flat_map(|part| part.split(" or "));
    let names: Vec<&str> = names.map(|name| name.trim_matches('`')).collect();
    let hint = match (nearest(name, names.iter().copied()), names.len()) {
        (Some(near), _) => format!("did you mean {near:?}?"),
        (None, 0..=SHOWN) => format!("use one of {}", names.join(", ")),
        (None, _) => format!(
            "the {what}s are {}, and {} more",
            names[..SHOWN].join(", "),
            names.len() - SHOWN
        ),
    };
    Some(format!("unknown {what} {name:?}; {hint}"))
}

/// The name that is most similar, if one is similar.
pub(crate) fn nearest<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let rated = names.map(|known| (strsim::damerau_levenshtein(name, known), known));
    // One mistake, or one in three letters.
    let limit = (name.chars().count() / 3).max(1);
    let near = rated.filter(|(distance, _)| *distance <= limit).min();
    near.map(|(_, known)| known)
}
