//! Marks the task that runs a handler, so that calls can refuse to wait for their own driver.

use std::future::Future;

tokio::task_local! {
    /// The driver whose handler this task runs, as the address of its link.
    static HANDLER: usize;
}

fn address<L>(link: &L) -> usize {
    std::ptr::from_ref(link).addr()
}

/// Whether the caller is a handler of the driver with this link. The driver delivers nothing and
/// does not reconnect until the handler has returned, so a handler must not wait for either.
pub(crate) fn in_handler<L>(link: &L) -> bool {
    HANDLER
        .try_with(|inside| *inside == address(link))
        .unwrap_or_default()
}

/// Runs `handler` as a handler of the driver with this link.
pub(super) fn as_handler<L, F: Future>(link: &L, handler: F) -> impl Future<Output = F::Output> {
    HANDLER.scope(address(link), handler)
}
