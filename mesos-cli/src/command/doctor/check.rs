//! The result of one check.

use serde::Serialize;

use crate::error::Error;
use crate::output::{BAD, Cell, GOOD, WARN};

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    Ok,
    /// Works now, and deserves attention.
    Warning,
    Failed,
}

impl State {
    pub(super) fn cell(self) -> Cell {
        match self {
            Self::Ok => Cell::styled("ok", GOOD),
            Self::Warning => Cell::styled("warning", WARN),
            Self::Failed => Cell::styled("failed", BAD),
        }
    }
}

/// The result of one check.
#[derive(Debug, Serialize)]
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) state: State,
    pub(super) detail: String,
    /// What to change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) advice: Option<String>,
}

impl Check {
    pub(super) fn ok(name: &'static str, detail: impl Into<String>) -> Self {
        Self {
            name,
            state: State::Ok,
            detail: detail.into(),
            advice: None,
        }
    }

    pub(super) fn warning(
        name: &'static str,
        detail: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            state: State::Warning,
            advice: Some(advice.into()),
            ..Self::ok(name, detail)
        }
    }

    pub(super) fn failed(
        name: &'static str,
        detail: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            state: State::Failed,
            advice: Some(advice.into()),
            ..Self::ok(name, detail)
        }
    }

    /// The failure that an error describes. `advice` is for errors without a hint.
    pub(super) fn error(name: &'static str, error: impl Into<Error>, advice: &str) -> Self {
        match error.into() {
            Error::Failed { message, hint, .. } => {
                Self::failed(name, message, hint.unwrap_or_else(|| advice.to_owned()))
            }
            Error::ClosedPipe | Error::Exit(_) => Self::failed(name, "", advice),
        }
    }
}
