//! Those who wait for jobs.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mesos_core::Result;
use tokio::sync::{mpsc, watch};

use crate::engine::Name;
use crate::{JobStatus, Outcome};

/// Receives the outcomes of several jobs.
pub(crate) type BatchListener = mpsc::UnboundedSender<Result<Outcome>>;

/// Counts the jobs of a batch.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) running: AtomicUsize,
    pub(crate) finished: AtomicUsize,
    pub(crate) failed: AtomicUsize,
}

impl Counts {
    pub(crate) fn ended(&self, outcome: &Outcome) {
        let count = match outcome.is_success() {
            true => &self.finished,
            false => &self.failed,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

struct Batch {
    listener: BatchListener,
    counts: Arc<Counts>,
    running: bool,
}

#[derive(Default)]
struct Of {
    watch: Option<watch::Sender<JobStatus>>,
    batches: Vec<Batch>,
}

/// The listeners of each job. A job that nobody waits for costs nothing here.
#[derive(Default)]
pub(crate) struct Listeners(HashMap<Name, Of>);

impl Listeners {
    pub(crate) fn watch(&mut self, name: &Name, status: JobStatus) -> watch::Receiver<JobStatus> {
        let of = self.0.entry(name.clone()).or_default();
        let sender = of.watch.get_or_insert_with(|| watch::Sender::new(status));
        sender.subscribe()
    }

    pub(crate) fn batch(&mut self, name: &Name, listener: BatchListener, counts: Arc<Counts>) {
        let of = self.0.entry(name.clone()).or_default();
        of.batches.push(Batch {
            listener,
            counts,
            running: false,
        });
    }

    pub(crate) fn changed(&mut self, name: &str, status: impl FnOnce() -> Option<JobStatus>) {
        let Some(of) = self.0.get_mut(name) else {
            return;
        };
        if of.watch.as_ref().is_some_and(watch::Sender::is_closed) {
            of.watch = None;
        }
        of.batches.retain(|batch| !batch.listener.is_closed());
        if of.watch.is_none() && of.batches.is_empty() {
            self.0.remove(name);
            return;
        }
        let Some(status) = status() else {
            return;
        };
        let running = matches!(status, JobStatus::Running(_));
        for batch in &mut of.batches {
            batch.set_running(running);
        }
        if let Some(watch) = &of.watch {
            watch.send_if_modified(|old| {
                let changed = *old != status;
                *old = status;
                changed
            });
        }
    }

    pub(crate) fn ended(&mut self, outcome: &Arc<Outcome>) {
        let Some(of) = self.0.remove(outcome.name.as_str()) else {
            return;
        };
        if let Some(watch) = of.watch {
            watch.send_replace(JobStatus::Ended(Arc::clone(outcome)));
        }
        for mut batch in of.batches {
            batch.set_running(false);
            batch.counts.ended(outcome);
            // The program may have dropped the stream.
            let _ = batch.listener.send(Ok((**outcome).clone()));
        }
    }
}

impl Batch {
    fn set_running(&mut self, running: bool) {
        match (self.running, running) {
            (false, true) => self.counts.running.fetch_add(1, Ordering::Relaxed),
            (true, false) => self.counts.running.fetch_sub(1, Ordering::Relaxed),
            _ => return,
        };
        self.running = running;
    }
}
