//! The only module with unsafe code: the shim's bindings and a safe wrapper around each of its
//! handles. The modules above decide what to call and when.
#![allow(unsafe_code)]

#[allow(missing_docs, unreachable_pub, dead_code, non_camel_case_types)]
mod bindings;
mod callback;
mod calls;
mod executor;
mod handle;
#[cfg(test)]
mod hazards;
mod loader;
mod process;
mod scheduler;

pub(crate) use bindings::{
    MESOS_SHIM_DISCONNECTED, MESOS_SHIM_ERROR, MESOS_SHIM_EXECUTOR_LOST,
    MESOS_SHIM_EXECUTOR_MESSAGE, MESOS_SHIM_EXECUTOR_REGISTERED, MESOS_SHIM_EXECUTOR_REREGISTERED,
    MESOS_SHIM_FRAMEWORK_MESSAGE, MESOS_SHIM_KILL_TASK, MESOS_SHIM_LAUNCH_TASK,
    MESOS_SHIM_OFFER_RESCINDED, MESOS_SHIM_REGISTERED, MESOS_SHIM_REREGISTERED,
    MESOS_SHIM_RESOURCE_OFFERS, MESOS_SHIM_RUNNING, MESOS_SHIM_SHIM_FAILED, MESOS_SHIM_SHUTDOWN,
    MESOS_SHIM_SLAVE_LOST, MESOS_SHIM_STATUS_UPDATE,
};
pub(crate) use callback::Event;
pub(crate) use calls::Call;
pub(crate) use executor::Executor;
pub(crate) use loader::{Feature, LoadError, Loaded, preload};
pub(crate) use scheduler::{Scheduler, Settings};

/// One of the header's `mesos_shim_status` values.
pub(crate) type Status = bindings::mesos_shim_status;

/// A buffer for the text of an error or a version.
struct Text([u8; 512]);

impl Text {
    fn new() -> Self {
        Text([0; 512])
    }

    fn as_mut_ptr(&mut self) -> *mut std::ffi::c_char {
        self.0.as_mut_ptr().cast()
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    /// The text up to the first NUL.
    fn into_string(self) -> String {
        let end = self
            .0
            .iter()
            .position(|&byte| byte == 0)
            .unwrap_or(self.0.len());
        String::from_utf8_lossy(&self.0[..end]).into_owned()
    }
}

/// Views of `items`. They must not outlive `items`; the types do not enforce this.
fn views<T: AsRef<[u8]>>(items: &[T]) -> Vec<bindings::mesos_shim_bytes> {
    items.iter().map(|item| bytes(item.as_ref())).collect()
}

fn bytes(data: &[u8]) -> bindings::mesos_shim_bytes {
    bindings::mesos_shim_bytes {
        data: data.as_ptr(),
        len: data.len(),
    }
}
