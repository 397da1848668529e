//! Threads for work that may block in libmesos.

use std::sync::{Arc, Mutex};
use std::thread;

use mesos_core::{Delivery, Error, ErrorKind, Result};

use crate::lock::lock;

/// Runs `work`, which may block, on a new thread.
///
/// # Errors
/// [`ErrorKind::Backend`], not sent: the system does not start a thread.
pub(super) fn spawn(work: impl FnOnce() + Send + 'static) -> Result<()> {
    let thread = thread::Builder::new().name("mesos-native".to_owned());
    let started = thread.spawn(work).map(drop);
    started.map_err(|error| {
        Error::new(ErrorKind::Backend, "cannot start a thread")
            .with_source(error)
            .with_delivery(Delivery::NotSent)
    })
}

/// Calls `leave` and drops `driver` on a new thread, because both may block and the caller must
/// not.
pub(super) fn end_in_background<T: Send + 'static>(driver: T, leave: fn(&T)) {
    // If no thread starts, the driver is still here, and is dropped here. Blocking is better than
    // a leak.
    let driver = Arc::new(Mutex::new(Some(driver)));
    let moved = Arc::clone(&driver);
    let end = move || {
        let driver = lock(&moved).take();
        if let Some(driver) = driver {
            leave(&driver);
        }
    };
    if let Err(error) = spawn(end) {
        tracing::warn!(%error, "cannot start a thread; blocking until the libmesos driver ends");
    }
}
