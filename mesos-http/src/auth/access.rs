//! The authorization of one request, and the reaction to a 401.

use http::{HeaderValue, StatusCode, header};
use mesos_core::{Delivery, Error, ErrorKind, Result};

use super::{Credentials, Grant, Source};
use crate::transport::patience::timeout;
use crate::transport::settings::Settings;
use crate::wire::answer::{Answer, clean};

/// The authorization of one request. It can be renewed once.
pub(crate) struct Access<'a> {
    settings: &'a Settings,
    grant: Option<Grant>,
    renewed: bool,
}

impl<'a> Access<'a> {
    /// The authorization for a request with these settings.
    ///
    /// # Errors
    /// The error of the token provider, or a timeout.
    pub(crate) async fn new(settings: &'a Settings) -> Result<Self> {
        let mut access = Self {
            settings,
            grant: None,
            renewed: false,
        };
        access.grant = match settings
            .credentials
            .as_ref()
            .map(|credentials| &credentials.0)
        {
            None => None,
            Some(Source::Basic { grant, .. } | Source::Bearer(grant)) => Some(grant.clone()),
            Some(Source::Provider(_)) => access.request_token().await?,
        };
        Ok(access)
    }

    pub(crate) fn header(&self) -> Option<&HeaderValue> {
        self.grant.as_ref().map(|grant| &grant.header)
    }

    /// After a 401: whether there is another token to try. True at most once.
    ///
    /// # Errors
    /// Those of [`new`](Self::new).
    pub(crate) async fn renew(&mut self) -> Result<bool> {
        if self.renewed || !self.is_renewable() {
            return Ok(false);
        }
        self.renewed = true;
        self.replace().await?;
        Ok(true)
    }

    /// Gets another token, after a 401.
    ///
    /// # Errors
    /// Those of [`new`](Self::new).
    pub(crate) async fn replace(&mut self) -> Result<()> {
        tracing::debug!("the token was refused; requesting another one");
        self.grant = self.request_token().await?;
        Ok(())
    }

    /// Whether another token may be available after a 401.
    pub(crate) fn is_renewable(&self) -> bool {
        matches!(
            self.settings.credentials,
            Some(Credentials(Source::Provider(_)))
        )
    }

    /// A subscription with this authorization was accepted.
    pub(crate) fn accepted(&self) {
        if let Some(Credentials(Source::Provider(provided))) = &self.settings.credentials {
            provided.set_accepted();
        }
    }

    /// The error for a refused subscription. A 401 is retryable if an earlier token of the provider
    /// was accepted: the provider may still have the old token, or a part of the next one.
    pub(crate) fn refused(&self, error: Error) -> Error {
        match &self.settings.credentials {
            Some(Credentials(Source::Provider(provided)))
                if error.kind() == ErrorKind::Unauthorized && provided.was_accepted() =>
            {
                Error::new(ErrorKind::Unavailable, error.to_string())
                    .with_status(StatusCode::UNAUTHORIZED.as_u16())
                    .with_delivery(error.delivery())
            }
            _ => error,
        }
    }

    async fn request_token(&self) -> Result<Option<Grant>> {
        let Some(Credentials(Source::Provider(provided))) = &self.settings.credentials else {
            return Ok(None);
        };
        let limit = self.settings.response_timeout;
        match timeout(limit, provided.grant(self.grant.as_ref())).await {
            // The request itself was not sent.
            Ok(grant) => grant
                .map(Some)
                .map_err(|error| error.with_delivery(Delivery::NotSent)),
            Err(_) => Err(Error::new(
                ErrorKind::Timeout,
                format!("the token provider did not return a token within {limit:?}"),
            )
            .with_delivery(Delivery::NotSent)),
        }
    }

    /// Prepares a refusal for a message: removes the secrets, in case the peer has sent them back, and
    /// adds the advice for a 401.
    pub(crate) fn annotate(&self, answer: &mut Answer) {
        if answer.status.is_success() {
            return;
        }
        if let Some(grant) = &self.grant {
            let text = String::from_utf8_lossy(&answer.body);
            if grant
                .secrets
                .iter()
                .any(|secret| text.contains(secret.as_str()))
            {
                let hidden = grant
                    .secrets
                    .iter()
                    .fold(text.into_owned(), |text, secret| {
                        text.replace(secret.as_str(), "***")
                    });
                answer.body = hidden.into();
            }
        }
        if answer.status == StatusCode::UNAUTHORIZED {
            answer.advice = Some(self.advice(answer));
        }
    }

    fn advice(&self, answer: &Answer) -> String {
        let challenges = answer.headers.get_all(header::WWW_AUTHENTICATE);
        let challenges: Vec<_> = challenges
            .iter()
            .map(|value| clean(&String::from_utf8_lossy(value.as_bytes())))
            .collect();
        let expected = match challenges.is_empty() {
            true => String::new(),
            false => format!(" for {}", challenges.join(", ")),
        };
        match self
            .settings
            .credentials
            .as_ref()
            .map(|credentials| &credentials.0)
        {
            None => format!(
                "the peer requires credentials{expected}; set them with `credentials` of HttpBackend \
                 or OperatorClient"
            ),
            Some(Source::Basic { principal, .. }) => format!(
                "the peer does not accept the principal {principal:?} with this secret{expected}; \
                 compare them with the file in the peer's flag --credentials (of an agent: \
                 --http_credentials)"
            ),
            Some(Source::Bearer(_)) => format!(
                "the peer does not accept the token{expected}; use a TokenProvider for tokens that \
                 expire"
            ),
            Some(Source::Provider(_)) => {
                format!("the peer accepts neither the provider's token{expected} nor the next one")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    #[tokio::test]
    async fn a_secret_that_is_part_of_its_own_encoding_is_removed_completely() {
        // "p:c" is cDpj in base64.
        let settings = Settings {
            credentials: Some(Credentials::basic("p", "c").expect("basic")),
            ..Settings::default()
        };
        let mut answer = Answer {
            status: StatusCode::BAD_REQUEST,
            headers: HeaderMap::new(),
            body: "got Basic cDpj: no".into(),
            fault: None,
            advice: None,
        };
        let access = Access::new(&settings).await.expect("access");
        access.annotate(&mut answer);
        assert_eq!(answer.body, "got Basi*** ***: no");
    }
}
