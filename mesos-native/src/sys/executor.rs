//! `MesosExecutorDriver` as a safe handle.

use std::ptr;

use super::callback::{Event, on_event};
use super::handle::{Driver, Handle};
use super::loader::Loaded;
use super::{Status, bindings, bytes, views};

/// A driver. Dropping it destroys the driver, and blocks until no callback runs. A driver that
/// never ran is leaked with its handler, because libmesos crashes when it destroys such a driver.
/// In a forked child of the process that made it, every method fails and the drop does nothing.
#[derive(Debug)]
pub(crate) struct Executor(Handle<bindings::mesos_shim_executor>);

// SAFETY: libmesos's driver accepts calls from any thread, and the header says that no callback
// runs after a free that returned 1.
unsafe impl Driver for bindings::mesos_shim_executor {
    unsafe fn free(raw: *mut Self) -> bool {
        // SAFETY: the caller promises what the header requires.
        unsafe { bindings::mesos_shim_executor_free(raw) == 1 }
    }
}

impl Executor {
    /// Makes a driver. `environment` replaces the environment of the process: name, value, name,
    /// value, …; only for a library with
    /// [`Feature::ExecutorEnvironment`](super::Feature::ExecutorEnvironment).
    ///
    /// libmesos's threads call `handler`, possibly before this function returns, and one call at a
    /// time. A panic in `handler` is caught, and the event is lost.
    pub(crate) fn new(
        library: Loaded,
        environment: Option<&[String]>,
        handler: impl Fn(Event) + Send + Sync + 'static,
    ) -> Result<Executor, String> {
        let texts = environment.map(views);
        let texts = texts.as_deref();
        let handle = Handle::new(handler, |context, error, len| {
            // SAFETY: the texts and the error buffer live through the call. `Handle` keeps the
            // context alive until the driver was freed, or forever on failure.
            unsafe {
                bindings::mesos_shim_executor_new(
                    library.as_ptr(),
                    texts.map_or(ptr::null(), <[_]>::as_ptr),
                    texts.map_or(0, <[_]>::len),
                    Some(on_event),
                    context,
                    error,
                    len,
                )
            }
        });
        handle.map(Executor)
    }

    /// Starts the driver. Returns the status that Mesos returns. libmesos ends the process if the
    /// environment is incomplete.
    ///
    /// Needs exclusive access, because the shim records that the driver ran.
    pub(crate) fn start(&mut self) -> Result<Status, String> {
        self.0.call(|raw, error, len| {
            // SAFETY: `call` passes a live driver and a buffer of that length.
            unsafe { bindings::mesos_shim_executor_start(raw, error, len) }
        })
    }

    /// Stops the driver. Returns the status that Mesos returns.
    pub(crate) fn stop(&self) -> Result<Status, String> {
        self.0.call(|raw, error, len| {
            // SAFETY: as in `start`.
            unsafe { bindings::mesos_shim_executor_stop(raw, error, len) }
        })
    }

    /// Waits until the driver was stopped and has processed the calls that were queued before.
    /// Returns at once if the driver is not running.
    pub(crate) fn join(&self) -> Result<Status, String> {
        self.0.call(|raw, error, len| {
            // SAFETY: as in `start`. This does not run inside a callback: a handler cannot own
            // its driver.
            unsafe { bindings::mesos_shim_executor_join(raw, error, len) }
        })
    }

    /// Queues an update, a serialized TaskStatus. Returns the status that Mesos returns, which is
    /// `MESOS_SHIM_RUNNING` if the update is queued.
    ///
    /// # Errors
    /// The update does not parse.
    pub(crate) fn send_status_update(&self, status: &[u8]) -> Result<Status, String> {
        self.0.call(|raw, error, len| {
            // SAFETY: as in `start`; the bytes live through the call.
            unsafe {
                bindings::mesos_shim_executor_send_status_update(raw, bytes(status), error, len)
            }
        })
    }

    /// Queues a message to the scheduler. Returns the status that Mesos returns.
    pub(crate) fn send_framework_message(&self, data: &[u8]) -> Result<Status, String> {
        self.0.call(|raw, error, len| {
            // SAFETY: as in `send_status_update`.
            unsafe {
                bindings::mesos_shim_executor_send_framework_message(raw, bytes(data), error, len)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use nix::sys::wait::{WaitStatus, waitpid};
    use nix::unistd::{ForkResult, fork};

    use super::*;

    /// An executor whose driver must not be touched.
    fn untouchable() -> Executor {
        let raw = ptr::without_provenance_mut(1);
        Executor(Handle::new(|_| {}, |_, _, _| raw).expect("a handle"))
    }

    #[test]
    fn an_executor_in_a_forked_process_refuses_every_call_and_is_not_destroyed() {
        let mut executor = untouchable();
        // SAFETY: the child makes calls that return before libmesos, and ends by _exit. Memory of
        // the other threads may be in any state. The child uses none of it but the allocator, which
        // glibc keeps usable after a fork.
        if let ForkResult::Parent { child } = unsafe { fork() }.expect("a child") {
            // The parent owns the driver, and would destroy it.
            std::mem::forget(executor);
            let status = waitpid(child, None).expect("its end");
            assert_eq!(status, WaitStatus::Exited(child, 0));
            return;
        }
        let results = [
            executor.start(),
            executor.send_status_update(b""),
            executor.send_framework_message(b""),
            executor.stop(),
            executor.join(),
        ];
        let refused = |result: &Result<Status, String>| {
            result.as_ref().is_err_and(|text| text.contains("forked"))
        };
        let all = results.iter().all(refused);
        drop(executor);
        // SAFETY: _exit runs no handlers of the parent process.
        unsafe { nix::libc::_exit(i32::from(!all)) };
    }
}
