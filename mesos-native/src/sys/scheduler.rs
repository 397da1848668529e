//! `MesosSchedulerDriver` as a safe handle. Its calls are in `calls`, the way of its
//! callbacks in `callback`.

use std::ffi::c_char;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering};

use super::callback::{Event, Handler, on_event};
use super::loader::Loaded;
use super::process::Home;
use super::{Status, Text, bindings, bytes, views};

/// What a driver is made with.
#[derive(Default)]
pub(crate) struct Settings<'a> {
    /// A serialized FrameworkInfo.
    pub(crate) framework: &'a [u8],
    pub(crate) master: &'a str,
    /// A serialized Credential.
    pub(crate) credential: Option<&'a [u8]>,
    /// Only for a library with [`Feature::SingleRoles`](super::Feature::SingleRoles).
    pub(crate) suppressed_roles: &'a [String],
    pub(crate) implicit_acknowledgements: bool,
}

/// A driver. Dropping it destroys it, and blocks until no callback runs any more.
///
/// It belongs to the process that made it. In a forked child, where libmesos' threads do
/// not exist, every method fails and the drop does nothing.
pub(crate) struct Scheduler {
    raw: NonNull<bindings::mesos_shim_scheduler>,
    /// Used by callbacks until `raw` is freed, so it is dropped after it.
    handler: *mut Handler,
    /// Whether `start` has succeeded.
    started: AtomicBool,
    home: Home,
}

// SAFETY: libmesos' driver takes calls from any thread (they are serialized by a lock
// of its own), and the handler is Send and Sync.
unsafe impl Send for Scheduler {}
// SAFETY: as above; what frees it needs it exclusively.
unsafe impl Sync for Scheduler {}

impl Scheduler {
    /// Makes a driver. `handler` is called on threads of libmesos' and may be called
    /// before this function returns; while it runs no other callback comes. A panic in it
    /// is caught and loses the event.
    pub(crate) fn new(
        library: Loaded,
        settings: &Settings<'_>,
        handler: impl Fn(Event) + Send + Sync + 'static,
    ) -> Result<Scheduler, String> {
        let handler: *mut Handler = Box::into_raw(Box::new(Box::new(handler)));
        let mut error = Text::new();
        let roles = views(settings.suppressed_roles);
        let settings = bindings::mesos_shim_scheduler_settings {
            framework: bytes(settings.framework),
            master: bytes(settings.master.as_bytes()),
            credential: bytes(settings.credential.unwrap_or_default()),
            has_credential: settings.credential.is_some().into(),
            implicit_acknowledgements: settings.implicit_acknowledgements.into(),
            suppressed_roles: roles.as_ptr(),
            suppressed_count: roles.len(),
        };
        // SAFETY: the settings with all that they point to and the error buffer live
        // through the call. Callback and context live until `drop` has freed the driver;
        // on failure, which needs them for ever, the handler is not taken back.
        let raw = unsafe {
            bindings::mesos_shim_scheduler_new(
                library.as_ptr(),
                &settings,
                Some(on_event),
                handler.cast(),
                error.as_mut_ptr(),
                error.len(),
            )
        };
        match NonNull::new(raw) {
            Some(raw) => Ok(Scheduler {
                raw,
                handler,
                started: AtomicBool::new(false),
                home: Home::here(),
            }),
            None => Err(error.into_string()),
        }
    }

    /// Starts the driver; the status that Mesos returns.
    pub(crate) fn start(&self) -> Result<Status, String> {
        let status = self.call(|raw, error, len| {
            // SAFETY: what `call` passes is valid for this.
            unsafe { bindings::mesos_shim_scheduler_start(raw, error, len) }
        })?;
        if status == bindings::MESOS_SHIM_RUNNING {
            self.started.store(true, Ordering::Release);
        }
        Ok(status)
    }

    /// Stops the driver; the status that Mesos returns.
    pub(crate) fn stop(&self, failover: bool) -> Result<Status, String> {
        self.call(|raw, error, len| {
            // SAFETY: what `call` passes is valid for this.
            unsafe { bindings::mesos_shim_scheduler_stop(raw, failover.into(), error, len) }
        })
    }

    /// Tells the master not to count on this driver, and ends the callbacks; the status
    /// that Mesos returns.
    pub(crate) fn abort(&self) -> Result<Status, String> {
        self.call(|raw, error, len| {
            // SAFETY: what `call` passes is valid for this.
            unsafe { bindings::mesos_shim_scheduler_abort(raw, error, len) }
        })
    }

    /// Waits until the driver was stopped or aborted; the status that Mesos returns.
    /// After `stop(false)`, the master has been told by then.
    ///
    /// A driver that was never started is not waited for: libmesos ends the process in
    /// some of these cases.
    pub(crate) fn join(&self) -> Result<Status, String> {
        if !self.started.load(Ordering::Acquire) {
            return Ok(bindings::MESOS_SHIM_NOT_STARTED);
        }
        self.call(|raw, error, len| {
            // SAFETY: what `call` passes is valid for this, and the driver was started.
            // This is no callback: a handler has no way to own its driver.
            unsafe { bindings::mesos_shim_scheduler_join(raw, error, len) }
        })
    }

    /// Calls a method of the live driver with a buffer for its error.
    pub(super) fn call(
        &self,
        method: impl FnOnce(*mut bindings::mesos_shim_scheduler, *mut c_char, usize) -> Status,
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

impl Drop for Scheduler {
    fn drop(&mut self) {
        if self.home.check().is_err() {
            // libmesos would wait for threads that are not here.
            return;
        }
        // SAFETY: `raw` is live and not used afterwards. This does not run inside a
        // callback: the handler has no way to own the driver that calls it.
        unsafe { bindings::mesos_shim_scheduler_free(self.raw.as_ptr()) };
        // SAFETY: made by Box::into_raw in `new`; the header says that no callback runs
        // after the call above, so this is its only user.
        drop(unsafe { Box::from_raw(self.handler) });
    }
}
