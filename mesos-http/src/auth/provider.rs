//! Tokens that expire: the trait that gives them, and the one that is in use.

use async_trait::async_trait;
use mesos_core::Result;
use mesos_core::executor::Token;
use tokio::sync::Mutex;

use super::Grant;

/// Gives the tokens that go with requests, from wherever they come: a login
/// service, a file that is rewritten, a metadata server.
///
/// ```
/// use async_trait::async_trait;
/// use mesos_core::executor::Token;
/// use mesos_core::{Error, ErrorKind, Result};
/// use mesos_http::{Credentials, TokenProvider};
///
/// /// A file that something else keeps fresh.
/// struct TokenFile(std::path::PathBuf);
///
/// #[async_trait]
/// impl TokenProvider for TokenFile {
///     async fn token(&self) -> Result<Token> {
///         let text = std::fs::read_to_string(&self.0).map_err(|source| {
///             let message = format!("cannot read the token in {}", self.0.display());
///             Error::new(ErrorKind::Config, message).with_source(source)
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
    /// Called before the first request, and again when the last token was
    /// answered with 401: once for a request, which is then sent once more. It
    /// may take as long as a response may, and is dropped after that. Requests
    /// of all clones of the [`Credentials`](super::Credentials) wait for one
    /// call and share what it gives.
    ///
    /// # Errors
    /// The request fails with the error that is returned here, and none is
    /// sent. Its kind says whether that is the end: a driver tries again later
    /// if it [can be retried](mesos_core::Error::is_retryable), such as
    /// `Transport` when the login service is out of reach, and gives up
    /// otherwise, as with `Unauthorized`.
    async fn token(&self) -> Result<Token>;
}

/// A provider and its last token.
pub(super) struct Provided {
    provider: Box<dyn TokenProvider>,
    current: Mutex<Option<Grant>>,
}

impl Provided {
    pub(super) fn new(provider: impl TokenProvider + 'static) -> Self {
        Self {
            provider: Box::new(provider),
            current: Mutex::new(None),
        }
    }

    /// A token that is newer than `refused`.
    pub(super) async fn grant(&self, refused: Option<&Grant>) -> Result<Grant> {
        let mut current = self.current.lock().await;
        let refused = refused.map_or(0, |grant| grant.generation);
        match &*current {
            // Another request has had it replaced meanwhile.
            Some(grant) if grant.generation > refused => Ok(grant.clone()),
            _ => {
                let token = self.provider.token().await?;
                let mut grant = Grant::bearer(&token)?;
                grant.generation = refused + 1;
                Ok(current.insert(grant).clone())
            }
        }
    }
}
