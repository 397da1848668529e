//! What worked last, for files that are being replaced.
//!
//! A certificate and its key are two files, and most programs that renew them write one after the
//! other, or truncate a file before they write it. A connection that is opened in between must not
//! end a scheduler or an executor that has worked for months.

use std::sync::{Arc, Mutex};

use mesos_core::{Result, error_chain};

use crate::lock::lock;

/// The configuration of the last handshake that succeeded. Clones share it.
#[derive(Debug)]
pub(super) struct Last<T>(Arc<Mutex<Option<T>>>);

impl<T> Clone for Last<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for Last<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Clone> Last<T> {
    /// `loaded`, or what worked last if loading failed.
    pub(super) fn or(&self, loaded: Result<T>) -> Result<T> {
        let Err(error) = loaded else { return loaded };
        let Some(last) = lock(&self.0).clone() else {
            return Err(error);
        };
        tracing::warn!(
            error = %error_chain(&error),
            "cannot load the TLS settings; the connection uses the certificates that worked last"
        );
        Ok(last)
    }

    /// A handshake with `config` succeeded.
    pub(super) fn set(&self, config: T) {
        *lock(&self.0) = Some(config);
    }
}
