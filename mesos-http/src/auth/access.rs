//! What one request carries, and what becomes of it when the answer is 401.

use http::{HeaderValue, StatusCode, header};
use mesos_core::{Delivery, Error, ErrorKind, Result};
use tokio::time::timeout;

use super::{Credentials, Grant, Source};
use crate::transport::settings::Settings;
use crate::wire::answer::{Answer, clean};

/// The authorization of one request, which may be renewed once.
pub(crate) struct Access<'a> {
    settings: &'a Settings,
    grant: Option<Grant>,
    renewed: bool,
}

impl<'a> Access<'a> {
    /// What a request with these settings has to carry.
    ///
    /// # Errors
    /// Those of a token's provider, or that it took too long.
    pub(crate) async fn of(settings: &'a Settings) -> Result<Self> {
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
            Some(Source::Provider(_)) => access.ask().await?,
        };
        Ok(access)
    }

    pub(crate) fn header(&self) -> Option<&HeaderValue> {
        self.grant.as_ref().map(|grant| &grant.header)
    }

    /// After a 401: whether there is something new to try, which there is at
    /// most once.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub(crate) async fn renew(&mut self) -> Result<bool> {
        if self.renewed || !self.is_renewable() {
            return Ok(false);
        }
        self.renewed = true;
        self.replace().await?;
        Ok(true)
    }

    /// Asks for something new, after a 401.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub(crate) async fn replace(&mut self) -> Result<()> {
        tracing::debug!("the token was refused; asking for another");
        self.grant = self.ask().await?;
        Ok(())
    }

    /// Whether there may be something new to try after a 401.
    pub(crate) fn is_renewable(&self) -> bool {
        matches!(
            self.settings.credentials,
            Some(Credentials(Source::Provider(_)))
        )
    }

    async fn ask(&self) -> Result<Option<Grant>> {
        let Some(Credentials(Source::Provider(provided))) = &self.settings.credentials else {
            return Ok(None);
        };
        let limit = self.settings.response_timeout;
        match timeout(limit, provided.grant(self.grant.as_ref())).await {
            // Whatever was tried, it was not the request.
            Ok(grant) => grant
                .map(Some)
                .map_err(|error| error.with_delivery(Delivery::NotSent)),
            Err(_) => Err(Error::new(
                ErrorKind::Timeout,
                format!("the provider of tokens gave none within {limit:?}"),
            )
            .with_delivery(Delivery::NotSent)),
        }
    }

    /// Makes a refusal fit to be shown: without what was sent, should the peer
    /// have sent that back, and with what to do about a 401.
    pub(crate) fn annotate(&self, answer: &mut Answer) {
        if answer.status.is_success() {
            return;
        }
        if let Some(grant) = &self.grant {
            let text = String::from_utf8_lossy(&answer.body);
            if grant.secrets.iter().any(|secret| text.contains(secret)) {
                let hidden = grant
                    .secrets
                    .iter()
                    .fold(text.into_owned(), |text, secret| {
                        text.replace(secret, "***")
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
        let wants = match challenges.is_empty() {
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
                "it wants credentials{wants}; give them with `credentials` of HttpBackend or \
                 OperatorClient"
            ),
            Some(Source::Basic { principal, .. }) => format!(
                "it does not take the principal {principal:?} with this secret{wants}; compare \
                 them with the file that its flag --credentials (of an agent, \
                 --http_credentials) names"
            ),
            Some(Source::Bearer(_)) => format!(
                "it does not take the token{wants}; a token that expires has to come from a \
                 TokenProvider"
            ),
            Some(Source::Provider(_)) => {
                format!("it does not take the provider's token{wants}, nor the one after it")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    #[tokio::test]
    async fn a_secret_that_is_part_of_its_own_encoding_leaves_nothing_of_it() {
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
        let access = Access::of(&settings).await.expect("access");
        access.annotate(&mut answer);
        assert_eq!(answer.body, "got Basi*** ***: no");
    }
}
