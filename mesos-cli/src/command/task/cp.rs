//! `mesos task cp`.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use mesos::operator::{DownloadEvent, EntryKind, Skipped};

use super::find::sandbox;
use crate::context::Context;
use crate::error::Error;
use crate::output::{bytes, count, note};
use crate::progress::Progress;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The task, and a file or folder of its sandbox: TASK:PATH. TASK alone is the whole sandbox
    #[arg(value_name = "TASK[:PATH]")]
    source: String,
    /// The local folder that the file or folder is copied into. Files that are there already with the
    /// same size and time are not copied again
    #[arg(default_value = ".")]
    target: PathBuf,
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<(), Error> {
    let (task, path) = args.source.split_once(':').unwrap_or((&args.source, ""));
    let sandbox = sandbox(task, context).await?;
    let path = path.trim_matches('/');
    let is_folder = path.is_empty() || sandbox.stat(path).await?.kind == EntryKind::Directory;
    let id = sandbox
        .task()
        .map_or("sandbox", |task| task.task_id.as_str());
    let name = match path.rsplit('/').next() {
        None | Some("") => id,
        Some(name) => name,
    };
    let target = match is_folder {
        true => args.target.join(name),
        false => args.target.clone(),
    };
    let mut download = sandbox.download(path, &target);
    let mut progress = Progress::new();
    let live = std::io::stderr().is_terminal();
    let (mut files, mut unchanged, mut skipped, mut copied) = (0_u64, 0_u64, 0_u64, 0_u64);
    while let Some(event) = download.next().await {
        match event? {
            DownloadEvent::Progress {
                path,
                written,
                size,
            } if live => {
                let percent = written * 100 / size.max(1);
                progress.set(format!("{path}: {percent} %"));
            }
            DownloadEvent::File { size, .. } => (files, copied) = (files + 1, copied + size),
            DownloadEvent::Unchanged { .. } => unchanged += 1,
            DownloadEvent::Skipped { path, reason } => {
                skipped += 1;
                let reason = match reason {
                    Skipped::Special => "not a regular file".to_owned(),
                    Skipped::Loop => "a link to a folder above it".to_owned(),
                    Skipped::Refused(error) => format!("{error:#}"),
                    reason => format!("{reason:?}"),
                };
                note(&format!("skipped {path}: {reason}"));
            }
            _ => {}
        }
    }
    drop(progress);
    let mut result = format!("copied to {}: {}", target.display(), count(files, "file"));
    result.push_str(&format!(", {}", bytes(copied)));
    for (number, what) in [(unchanged, "unchanged"), (skipped, "skipped")] {
        if number > 0 {
            result.push_str(&format!(", {number} {what}"));
        }
    }
    context.out.done("task", id, &result)
}
