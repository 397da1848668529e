//! `MesosExecutorDriver` as a safe handle.

use std::ffi::c_char;
use std::ptr::{self, NonNull};

use super::callback::{Event, Handler, on_event};
use super::loader::Loaded;
use super::process::Home;
use super::{Status, Text, bindings, bytes, views};

/// A driver. Dropping it destroys it, and blocks until no callback runs any more; one
/// that never ran is left behind instead, with its handler, because libmesos crashes when
/// it destroys such a one.
///
/// It belongs to the process that made it. In a forked child, where libmesos' threads do
/// not exist, every method fails and the drop does nothing.
#[derive(Debug)]
pub(crate) struct Executor {
    raw: NonNull<bindings::mesos_shim_executor>,
    /// Used by callbacks until `raw` is freed, so it is dropped after it.
    handler: *mut Handler,
    home: Home,
}

// SAFETY: libmesos' driver takes calls from any thread (they are serialized by a lock
// of its own), and the handler is Send and Sync.
unsafe impl Send for Executor {}
// SAFETY: as above; what frees it needs it exclusively.
unsafe impl Sync for Executor {}

impl Executor {
    /// Makes a driver. `environment` is what it is told in place of the process'
    /// environment: name, value, name, value, …; only for a library with
    /// [`Feature::ExecutorEnvironment`](super::Feature::ExecutorEnvironment). `handler` is
    /// called on threads of libmesos' and may be called before this function returns;
    /// while it runs no other callback comes. A panic in it is caught and loses the event.
    pub(crate) fn new(
        library: Loaded,
        environment: Option<&[String]>,
        handler: impl Fn(Event) + Send + Sync + 'static,
    ) -> Result<Executor, String> {
        let handler: *mut Handler = Box::into_raw(Box::new(Box::new(handler)));
        let mut error = Text::new();
        let texts = environment.map(views);
        let texts = texts.as_deref();
        // SAFETY: the texts and the error buffer live through the call. Callback and
        // context live until `drop` has freed the driver; on failure, which needs them for
        // ever, the handler is not taken back.
        let raw = unsafe {
            bindings::mesos_shim_executor_new(
                library.as_ptr(),
                texts.map_or(ptr::null(), <[_]>::as_ptr),
                texts.map_or(0, <[_]>::len),
                Some(on_event),
                handler.cast(),
                error.as_mut_ptr(),
                error.len(),
            )
        };
        match NonNull::new(raw) {
            Some(raw) => Ok(Executor {
                raw,
                handler,
                home: Home::here(),
            }),
            None => Err(error.into_string()),
        }
    }

    /// Starts the driver; the status that Mesos returns. libmesos ends the process where
    /// its environment is not complete.
    ///
    /// Takes it exclusively, because the shim notes down that it ran.
    pub(crate) fn start(&mut self) -> Result<Status, String> {
        self.call(|raw, error, len| {
            // SAFETY: what `call` passes is valid for this.
            unsafe { bindings::mesos_shim_executor_start(raw, error, len) }
        })
    }

    /// Stops the driver; the status that Mesos returns.
    pub(crate) fn stop(&self) -> Result<Status, String> {
        self.call(|raw, error, len| {
            // SAFETY: what `call` passes is valid for this.
            unsafe { bindings::mesos_shim_executor_stop(raw, error, len) }
        })
    }

    /// Waits until the driver was stopped and has taken the calls before that in hand;
    /// returns at once where it was stopped before.
    pub(crate) fn join(&self) -> Result<Status, String> {
        self.call(|raw, error, len| {
            // SAFETY: what `call` passes is valid for this. This is no callback: a handler
            // has no way to own its driver.
            unsafe { bindings::mesos_shim_executor_join(raw, error, len) }
        })
    }

    /// Puts an update, a serialized TaskStatus, in line; the status that Mesos returns,
    /// which is `MESOS_SHIM_RUNNING` if it is in line.
    ///
    /// # Errors
    /// The update does not parse.
    pub(crate) fn send_status_update(&self, status: &[u8]) -> Result<Status, String> {
        self.call(|raw, error, len| {
            // SAFETY: what `call` passes is valid for this; the bytes live through the call.
            unsafe {
                bindings::mesos_shim_executor_send_status_update(raw, bytes(status), error, len)
            }
        })
    }

    /// Puts a message to the scheduler in line; the status that Mesos returns.
    pub(crate) fn send_framework_message(&self, data: &[u8]) -> Result<Status, String> {
        self.call(|raw, error, len| {
            // SAFETY: as above.
            unsafe {
                bindings::mesos_shim_executor_send_framework_message(raw, bytes(data), error, len)
            }
        })
    }

    /// Calls a method of the live driver with a buffer for its error.
    fn call(
        &self,
        method: impl FnOnce(*mut bindings::mesos_shim_executor, *mut c_char, usize) -> Status,
    ) -> Result<Status, String> {
        self.home.check()?;
        let mut error = Text::new();
        let status = method(self.raw.as_ptr(), error.as_mut_ptr(), error.len());
        if status == bindings::MESOS_SHIM_EXCEPTION {
            Err(error.into_string())
        } else {
            Ok(status)
        }
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        if self.home.check().is_err() {
            // libmesos would wait for threads that are not here.
            return;
        }
        // SAFETY: `raw` is live and not used afterwards. This does not run inside a
        // callback: the handler has no way to own the driver that calls it.
        let freed = unsafe { bindings::mesos_shim_executor_free(self.raw.as_ptr()) };
        if freed == 1 {
            // SAFETY: made by Box::into_raw in `new`; the header says that no callback
            // runs after the call above, so this is its only user.
            drop(unsafe { Box::from_raw(self.handler) });
        }
    }
}
