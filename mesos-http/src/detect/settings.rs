//! What an address cannot say.

use std::time::Duration;

use crate::endpoint::Scheme;

/// What an address cannot say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    /// Of what names none; none where the backend is to decide.
    pub(super) scheme: Option<Scheme>,
    pub(super) prefix: String,
    pub(super) session_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            scheme: None,
            prefix: "/master".to_owned(),
            session_timeout: Duration::from_secs(10),
        }
    }
}

impl Settings {
    pub(super) fn scheme(&self) -> Scheme {
        self.scheme.unwrap_or(Scheme::Http)
    }
}
