//! The way of a driver's callbacks to Rust: copied, handed to one function, done.

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice;

use super::bindings;

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

pub(super) type Handler = Box<dyn Fn(Event) + Send + Sync>;

/// What libmesos' threads call. Copies the parts, hands them on, and lets no panic
/// through to C++.
///
/// # Safety
/// `context` is the handler given to the driver, still alive, and `parts` points
/// to `part_count` valid parts during the call.
pub(super) unsafe extern "C" fn on_event(
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
    use crate::sys::bytes;

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
