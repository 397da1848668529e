//! `MesosSchedulerDriver` as a safe handle, and the way its callbacks take to Rust:
//! copied, handed to one function, done. Its calls are in `calls`.

use std::ffi::{c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process;
use std::ptr::NonNull;
use std::slice;
use std::sync::atomic::{AtomicBool, Ordering};

use super::loader::Loaded;
use super::{Text, bindings, bytes, views};

/// One callback of libmesos, copied out of its memory.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    /// One of the header's `mesos_shim_event` values.
    pub(crate) kind: bindings::mesos_shim_event,
    /// The parts that the header names beside that value.
    pub(crate) parts: Vec<Vec<u8>>,
    /// The number that the header names beside that value.
    pub(crate) value: i64,
}

/// One of the header's `mesos_shim_status` values.
pub(crate) type Status = bindings::mesos_shim_status;

type Handler = Box<dyn Fn(Event) + Send + Sync>;

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
    /// The process that made it.
    process: u32,
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
                process: process::id(),
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
        if self.process != process::id() {
            return Err(format!(
                "this process was forked from process {}, which owns the driver; libmesos does \
                 not work in a forked process: exec a program instead, or make the driver after \
                 the fork",
                self.process
            ));
        }
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
        if self.process != process::id() {
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

/// What libmesos' threads call. Copies the parts, hands them on, and lets no panic
/// through to C++.
///
/// # Safety
/// `context` is the handler given to `Scheduler::new`, still alive, and `parts` points
/// to `part_count` valid parts during the call.
unsafe extern "C" fn on_event(
    context: *mut c_void,
    kind: bindings::mesos_shim_event,
    parts: *const bindings::mesos_shim_bytes,
    part_count: usize,
    value: i64,
) {
    let run = AssertUnwindSafe(|| {
        // SAFETY: the header says that context stays valid until the driver was freed.
        let handler = unsafe { &*context.cast::<Handler>() };
        let mut copied = Vec::with_capacity(part_count);
        for index in 0..part_count {
            // SAFETY: index is less than part_count.
            let part = unsafe { *parts.add(index) };
            copied.push(if part.len == 0 {
                Vec::new() // its data may be NULL
            } else {
                // SAFETY: the header says that data points to len bytes during the call.
                unsafe { slice::from_raw_parts(part.data, part.len) }.to_vec()
            });
        }
        handler(Event {
            kind,
            parts: copied,
            value,
        });
    });
    if catch_unwind(run).is_err() {
        tracing::error!(
            kind,
            "a callback of libmesos was lost to a panic in its handler"
        );
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn call(handler: Handler, parts: &[&[u8]]) {
        let handler = Box::into_raw(Box::new(handler));
        let parts: Vec<_> = parts.iter().map(|part| bytes(part)).collect();
        // SAFETY: the handler is alive and the parts are valid during the call.
        unsafe { on_event(handler.cast(), 7, parts.as_ptr(), parts.len(), -3) };
        // SAFETY: made by Box::into_raw above, and nobody uses it any more.
        drop(unsafe { Box::from_raw(handler) });
    }

    #[test]
    fn a_callback_arrives_with_all_its_parts_even_empty_ones() {
        let (sender, events) = mpsc::channel();
        call(
            Box::new(move |event| sender.send(event).expect("a receiver")),
            &[b"a", b"", b"\0\xff"],
        );
        let event = events.recv().expect("an event");
        assert_eq!((event.kind, event.value), (7, -3));
        assert_eq!(
            event.parts,
            [b"a".to_vec(), b"".to_vec(), b"\0\xff".to_vec()]
        );
    }

    #[test]
    fn a_panic_in_a_handler_does_not_reach_libmesos() {
        call(
            Box::new(|_| panic!("a handler's panic, expected in this test")),
            &[],
        );
    }
}
