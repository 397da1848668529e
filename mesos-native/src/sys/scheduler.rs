//! `MesosSchedulerDriver` as a safe handle. The calls of a framework are in `calls`.

use std::sync::atomic::{AtomicBool, Ordering};

use super::callback::{Event, on_event};
use super::handle::{Driver, Handle};
use super::loader::Loaded;
use super::{Status, bindings, bytes, views};

/// The arguments of a new driver.
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

/// A driver. Dropping it destroys the driver, and blocks until no callback runs. In a forked child
/// of the process that made it, every method fails and the drop does nothing.
pub(crate) struct Scheduler {
    pub(super) handle: Handle<bindings::mesos_shim_scheduler>,
    /// Whether `start` has succeeded.
    started: AtomicBool,
}

// SAFETY: libmesos's driver accepts calls from any thread, and the header says that no callback
// runs after the object was freed.
unsafe impl Driver for bindings::mesos_shim_scheduler {
    unsafe fn free(raw: *mut Self) -> bool {
        // SAFETY: the caller promises what the header requires.
        unsafe { bindings::mesos_shim_scheduler_free(raw) };
        true
    }
}

impl Scheduler {
    /// Makes a driver. libmesos's threads call `handler`, possibly before this function returns,
    /// and one call at a time. A panic in `handler` is caught, and the event is lost.
    pub(crate) fn new(
        library: Loaded,
        settings: &Settings<'_>,
        handler: impl Fn(Event) + Send + Sync + 'static,
    ) -> Result<Scheduler, String> {
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
        let handle = Handle::new(handler, |context, error, len| {
            // SAFETY: the settings and everything that they point to live through the call, and
            // so does the error buffer. `Handle` keeps the context alive until the driver was
            // freed, or forever on failure.
            unsafe {
                bindings::mesos_shim_scheduler_new(
                    library.as_ptr(),
                    &settings,
                    Some(on_event),
                    context,
                    error,
                    len,
                )
            }
        })?;
        Ok(Scheduler {
            handle,
            started: AtomicBool::new(false),
        })
    }

    /// Starts the driver. Returns the status that Mesos returns.
    pub(crate) fn start(&self) -> Result<Status, String> {
        let status = self.handle.call(|raw, error, len| {
            // SAFETY: `call` passes a live driver and a buffer of that length.
            unsafe { bindings::mesos_shim_scheduler_start(raw, error, len) }
        })?;
        if status == bindings::MESOS_SHIM_RUNNING {
            self.started.store(true, Ordering::Release);
        }
        Ok(status)
    }

    /// Stops the driver. Returns the status that Mesos returns.
    pub(crate) fn stop(&self, failover: bool) -> Result<Status, String> {
        self.handle.call(|raw, error, len| {
            // SAFETY: as in `start`.
            unsafe { bindings::mesos_shim_scheduler_stop(raw, failover.into(), error, len) }
        })
    }

    /// Deactivates the framework at the master and ends the callbacks. Returns the status that
    /// Mesos returns.
    pub(crate) fn abort(&self) -> Result<Status, String> {
        self.handle.call(|raw, error, len| {
            // SAFETY: as in `start`.
            unsafe { bindings::mesos_shim_scheduler_abort(raw, error, len) }
        })
    }

    /// Waits until the driver was stopped or aborted. Returns the status that Mesos returns. After
    /// `stop(false)`, the TEARDOWN has left this process when `join` returns.
    ///
    /// For a driver that was never started, this returns at once: libmesos ends the process in
    /// some of these cases.
    pub(crate) fn join(&self) -> Result<Status, String> {
        if !self.started.load(Ordering::Acquire) {
            return Ok(bindings::MESOS_SHIM_NOT_STARTED);
        }
        self.handle.call(|raw, error, len| {
            // SAFETY: as in `start`, and the driver was started. This does not run inside a
            // callback: a handler cannot own its driver.
            unsafe { bindings::mesos_shim_scheduler_join(raw, error, len) }
        })
    }
}
