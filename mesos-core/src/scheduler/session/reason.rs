//! Types the texts of ERROR events. Mesos has no codes for them; the texts are
//! those of `src/master/master.cpp`.

use std::time::Duration;

use crate::error::{Error, ErrorKind};

const REMOVED: &str = "Framework has been removed";
const TAKEN_OVER: &str = "Framework failed over";

/// Whether `message` tells a stream that another one took its place.
pub(super) fn is_takeover(message: &str) -> bool {
    message == TAKEN_OVER
}

/// Whether `kind` means that the framework is no more.
pub(crate) fn is_removal(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::FrameworkRemoved | ErrorKind::FailoverTimeout
    )
}

/// The error that an ERROR event with `message` stands for.
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
pub(super) fn strayed(message: &str) -> Error {
    Error::new(
        ErrorKind::NotSubscribed,
        format!(
            "Mesos ended the subscription: {message}; an earlier SUBSCRIBE of this driver, which \
             was not answered, may have arrived only now"
        ),
    )
}

/// A removal whose cause is known: `without` a subscription for longer than
/// `timeout`.
pub(super) fn timed_out(message: &str, without: Duration, timeout: Duration) -> Error {
    Error::new(
        ErrorKind::FailoverTimeout,
        format!(
            "Mesos ended the subscription after {without:?} without one, more than the \
             framework's failover timeout of {timeout:?}: {message}"
        ),
    )
}
