//! `mesos task ls|cat`.

use std::io::Write as _;

use mesos::operator::{EntryKind, SandboxEntry, SandboxReader};
use mesos::v1::TimeInfo;

use super::find::sandbox;
use crate::context::Context;
use crate::error::Error;
use crate::output::{Column, Table, utc_time};

#[derive(Debug, clap::Args)]
pub(crate) struct Ls {
    #[command(flatten)]
    task: super::Task,
    /// A file or folder in the sandbox; by default the sandbox itself
    #[arg(default_value = "")]
    path: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Cat {
    #[command(flatten)]
    task: super::Task,
    /// A file in the sandbox
    path: String,
}

pub(super) async fn ls(args: &Ls, context: &Context) -> Result<(), Error> {
    let sandbox = sandbox(&args.task.task, context).await?;
    let is_root = args.path.chars().all(|character| character == '/');
    let entries = match is_root {
        true => sandbox.list("").await?,
        false => {
            let entry = sandbox.stat(&args.path).await?;
            match entry.kind {
                EntryKind::Directory => sandbox.list(&args.path).await?,
                _ => vec![entry],
            }
        }
    };
    let mut table = Table::new([
        Column::text("MODE"),
        Column::text("OWNER").wide(),
        Column::text("GROUP").wide(),
        Column::number("SIZE"),
        Column::text("MODIFIED"),
        Column::text("NAME"),
    ]);
    for entry in &entries {
        table.row(
            &entry.name,
            [
                mode(entry),
                entry.owner.clone(),
                entry.group.clone(),
                entry.size.to_string(),
                modified(entry),
                entry.name.clone(),
            ],
        );
    }
    let objects: Vec<_> = entries.iter().map(object).collect();
    context.out.list(&objects, &table)
}

pub(super) async fn cat(args: &Cat, context: &Context) -> Result<(), Error> {
    let sandbox = sandbox(&args.task.task, context).await?;
    copy(sandbox.open(&args.path)).await
}

/// Prints a file without any change.
pub(super) async fn copy(mut file: SandboxReader) -> Result<(), Error> {
    while let Some(part) = file.next().await {
        let part = part?;
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(&part)?;
        stdout.flush()?;
    }
    Ok(())
}

fn object(entry: &SandboxEntry) -> serde_json::Value {
    serde_json::json!({
        "name": entry.name,
        "kind": match entry.kind {
            EntryKind::File => "file",
            EntryKind::Directory => "directory",
            EntryKind::Special => "special",
        },
        "size": entry.size,
        "mode": format!("{:04o}", entry.mode),
        "modified": modified(entry),
        "owner": entry.owner,
        "group": entry.group,
    })
}

fn modified(entry: &SandboxEntry) -> String {
    utc_time(entry.modified.map(TimeInfo::from).as_ref())
}

/// The kind and the permissions, as `ls -l` shows them.
fn mode(entry: &SandboxEntry) -> String {
    let kind = match entry.kind {
        EntryKind::File => '-',
        EntryKind::Directory => 'd',
        EntryKind::Special => '?',
    };
    let bit = |index: u32| match entry.mode >> (8 - index) & 1 {
        1 => ['r', 'w', 'x'][index as usize % 3],
        _ => '-',
    };
    std::iter::once(kind).chain((0..9).map(bit)).collect()
}
