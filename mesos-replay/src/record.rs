//! The backend that records.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use mesos_core::backend::{
    Answer, Backend, Calls, EventStream, Incoming, SchedulerApi, Subscription,
};
use mesos_core::{Capabilities, Error, ErrorKind, Result};
use mesos_proto::v1::scheduler::Call;

use crate::format::{Entry, Fault};
use crate::writer::Writer;

/// A backend for schedulers that records what the driver and the master said to a file.
///
/// ```no_run
/// use mesos::http::HttpBackend;
/// use mesos_replay::RecordingBackend;
///
/// # fn main() -> Result<(), mesos::BoxError> {
/// let backend = HttpBackend::new("10.0.0.1:5050".parse()?);
/// let backend = RecordingBackend::new(backend, "scheduler.recording")?;
/// let recording = backend.recording();
/// // Start the driver with `backend`. At the end: recording.flush().await;
/// # let _ = recording;
/// # Ok(())
/// # }
/// ```
///
/// Recording is made for production. Another thread writes the file, and nothing waits for the
/// disk. If writing fails, or the disk is too slow, the recording ends with one error in the log,
/// and the scheduler continues. Recording costs CPU time: every offer and update is decoded.
///
/// # Secrets
/// The file has everything that the scheduler sends and receives: commands, environment variables,
/// secrets, labels, messages. It has no credentials of the connection. Only the user of the process
/// can read it (mode 0600). Check it before you pass it on: it is text, one JSON object in each line.
#[derive(Debug)]
pub struct RecordingBackend<B> {
    backend: B,
    writer: Writer,
    subscriptions: AtomicU64,
    calls: Arc<AtomicU64>,
}

/// The file of a [`RecordingBackend`].
#[derive(Debug, Clone)]
pub struct Recording(Writer);

impl Recording {
    /// Waits until everything so far is written to the file. A program that ends at once would lose
    /// the last lines otherwise.
    pub async fn flush(&self) {
        self.0.flush().await;
    }
}

impl<B: Backend<SchedulerApi>> RecordingBackend<B> {
    /// Records what `backend` sends and receives to a new file.
    ///
    /// # Errors
    /// [`ErrorKind::Store`] if the file exists, or cannot be created.
    pub fn new(backend: B, file: impl AsRef<Path>) -> Result<Self> {
        let path = file.as_ref();
        let created = Writer::create(path, backend.name(), backend.capabilities());
        let writer = created.map_err(|source| {
            let hint = match source.kind() {
                io::ErrorKind::AlreadyExists => "; use a new name for each recording",
                _ => "",
            };
            let text = format!("cannot create the recording {}{hint}", path.display());
            Error::new(ErrorKind::Store, text).with_source(source)
        })?;
        Ok(Self {
            backend,
            writer,
            subscriptions: AtomicU64::new(0),
            calls: Arc::default(),
        })
    }

    /// The file, to wait until it is written.
    pub fn recording(&self) -> Recording {
        Recording(self.writer.clone())
    }
}

#[async_trait]
impl<B: Backend<SchedulerApi>> Backend<SchedulerApi> for RecordingBackend<B> {
    fn name(&self) -> &'static str {
        self.backend.name()
    }

    fn capabilities(&self) -> Capabilities {
        self.backend.capabilities()
    }

    fn principal(&self) -> Option<&str> {
        self.backend.principal()
    }

    async fn leader_changed(&self) {
        self.backend.leader_changed().await;
    }

    async fn subscribe(&self, call: Call) -> Result<Subscription<SchedulerApi>> {
        let subscription = self.subscriptions.fetch_add(1, Ordering::Relaxed) + 1;
        self.writer.add(|| Entry::Subscribe {
            subscription,
            call: Box::new(call.clone()),
        });
        // An attempt that the driver gives up is left, too.
        let left = Left {
            writer: self.writer.clone(),
            subscription,
        };
        let opened = match self.backend.subscribe(call).await {
            Ok(opened) => opened,
            Err(error) => {
                let fault = Fault::from(&error);
                self.writer.add(|| Entry::Refused {
                    subscription,
                    error: fault,
                });
                return Err(error);
            }
        };
        self.writer.add(|| Entry::Open {
            subscription,
            peer: opened.peer.clone(),
        });
        let events = Events {
            inner: opened.events,
            left,
        };
        let calls = Outgoing {
            inner: opened.calls,
            writer: self.writer.clone(),
            subscription,
            numbers: Arc::clone(&self.calls),
        };
        Ok(Subscription::new(events, Arc::new(calls), opened.peer))
    }
}

/// Records the end of a subscription when it is dropped.
struct Left {
    writer: Writer,
    subscription: u64,
}

impl Drop for Left {
    fn drop(&mut self) {
        self.writer.add(|| Entry::Left {
            subscription: self.subscription,
        });
    }
}

struct Events {
    inner: Box<dyn EventStream<SchedulerApi>>,
    left: Left,
}

#[async_trait]
impl EventStream<SchedulerApi> for Events {
    async fn next(&mut self) -> Result<Incoming<SchedulerApi>> {
        let incoming = self.inner.next().await;
        let subscription = self.left.subscription;
        let entry = match &incoming {
            Ok(Incoming::Event(event, _)) => Entry::Event {
                subscription,
                event: event.clone(),
            },
            Ok(Incoming::Disconnected(error)) => Entry::Disconnected {
                subscription,
                error: error.into(),
            },
            // `next` decodes all events.
            Ok(_) => return incoming,
            Err(error) => Entry::End {
                subscription,
                error: error.into(),
            },
        };
        self.left.writer.add(|| entry);
        incoming
    }

    fn queued(&self) -> usize {
        self.inner.queued()
    }
}

struct Outgoing {
    inner: Arc<dyn Calls<SchedulerApi>>,
    writer: Writer,
    subscription: u64,
    numbers: Arc<AtomicU64>,
}

#[async_trait]
impl Calls<SchedulerApi> for Outgoing {
    async fn send(&self, call: Call) -> Result<Answer> {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed) + 1;
        let writer = self.writer.clone();
        let recorded = Box::new(call.clone());
        writer.add(|| Entry::Call {
            subscription: self.subscription,
            number,
            call: recorded,
        });
        let answered = move |result: &Result<()>| {
            let error = result.as_ref().err().map(Fault::from);
            writer.add(|| Entry::Answer { number, error });
        };
        let pending = match self.inner.send(call).await {
            Ok(pending) => pending,
            Err(error) => {
                answered(&Err(error.clone()));
                return Err(error);
            }
        };
        let (sender, answer) = Answer::channel();
        tokio::spawn(async move {
            let result = pending.await;
            answered(&result);
            sender.send(result);
        });
        Ok(answer)
    }
}
