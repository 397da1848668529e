//! What the handles of both drivers have in common: the pointer to the shim's object, the handler
//! of its callbacks, error buffers, and the destruction.

use std::ffi::{c_char, c_void};
use std::ptr::NonNull;

use super::callback::{Event, Handler};
use super::process::Home;
use super::{Status, Text, bindings};

/// An object of the shim that owns one driver of libmesos.
///
/// # Safety
/// Any thread may use the object. [`free`](Self::free) returns `true` only if no callback runs
/// after it has returned.
pub(super) unsafe trait Driver {
    /// Destroys the driver. Blocks until no callback runs. Returns `false` if the driver was left
    /// as it is, so that its handler must stay alive.
    ///
    /// # Safety
    /// `raw` is live, and is not used afterwards. The caller is not inside a callback.
    unsafe fn free(raw: *mut Self) -> bool;
}

/// A driver with the handler of its callbacks. Dropping the handle destroys the driver and blocks
/// until no callback runs.
///
/// A handle belongs to the process that made it. libmesos's threads do not exist in a forked
/// child, so every call fails there and the drop does nothing.
#[derive(Debug)]
pub(super) struct Handle<D: Driver> {
    raw: NonNull<D>,
    /// Callbacks use it until `raw` is freed, so it is dropped after `raw`.
    handler: *mut Handler,
    home: Home,
}

// SAFETY: a `Driver` may be used from any thread (libmesos serializes calls by its own lock),
// and the handler is Send and Sync.
unsafe impl<D: Driver> Send for Handle<D> {}
// SAFETY: as above; freeing needs exclusive access.
unsafe impl<D: Driver> Sync for Handle<D> {}

impl<D: Driver> Handle<D> {
    /// Makes a driver by `make`, which receives the context for `on_event` and a buffer for an
    /// error text with its length, and returns NULL on failure.
    ///
    /// libmesos's threads call `handler`, possibly before this function returns, and one call at a
    /// time. A panic in `handler` is caught, and the event is lost.
    ///
    /// # Errors
    /// The text that `make` wrote.
    pub(super) fn new(
        handler: impl Fn(Event) + Send + Sync + 'static,
        make: impl FnOnce(*mut c_void, *mut c_char, usize) -> *mut D,
    ) -> Result<Self, String> {
        let handler: *mut Handler = Box::into_raw(Box::new(Box::new(handler)));
        let mut error = Text::new();
        match NonNull::new(make(handler.cast(), error.as_mut_ptr(), error.len())) {
            Some(raw) => Ok(Self {
                raw,
                handler,
                home: Home::here(),
            }),
            // The header says that a driver that could not be made may still use its handler, so
            // the handler is leaked.
            None => Err(error.into_string()),
        }
    }

    /// Calls a method of the driver. `method` receives the live driver and a buffer for an error
    /// text with its length.
    ///
    /// # Errors
    /// The text that `method` wrote, or this is a forked process.
    pub(super) fn call(
        &self,
        method: impl FnOnce(*mut D, *mut c_char, usize) -> Status,
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

impl<D: Driver> Drop for Handle<D> {
    fn drop(&mut self) {
        if self.home.check().is_err() {
            // libmesos would wait for threads that do not exist in this process.
            return;
        }
        // SAFETY: `raw` is live and not used afterwards. This does not run inside a callback: a
        // handler cannot own the driver that calls it.
        if unsafe { D::free(self.raw.as_ptr()) } {
            // SAFETY: made by Box::into_raw in `new`; no callback runs after `free` returned
            // true, so this is the only user.
            drop(unsafe { Box::from_raw(self.handler) });
        }
    }
}
