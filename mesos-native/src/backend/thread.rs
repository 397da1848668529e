//! Threads for what may block in libmesos.

use std::sync::{Arc, Mutex, PoisonError};
use std::{io, thread};

/// Runs `work`, which may block, on a thread of its own.
pub(super) fn on_a_thread(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let thread = thread::Builder::new().name("mesos-native".to_owned());
    thread.spawn(work).map(drop)
}

/// Calls `leave` and drops `driver`, both of which may block, for a caller that must not.
pub(super) fn end_on_a_thread<T: Send + 'static>(driver: T, leave: fn(&T)) {
    // Kept for the case that there is no thread: better a wait than a leak.
    let driver = Arc::new(Mutex::new(Some(driver)));
    let theirs = Arc::clone(&driver);
    let end = move || {
        let driver = theirs.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(driver) = driver {
            leave(&driver);
        }
    };
    if let Err(error) = on_a_thread(end) {
        tracing::warn!(%error, "no thread can be started; waiting for libmesos here");
    }
}
