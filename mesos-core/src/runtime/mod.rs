//! Parts shared by the event loops of schedulers and executors: the link between a driver
//! handle and its event loop, guarded handlers, inputs, and backoff.

mod background;
mod backoff;
mod deadline;
mod guard;
mod inputs;
mod link;
mod scope;

pub(crate) use background::Background;
pub(crate) use backoff::Backoff;
pub use backoff::BackoffPolicy;
pub(crate) use deadline::deadline;
pub(crate) use guard::{Finish, Handled, ended, guarded};
pub use inputs::Timer;
pub(crate) use inputs::input_closed;
pub(crate) use link::{Link, Stop};
pub(crate) use scope::in_handler;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

/// Spawns a task for `function`.
///
/// # Panics
/// Outside a tokio runtime, with a message for the caller of `function`.
#[track_caller]
pub(crate) fn spawn<F>(function: &str, task: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    match Handle::try_current() {
        Ok(runtime) => runtime.spawn(task),
        Err(_) => panic!(
            "{function} needs a tokio runtime: call it in an async function, or inside of \
             `Runtime::enter`"
        ),
    }
}
