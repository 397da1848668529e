//! The content of a file as a stream.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures_core::Stream;
use mesos_core::{Error, ErrorKind, Result};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::{EntryKind, Sandbox, SandboxEntry, clean, split};
use crate::files::{Follow, INTERVAL, OVERLAP, Position, is_missing};
use crate::operator::caller::Repeat;

/// The number of parts that are read ahead.
const AHEAD: usize = 2;

/// The interval between two checks whether the task still runs.
const CHECK: Duration = Duration::from_secs(1);

/// The content of a file, from [`Sandbox::open`] or [`Sandbox::follow`]: a `Stream` of parts of at
/// most 64 KiB, and an `AsyncRead`, whose errors contain an [`Error`].
///
/// A task of the runtime reads ahead. Dropping the reader ends this task.
#[derive(Debug)]
pub struct SandboxReader {
    parts: mpsc::Receiver<Result<Bytes>>,
    /// What `AsyncRead` has not returned yet.
    rest: Bytes,
    finish: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Sandbox {
    /// The content of a file. The end is that of the file when reading began.
    ///
    /// Each part is compared with the part before. The stream ends with [`ErrorKind::Rejected`] if the
    /// file is truncated or replaced meanwhile, and if the path is a folder or not a regular file.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn open(&self, path: &str) -> SandboxReader {
        let (sandbox, path) = (self.clone(), path.to_owned());
        SandboxReader::start(|parts, _| async move {
            let path = clean(&path)?;
            let entry = sandbox.stat(&path).await?;
            check(&path, &entry)?;
            let mut content = Content::new(&sandbox, path, None);
            loop {
                match content.next().await? {
                    // Dropping the reader ends this task.
                    Part::Bytes(bytes) => drop(parts.send(Ok(bytes)).await),
                    Part::End => return Ok(()),
                    Part::Changed(error) => return Err(error),
                }
            }
        })
    }

    /// The content of a file as it grows, from the start of the file until the task has ended and the
    /// file was read to its end. The file need not exist yet. The file is read every 200 ms, and the
    /// agent is requested every second whether the task still runs.
    ///
    /// Rotation and truncation are handled as [`Follow`] describes. Temporary failures, such as a
    /// restart of the agent, are repeated as for a call.
    ///
    /// [`SandboxReader::finish`] ends the stream earlier. The stream of a sandbox without a
    /// [`task`](Self::task) ends only then.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn follow(&self, path: &str) -> SandboxReader {
        self.follow_from(path, 0)
    }

    /// As [`follow`](Self::follow), from an offset in bytes on, such as near the end of a large file.
    ///
    /// A file that is shorter than the offset is followed from its start.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn follow_from(&self, path: &str, offset: u64) -> SandboxReader {
        let (sandbox, path) = (self.clone(), path.to_owned());
        SandboxReader::start(move |parts, finish| async move {
            follow(&sandbox, &path, offset, &parts, finish).await
        })
    }
}

impl SandboxReader {
    fn start<W>(work: impl FnOnce(mpsc::Sender<Result<Bytes>>, watch::Receiver<bool>) -> W) -> Self
    where
        W: Future<Output = Result<()>> + Send + 'static,
    {
        let (sender, parts) = mpsc::channel(AHEAD);
        let (finish, finished) = watch::channel(false);
        let work = work(sender.clone(), finished);
        let task = tokio::spawn(async move {
            if let Err(error) = work.await {
                // A reader that was dropped does not need the reason.
                let _ = sender.send(Err(error)).await;
            }
        });
        Self {
            parts,
            rest: Bytes::new(),
            finish,
            task,
        }
    }

    /// The next part of the file, which is not empty; `None` at the end and after an error. Cancel
    /// safe.
    ///
    /// # Errors
    /// Those of [`Sandbox`].
    pub async fn next(&mut self) -> Option<Result<Bytes>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// Ends a stream of [`Sandbox::follow`] at the present end of the file.
    pub fn finish(&self) {
        self.finish.send_replace(true);
    }
}

impl Stream for SandboxReader {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if !self.rest.is_empty() {
            return Poll::Ready(Some(Ok(std::mem::take(&mut self.rest))));
        }
        self.parts.poll_recv(context)
    }
}

impl AsyncRead for SandboxReader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.rest.is_empty() {
            match ready!(self.parts.poll_recv(context)) {
                Some(Ok(part)) => self.rest = part,
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
                None => return Poll::Ready(Ok(())),
            }
        }
        let length = self.rest.len().min(buffer.remaining());
        buffer.put_slice(&self.rest[..length]);
        self.rest.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl Drop for SandboxReader {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reads a file up to a size, part by part.
pub(super) struct Content<'a> {
    sandbox: &'a Sandbox,
    path: String,
    position: Position,
    size: Option<u64>,
}

pub(super) enum Part {
    Bytes(Bytes),
    End,
    /// The file was truncated or replaced.
    Changed(Error),
}

