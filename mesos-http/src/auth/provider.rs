//! Tokens that expire: the trait that provides them, and the current token.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use mesos_core::executor::Token;
use mesos_core::{Error, ErrorKind, Result};
use tokio::sync::Mutex;

use super::Grant;

/// Provides the tokens for requests, for example from a login service, a file that is rewritten, or a
/// metadata server.
///
/// ```
/// use mesos::executor::Token;
/// use mesos::http::{Credentials, TokenProvider};
/// use mesos::{Error, ErrorKind, Result};
///
/// /// A file that another program keeps up to date.
/// struct TokenFile(std::path::PathBuf);
///
/// #[mesos::async_trait]
/// impl TokenProvider for TokenFile {
///     async fn token(&self) -> Result<Token> {
///         let text = std::fs::read_to_string(&self.0).map_err(|source| {
///             // Retryable: the file may be replaced at this moment.
///             let message = format!("cannot read the token in {}", self.0.display());
///             Error::new(ErrorKind::Unavailable, message).with_source(source)
///         })?;
///         Ok(Token::new(text.trim()))
///     }
/// }
///
/// let credentials = Credentials::provider(TokenFile("/run/secrets/mesos".into()));
/// # let _ = credentials;
/// ```
#[async_trait]
pub trait TokenProvider: Send + Sync {
    /// A token to use from now on.
    ///
    /// Called before the first request, and again after an answer 401 to the last token: at most once
    /// for each request, which is then repeated. The time limit is that of a response; after that,
    /// the future is dropped. Requests of all clones of the [`Credentials`](super::Credentials) wait
    /// for one call and share the token.
    ///
    /// # Errors
    /// The request fails with this error and is not sent. A driver retries later if the error is
    /// [retryable](mesos_core::Error::is_retryable), such as `Transport` for an unreachable login
    /// service. With another kind, such as `Unauthorized`, the driver ends; after a first
    /// subscription it also retries `Config` and `Backend`. A token that is empty or has invalid
    /// characters is a retryable error, because a file may be half written. So is a subscription
    /// that was refused with this token and the next one, if a subscription with an earlier token
    /// was accepted: the file may still contain the old token.
    async fn token(&self) -> Result<Token>;
}

/// A provider and its last token.
pub(super) struct Provided {
    provider: Box<dyn TokenProvider>,
    current: Mutex<Option<Grant>>,
    /// Whether a subscription with one of the tokens was accepted.
    accepted: AtomicBool,
}

impl Provided {
    pub(super) fn new(provider: impl TokenProvider + 'static) -> Self {
        Self {
            provider: Box::new(provider),
            current: Mutex::new(None),
            accepted: AtomicBool::new(false),
        }
    }

    pub(super) fn set_accepted(&self) {
        self.accepted.store(true, Ordering::Relaxed);
    }

    pub(super) fn was_accepted(&self) -> bool {
        self.accepted.load(Ordering::Relaxed)
    }

    /// A newer token than `refused`.
    pub(super) async fn grant(&self, refused: Option<&Grant>) -> Result<Grant> {
        let mut current = self.current.lock().await;
        let refused = refused.map_or(0, |grant| grant.generation);
        match &*current {
            // Another request has replaced it in the meantime.
            Some(grant) if grant.generation > refused => Ok(grant.clone()),
            _ => {
                let token = self.provider.token().await?;
                // A file that is being written is empty for a moment, so this may pass.
                let mut grant = Grant::bearer(&token).map_err(|error| {
                    let message = "the token provider returned an unusable token";
                    Error::new(ErrorKind::Unavailable, message).with_source(error)
                })?;
                grant.generation = refused + 1;
                Ok(current.insert(grant).clone())
            }
        }
    }
}
