//! Receives a driver's callbacks: copies them out of libmesos's memory and passes them to one
//! handler.

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice;

use super::bindings;

/// One callback of libmesos, copied out of its memory.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    /// One of the `mesos_shim_event` values of the header.
    pub(crate) kind: bindings::mesos_shim_event,
    /// The parts that the header lists for this kind.
    pub(crate) parts: Vec<Vec<u8>>,
    /// The number that the header lists for this kind.
    pub(crate) value: i64,
}

pub(super) type Handler = Box<dyn Fn(Event) + Send + Sync>;

/// The function that libmesos's threads call. Copies the parts, calls the handler, and stops a
/// panic before it reaches C++.
///
/// # Safety
/// `context` is the handler that was given to the driver, and is still alive. `parts` points to
/// `part_count` valid parts during the call.
pub(super) unsafe extern "C" fn on_event(
    context: *mut c_void,
    kind: bindings::mesos_shim_event,
    parts: *const bindings::mesos_shim_bytes,
    part_count: usize,
    value: i64,
) {
    let run = AssertUnwindSafe(|| {
        // SAFETY: `context` is the handler, alive as the caller promises.
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
        tracing::error!(kind, "lost a callback of libmesos: its handler panicked");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::sys::bytes;

    fn call(handler: Handler, parts: &[&[u8]]) {
        let handler = Box::into_raw(Box::new(handler));
        let parts: Vec<_> = parts.iter().map(|part| bytes(part)).collect();
        // SAFETY: the handler is alive and the parts are valid during the call.
        unsafe { on_event(handler.cast(), 7, parts.as_ptr(), parts.len(), -3) };
        // SAFETY: made by Box::into_raw above, and not used afterwards.
        drop(unsafe { Box::from_raw(handler) });
    }

    #[test]
    fn a_callback_arrives_with_all_its_parts_including_empty_ones() {
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
        call(Box::new(|_| panic!("expected in this test")), &[]);
    }
}
