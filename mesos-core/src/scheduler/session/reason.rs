//! Turns the texts of ERROR events into errors. Mesos has no codes for them; the texts are from
//! `src/master/master.cpp`.

use std::time::Duration;

use crate::error::{Error, ErrorKind};

const REMOVED: &str = "Framework has been removed";
const TAKEN_OVER: &str = "Framework failed over";

/// Whether `message` informs a stream that another stream replaced it.
pub(super) fn is_takeover(message: &str) -> bool {
    message == TAKEN_OVER
}

/// Whether `message` says that the framework was removed.
pub(crate) fn is_removal_text(message: &str) -> bool {
    message == REMOVED
}

/// Whether `kind` means that the framework was removed.
pub(crate) fn is_removal(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::FrameworkRemoved | ErrorKind::FailoverTimeout
    )
}

/// The error for an ERROR event with `message`.
pub(super) fn typed(message: &str) -> Error {
    let kind = match message {
        REMOVED => ErrorKind::FrameworkRemoved,
        TAKEN_OVER => ErrorKind::TakenOver,
        // `checkSubscribeAuthorization`.
        text if text.starts_with("Not authorized") => ErrorKind::Forbidden,
        // By libmesos alone: `src/sched/sched.cpp`, and `validateFrameworkAuthentication`.
        "Master refused authentication" => ErrorKind::Unauthorized,
        text if text.starts_with("Framework at ") && text.ends_with(" is not authenticated") => {
            ErrorKind::Unauthorized
        }
        _ => ErrorKind::Rejected,
    };
    Error::new(kind, format!("Mesos ended the subscription: {message}"))
}

/// A takeover that a SUBSCRIBE of the same driver may have caused.
pub(super) fn delayed_subscribe(message: &str) -> Error {
    Error::new(
        ErrorKind::NotSubscribed,
        format!(
            "Mesos ended the subscription: {message}; an earlier SUBSCRIBE of this driver, which \
             was not answered, may have arrived only now"
        ),
    )
}

/// The first subscription did not succeed within `timeout`.
pub(super) fn never_subscribed(error: Error, timeout: Duration, attempts: u32) -> Error {
    let text = format!(
        "no subscription within {timeout:?} ({attempts} attempts); check the address of the \
         master, or allow more time with Framework::subscribe_timeout"
    );
    let mut ended = Error::new(error.kind(), text).with_delivery(error.delivery());
    if let Some(status) = error.status() {
        ended = ended.with_status(status);
    }
    ended.with_source(error)
}

/// A removal whose cause is known: the outage was longer than the failover timeout.
pub(super) fn timed_out(message: &str, outage: Duration, timeout: Duration) -> Error {
    Error::new(
        ErrorKind::FailoverTimeout,
        format!(
            "Mesos ended the subscription: {message}; the driver had been without a subscription \
             for {outage:?}, and the framework's failover timeout is {timeout:?}"
        ),
    )
}