impl<'a> Content<'a> {
    /// `path` is clean. Without a size, the file is read up to the size that it has at first.
    pub(super) fn new(sandbox: &'a Sandbox, path: String, size: Option<u64>) -> Self {
        Self::from(Position::default(), sandbox, path, size)
    }

    /// As [`new`](Self::new), from a position in this file on.
    pub(super) fn from(
        position: Position,
        sandbox: &'a Sandbox,
        path: String,
        size: Option<u64>,
    ) -> Self {
        Self {
            sandbox,
            path,
            position,
            size,
        }
    }

    pub(super) async fn next(&mut self) -> Result<Part> {
        let read = self.position.offset();
        if self.size.is_some_and(|size| read >= size) {
            return Ok(Part::End);
        }
        let from = self.position.request();
        let answer = self.sandbox.read_part(&self.path, from, None).await?;
        let size = *self.size.get_or_insert(answer.size);
        match self.position.continuation(&answer) {
            Some(mut part) if !part.is_empty() => {
                part.truncate(usize::try_from(size - read).unwrap_or(usize::MAX));
                self.position.advance(&part);
                Ok(Part::Bytes(part))
            }
            Some(_) if size == read => Ok(Part::End),
            _ => {
                let message = format!(
                    "{:?} changed while it was read: it was truncated or replaced after {read} \
                     bytes; read it again",
                    self.path
                );
                Ok(Part::Changed(Error::new(ErrorKind::Rejected, message)))
            }
        }
    }
}

async fn follow(
    sandbox: &Sandbox,
    path: &str,
    offset: u64,
    parts: &mpsc::Sender<Result<Bytes>>,
    mut finish: watch::Receiver<bool>,
) -> Result<()> {
    let path = clean(path)?;
    let agent = &sandbox.agent;
    let mut file = Follow::new(Arc::clone(agent.raw()), sandbox.virtual_path(&path));
    // What is in front of the offset identifies the file.
    let overlap = (OVERLAP as u64).min(offset);
    if overlap > 0
        && is_file(sandbox, &path).await?
        && let before = sandbox.read(&path, offset - overlap, overlap).await?
        && before.len() as u64 == overlap
    {
        file = file.starting_at(Position::after(offset, before));
    }
    let mut is_checked = false;
    let mut check_at = Instant::now();
    let mut has_ended = false;
    loop {
        if !is_checked {
            is_checked = is_file(sandbox, &path).await?;
        }
        let bytes = match is_checked {
            true => read(sandbox, &mut file).await?,
            false => Bytes::new(),
        };
        if !bytes.is_empty() {
            if parts.send(Ok(bytes)).await.is_err() {
                return Ok(());
            }
            continue;
        }
        if has_ended {
            return match file.has_started() || is_checked {
                true => Ok(()),
                false => Err(sandbox.missing(&path)),
            };
        }
        has_ended = *finish.borrow_and_update();
        if !has_ended && Instant::now() >= check_at {
            has_ended = sandbox.task_has_ended().await?;
            check_at = Instant::now() + CHECK;
        }
        if !has_ended {
            tokio::select! {
                () = sleep(INTERVAL) => {}
                // The reader owns the sender, and ends this task when it is dropped.
                _ = finish.changed() => {}
            }
        }
    }
}

/// Reads once, and again after temporary failures.
async fn read(sandbox: &Sandbox, file: &mut Follow) -> Result<Bytes> {
    let agent = &sandbox.agent;
    let mut attempts = agent.caller.attempts("READ_FILE", Repeat::Always);
    loop {
        match file.read().await {
            Ok(bytes) => return Ok(bytes),
            Err(error) => match attempts.failed(error).await {
                Ok(()) => {}
                Err(error) => return Err(agent.explain(error)),
            },
        }
    }
}

/// Whether the file exists.
///
/// # Errors
/// The path names something else.
async fn is_file(sandbox: &Sandbox, path: &str) -> Result<bool> {
    let (folder, name) = split(path);
    let entries = match sandbox.entries(folder).await {
        Ok(entries) => entries,
        Err(error) if is_missing(&error) => return Ok(false),
        Err(error) => return Err(error),
    };
    match entries.iter().find(|entry| entry.name == name) {
        Some(entry) => check(path, entry).map(|()| true),
        None => Ok(false),
    }
}

/// Refuses what is not a regular file: opening a named pipe blocks the agent (`FilesProcess::_read` in
/// src/files/files.cpp).
fn check(path: &str, entry: &SandboxEntry) -> Result<()> {
    let message = match entry.kind {
        EntryKind::File => return Ok(()),
        EntryKind::Directory => format!("{path:?} is a folder, not a file"),
        EntryKind::Special => format!("{path:?} is a named pipe, a socket or a device, not a file"),
    };
    Err(Error::new(ErrorKind::Rejected, message))
}
