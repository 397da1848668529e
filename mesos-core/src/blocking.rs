//! Work that blocks, on a thread of its own.

use std::io;
use std::thread;

use thiserror::Error;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

#[derive(Debug, Error)]
#[error("cannot start a thread for blocking work")]
struct Refused(#[source] io::Error);

/// Runs `work` on another thread, inside the current tokio runtime. For backends and stores.
///
/// This does not use tokio's `spawn_blocking`, which panics if the system refuses a thread. A driver
/// must not end because the process has reached a limit for a moment.
///
/// If the future is dropped, `work` continues, and its result is dropped.
///
/// # Errors
/// The system refuses a thread, or `work` panicked.
///
/// # Panics
/// Outside a tokio runtime.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let (sender, result) = oneshot::channel();
    let runtime = Handle::current();
    let name = "mesos-blocking".to_owned();
    let started = thread::Builder::new().name(name).spawn(move || {
        let _inside = runtime.enter();
        // A caller that was dropped does not need the result.
        let _ = sender.send(work());
    });
    started.map_err(|error| io::Error::new(error.kind(), Refused(error)))?;
    result
        .await
        .map_err(|_| io::Error::other("the thread for blocking work panicked"))
}
