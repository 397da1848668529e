//! Downloading a folder of a sandbox.

use std::future::poll_fn;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use mesos_core::{Error, Result};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::walk::Walk;
use super::{Sandbox, clean};

/// The number of events that wait for the program.
const AHEAD: usize = 16;

/// A download, from [`Sandbox::download`]: a `Stream` of events. It ends after the last file, or with
/// an error. Dropping it stops the download.
#[derive(Debug)]
#[must_use = "the download stops when it is dropped"]
pub struct Download {
    events: mpsc::Receiver<Result<DownloadEvent>>,
    task: JoinHandle<()>,
}

/// What a [`Download`] has done. Paths are relative to the sandbox.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum DownloadEvent {
    /// A part of a file was written.
    Progress {
        /// The file.
        path: String,
        /// The bytes of the file that were written.
        written: u64,
        /// The size of the file when it was listed.
        size: u64,
    },
    /// A file is complete.
    File {
        /// The file.
        path: String,
        /// The number of bytes.
        size: u64,
    },
    /// The target has the file already, with the same size and time.
    Unchanged {
        /// The file.
        path: String,
    },
    /// A file or folder was not downloaded.
    Skipped {
        /// The file or folder.
        path: String,
        /// Why.
        reason: Skipped,
    },
}

/// Why a [`Download`] skipped a file or folder.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Skipped {
    /// A named pipe, a socket or a device.
    Special,
    /// A folder that has the same content as folders above it: a link to one of them.
    Loop,
    /// The agent refuses it: a link that leads out of the sandbox (400), or a file that was deleted
    /// meanwhile (404).
    Refused(Error),
}

impl Sandbox {
    /// Downloads a folder with everything in it, or a file, into the local folder `target`, which is
    /// created if necessary. Permissions and modification times are kept; owners, links and the bits
    /// for set-user-id, set-group-id and sticky are not.
    ///
    /// ```no_run
    /// use mesos::operator::{DownloadEvent, Sandbox};
    ///
    /// # async fn example(sandbox: Sandbox) -> mesos::Result<()> {
    /// let mut download = sandbox.download("results", "/tmp/results");
    /// while let Some(event) = download.next().await {
    ///     if let DownloadEvent::File { path, size } = event? {
    ///         println!("{path}: {size} bytes");
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// The download proceeds only while the events are read.
    ///
    /// # Repeated downloads
    /// A file gets its name when it is complete. A file that the target has with the same size and time
    /// is not downloaded again, so a second download continues one that failed. Files that only the
    /// target has are left alone.
    ///
    /// Until a file is complete, its name begins with `.mesos-` and ends with `.part`. This part stays if
    /// the download fails, is dropped or is killed. The next download of the same file of the same
    /// sandbox into the same folder continues the part if the size and the time of the file are those
    /// of before, and if the last 256 bytes of the part are those of the file. Otherwise it removes the
    /// part. One download at a time continues a part.
    ///
    /// # Files that change
    /// A file that grows is downloaded up to the size that it had. A file that is truncated, replaced or
    /// modified meanwhile is downloaded again, up to three times; then the download fails with
    /// [`ErrorKind::Rejected`](mesos_core::ErrorKind::Rejected). A change within the second of the last
    /// change that keeps the size is not noticed, because the API has whole seconds.
    ///
    /// # Safety of the target
    /// Nothing is written outside of `target`, whatever names the agent reports and whatever links the
    /// target contains.
    ///
    /// # Errors
    /// Those of [`Sandbox`], and [`ErrorKind::Store`](mesos_core::ErrorKind::Store) with the local path
    /// if a file cannot be written.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn download(&self, path: &str, target: impl AsRef<Path>) -> Download {
        let (sandbox, path) = (self.clone(), path.to_owned());
        let target = target.as_ref().to_owned();
        let (sender, events) = mpsc::channel(AHEAD);
        let task = tokio::spawn(async move {
            let result = async {
                let path = clean(&path)?;
                Walk::new(&sandbox, &sender).start(&path, &target).await
            };
            if let Err(error) = result.await {
                // A program that dropped the download does not need the reason.
                let _ = sender.send(Err(error)).await;
            }
        });
        Download { events, task }
    }
}

impl Download {
    /// The next event; `None` at the end and after an error. Cancel safe.
    ///
    /// # Errors
    /// Those of [`Sandbox::download`].
    pub async fn next(&mut self) -> Option<Result<DownloadEvent>> {
        poll_fn(|context| self.events.poll_recv(context)).await
    }
}

impl Stream for Download {
    type Item = Result<DownloadEvent>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.events.poll_recv(context)
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        self.task.abort();
    }
}
