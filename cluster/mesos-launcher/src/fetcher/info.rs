//! The message FetcherInfo (`include/mesos/fetcher/fetcher.proto`) in Mesos' JSON.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

/// The files to fetch, and their places.
#[derive(Debug, Deserialize)]
pub(super) struct Info {
    pub(super) sandbox_directory: PathBuf,
    pub(super) cache_directory: Option<PathBuf>,
    #[serde(default)]
    pub(super) items: Vec<Item>,
    pub(super) user: Option<String>,
    pub(super) frameworks_home: Option<PathBuf>,
    stall_timeout: Option<Nanoseconds>,
}

#[derive(Debug, Deserialize)]
struct Nanoseconds {
    nanoseconds: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Item {
    pub(super) uri: Uri,
    pub(super) action: Action,
    pub(super) cache_filename: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(clippy::enum_variant_names, reason = "they are Mesos' names")]
pub(super) enum Action {
    BypassCache,
    DownloadAndCache,
    RetrieveFromCache,
}

/// `CommandInfo.URI`.
#[derive(Debug, Deserialize)]
pub(super) struct Uri {
    pub(super) value: String,
    #[serde(default)]
    pub(super) executable: bool,
    #[serde(default = "yes")]
    pub(super) extract: bool,
    pub(super) output_file: Option<String>,
}

fn yes() -> bool {
    true
}

impl Info {
    /// How long a download may receive nothing; by default the agent's default.
    pub(super) fn stall_timeout(&self) -> Duration {
        let given = self.stall_timeout.as_ref();
        given.map_or(Duration::from_secs(60), |time| {
            Duration::from_nanos(time.nanoseconds)
        })
    }
}
