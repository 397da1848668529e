//! Tasks of a driver besides its event loop.

use std::future::{Future, pending};

use tokio_util::task::AbortOnDropHandle;

use super::guard::panic_text;
use crate::error::{Error, ErrorKind};

/// A running task. Dropping this value ends the task.
#[derive(Debug)]
pub(crate) struct Background {
    name: &'static str,
    /// `None` once the task has ended.
    task: Option<AbortOnDropHandle<()>>,
}

impl Background {
    /// Starts `task`, on the tokio runtime of the caller. The name is for errors.
    pub(crate) fn start(
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        let task = Some(AbortOnDropHandle::new(tokio::spawn(task)));
        Self { name, task }
    }

    /// Completes if the task has panicked, which would otherwise be noticed by nobody. Cancel safe.
    pub(crate) async fn panicked(&mut self) -> Error {
        if let Some(task) = &mut self.task {
            let end = task.await;
            self.task = None;
            if let Err(end) = end
                && let Ok(panic) = end.try_into_panic()
            {
                let text = panic_text(panic.as_ref());
                let text = format!("the driver's task `{}` panicked: {text}", self.name);
                return Error::new(ErrorKind::Panicked, text);
            }
        }
        pending().await
    }
}
