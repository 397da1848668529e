//! The work of a download: folder by folder, file by file.

use std::path::Path;
use std::pin::Pin;

use mesos_core::{Error, ErrorKind, Result};
use tokio::sync::mpsc;

use super::disk::Folder;
use super::download::{DownloadEvent, Skipped};
use super::reader::{Content, Part};
use super::{EntryKind, Sandbox, SandboxEntry, join, split};

/// How often a file that changes is downloaded.
const ATTEMPTS: usize = 3;

/// The number of folders in one path. A longer path consists of links.
const DEPTH: usize = 64;

/// The number of folders above with the same content that show a link. Two may have it by chance.
const SAME: usize = 2;

pub(super) struct Walk<'a> {
    sandbox: &'a Sandbox,
    events: &'a mpsc::Sender<Result<DownloadEvent>>,
    /// The content of the folders from the first to the present one.
    above: Vec<Vec<SandboxEntry>>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        sandbox: &'a Sandbox,
        events: &'a mpsc::Sender<Result<DownloadEvent>>,
    ) -> Self {
        Self {
            sandbox,
            events,
            above: Vec::new(),
        }
    }

    /// `path` is clean.
    pub(super) async fn start(mut self, path: &str, target: &Path) -> Result<()> {
        let entry = match path {
            "" => None,
            path => Some(self.sandbox.stat(path).await?),
        };
        let target = Folder::open_target(target).await?;
        match entry {
            Some(entry) if entry.kind != EntryKind::Directory => {
                let (folder, _) = split(path);
                self.files(folder, vec![entry], &target).await
            }
            _ => {
                let entries = self.sandbox.entries(path).await?;
                self.folder(path, entries, &target).await
            }
        }
    }

    /// Boxed, because folders contain folders.
    fn folder<'f>(
        &'f mut self,
        path: &'f str,
        entries: Vec<SandboxEntry>,
        target: &'f Folder,
    ) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'f>> {
        Box::pin(async move {
            let is_folder = |entry: &SandboxEntry| entry.kind == EntryKind::Directory;
            self.above.push(entries.clone());
            let (folders, files) = entries.into_iter().partition::<Vec<_>, _>(is_folder);
            self.files(path, files, target).await?;
            for entry in &folders {
                let path = join(path, &entry.name);
                if let Some(reason) = self.subfolder(&path, entry, target).await? {
                    self.report(DownloadEvent::Skipped { path, reason }).await;
                }
            }
            self.above.pop();
            Ok(())
        })
    }

    async fn subfolder(
        &mut self,
        path: &str,
        entry: &SandboxEntry,
        target: &Folder,
    ) -> Result<Option<Skipped>> {
        let entries = match self.sandbox.entries(path).await {
            Ok(entries) => entries,
            Err(error) => return refused(error).map(Some),
        };
        let same = self.above.iter().filter(|above| **above == entries);
        if !entries.is_empty() && (same.count() >= SAME || self.above.len() >= DEPTH) {
            return Ok(Some(Skipped::Loop));
        }
        let target = target.folder(&entry.name).await?;
        self.folder(path, entries, &target).await?;
        target.finish(entry).await?;
        Ok(None)
    }

    /// Downloads what is not a folder in the folder `path`.
    async fn files(
        &self,
        path: &str,
        mut entries: Vec<SandboxEntry>,
        target: &Folder,
    ) -> Result<()> {
        for _ in 0..ATTEMPTS {
            let mut copies = Vec::new();
            for entry in entries {
                let path = join(path, &entry.name);
                let event = match entry.kind {
                    EntryKind::File if target.has(&entry).await? => {
                        DownloadEvent::Unchanged { path }
                    }
                    EntryKind::File => match self.copy(&path, &entry, target).await {
                        Ok(is_complete) => {
                            copies.push((entry, is_complete));
                            continue;
                        }
                        Err(error) => {
                            let reason = refused(error)?;
                            DownloadEvent::Skipped { path, reason }
                        }
                    },
                    EntryKind::Special | EntryKind::Directory => {
                        let reason = Skipped::Special;
                        DownloadEvent::Skipped { path, reason }
                    }
                };
                self.report(event).await;
            }
            if copies.is_empty() {
                return Ok(());
            }
            // One request for all files, because a request for a file lists its folder.
            let now = self.sandbox.entries(path).await?;
            entries = Vec::new();
            for (entry, is_complete) in copies {
                let path = join(path, &entry.name);
                let size = entry.size;
                match now.iter().find(|now| now.name == entry.name) {
                    Some(now) if !is_complete || has_changed(&entry, now) => {
                        entries.push(now.clone());
                    }
                    None if !is_complete => {
                        let reason = Skipped::Refused(self.sandbox.missing(&path));
                        self.report(DownloadEvent::Skipped { path, reason }).await;
                    }
                    _ => self.report(DownloadEvent::File { path, size }).await,
                }
            }
        }
        let Some(entry) = entries.first() else {
            return Ok(());
        };
        let message = format!(
            "{:?} changed during each of {ATTEMPTS} downloads; download it when no process writes it",
            join(path, &entry.name)
        );
        Err(Error::new(ErrorKind::Rejected, message))
    }

    /// Downloads a file up to the size that was listed. Returns false if the file was truncated or
    /// replaced meanwhile.
    async fn copy(&self, path: &str, entry: &SandboxEntry, target: &Folder) -> Result<bool> {
        let size = entry.size;
        let source = self.sandbox.virtual_path(path);
        let mut partial = target.create(&source, entry).await?;
        let position = partial.position();
        let mut written = position.offset();
        let mut content = Content::from(position, self.sandbox, path.to_owned(), Some(size));
        loop {
            match content.next().await {
                Ok(Part::Bytes(bytes)) => {
                    written += bytes.len() as u64;
                    partial.write(bytes).await?;
                    let path = path.to_owned();
                    let event = DownloadEvent::Progress {
                        path,
                        written,
                        size,
                    };
                    self.report(event).await;
                }
                Ok(Part::End) => break,
                Ok(Part::Changed(_)) => {
                    partial.discard();
                    return Ok(false);
                }
                Err(error) => {
                    if is_refusal(&error) {
                        partial.discard();
                    }
                    return Err(error);
                }
            }
        }
        partial.finish(entry).await?;
        Ok(true)
    }

    async fn report(&self, event: DownloadEvent) {
        // Dropping the download ends this task.
        let _ = self.events.send(Ok(event)).await;
    }
}

/// Whether a file that was downloaded has changed, except that it grew.
fn has_changed(before: &SandboxEntry, now: &SandboxEntry) -> bool {
    let grew = now.kind == EntryKind::File && now.size > before.size;
    !grew && (now.kind, now.size, now.modified) != (before.kind, before.size, before.modified)
}

/// The reason to skip what the agent refuses; other errors end the download.
fn refused(error: Error) -> Result<Skipped> {
    match is_refusal(&error) {
        true => Ok(Skipped::Refused(error)),
        false => Err(error),
    }
}

fn is_refusal(error: &Error) -> bool {
    matches!(error.status(), Some(400 | 404))
}
