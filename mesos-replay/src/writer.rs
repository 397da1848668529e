//! Writes a recording on a thread of its own.

use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use mesos_core::Capabilities;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::format::{Entry, Header, Line, VERSION};

/// The most lines that wait for the disk.
const QUEUE: usize = 16 << 10;

enum Job {
    Write(Line),
    /// Reports when everything before it is written.
    Flush(oneshot::Sender<()>),
}

/// Takes the lines. Clones write the same recording.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    jobs: SyncSender<Job>,
    start: Instant,
    /// Whether the recording has ended early.
    ended: Arc<AtomicBool>,
    path: Arc<PathBuf>,
}

impl Writer {
    /// Creates the file, which must not exist, and writes the first line.
    pub(crate) fn create(
        path: &Path,
        backend: &str,
        capabilities: Capabilities,
    ) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = BufWriter::new(options.open(path)?);
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let header = Header {
            version: VERSION,
            api: "scheduler".to_owned(),
            backend: backend.to_owned(),
            capabilities: capabilities
                .iter()
                .map(|capability| format!("{capability:?}"))
                .collect(),
            started: u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX),
        };
        write_line(&mut file, &header)?;
        file.flush()?;
        Self::start(file, path)
    }

    /// Starts the thread.
    fn start(mut file: impl Write + Send + 'static, path: &Path) -> io::Result<Self> {
        let (jobs, queue) = sync_channel(QUEUE);
        let writer = Self {
            jobs,
            start: Instant::now(),
            ended: Arc::default(),
            path: Arc::new(path.to_owned()),
        };
        let (ended, path) = (Arc::clone(&writer.ended), Arc::clone(&writer.path));
        thread::Builder::new()
            .name("mesos-recording".to_owned())
            .spawn(move || {
                if let Err(error) = write_all(&mut file, &queue) {
                    fail(&ended, &path, &error.to_string());
                }
            })?;
        Ok(writer)
    }

    /// Adds a line. Never waits: if the disk is too slow, the recording ends.
    pub(crate) fn add(&self, entry: impl FnOnce() -> Entry) {
        if self.ended.load(Ordering::Relaxed) {
            return;
        }
        let at = u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX);
        let line = Line { at, entry: entry() };
        match self.jobs.try_send(Job::Write(line)) {
            // The thread has logged the reason.
            Ok(()) | Err(TrySendError::Disconnected(_)) => {}
            Err(TrySendError::Full(_)) => {
                let why = "the disk is too slow for the events and calls";
                fail(&self.ended, &self.path, why);
            }
        }
    }

    /// Waits until everything so far is written.
    pub(crate) async fn flush(&self) {
        let (sender, written) = oneshot::channel();
        let mut job = Job::Flush(sender);
        // The queue is full for a moment only, unless the thread has ended.
        while let Err(TrySendError::Full(rejected)) = self.jobs.try_send(job) {
            job = rejected;
            tokio::task::yield_now().await;
        }
        let _ = written.await;
    }
}

fn fail(ended: &AtomicBool, path: &Path, why: &str) {
    if !ended.swap(true, Ordering::Relaxed) {
        let path = path.display();
        tracing::error!(%path, why, "the recording has ended; the scheduler is not affected");
    }
}

fn write_line(file: &mut impl Write, line: &impl serde::Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *file, line)?;
    file.write_all(b"\n")
}

/// Writes until all senders are gone. Flushes whenever nothing waits, so that a killed process leaves
/// nearly everything.
fn write_all(file: &mut impl Write, queue: &Receiver<Job>) -> io::Result<()> {
    while let Ok(mut job) = queue.recv() {
        loop {
            match job {
                Job::Write(line) => write_line(file, &line)?,
                Job::Flush(done) => {
                    file.flush()?;
                    let _ = done.send(());
                }
            }
            job = match queue.try_recv() {
                Ok(next) => next,
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            };
        }
        file.flush()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Writes nothing before the second wait on the barrier.
    struct Slow(Arc<Barrier>);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.wait();
            self.0.wait();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn line() -> Entry {
        Entry::Left { subscription: 1 }
    }

    #[tokio::test]
    async fn a_full_disk_ends_the_recording_and_nothing_else() {
        let writer = Writer::start(Full, Path::new("full")).expect("a thread");
        writer.add(line);
        writer.flush().await;
        assert!(writer.ended.load(Ordering::Relaxed));
        writer.add(|| panic!("an ended recording makes no lines"));
    }

    #[tokio::test]
    async fn a_slow_disk_ends_the_recording_and_delays_nothing() {
        let barrier = Arc::new(Barrier::new(2));
        let slow = BufWriter::with_capacity(1, Slow(Arc::clone(&barrier)));
        let writer = Writer::start(slow, Path::new("slow")).expect("a thread");
        writer.add(line);
        barrier.wait();
        // The thread writes; the queue fills.
        for _ in 0..=QUEUE {
            assert!(!writer.ended.load(Ordering::Relaxed));
            writer.add(line);
        }
        assert!(writer.ended.load(Ordering::Relaxed));
    }
}
