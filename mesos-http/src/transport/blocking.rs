//! Work that blocks, on a thread of its own.

use std::io;
use std::thread;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// Runs `work` on another thread, inside the current tokio runtime.
///
/// This does not use tokio's `spawn_blocking`, which panics if the system refuses a thread. A driver
/// must not end because the process has reached a limit for a moment.
///
/// # Errors
/// The system refuses a thread, or `work` panicked.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let (sender, result) = oneshot::channel();
    let runtime = Handle::current();
    let name = "mesos-http".to_owned();
    thread::Builder::new().name(name).spawn(move || {
        let _inside = runtime.enter();
        // A caller that was dropped does not need the result.
        let _ = sender.send(work());
    })?;
    result
        .await
        .map_err(|_| io::Error::other("the thread for blocking work panicked"))
}
