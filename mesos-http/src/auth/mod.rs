//! Credentials: the `Authorization` header, and the reaction to a 401.
//!
//! `file` reads credentials files, `provider` gets tokens that expire, and `access` is the
//! authorization of one request. `connection` and `pipeline` send it.
//!
//! Mesos' checks are in src/authentication/http/basic_authenticator_factory.cpp and
//! src/authentication/executor of its source.

mod access;
pub(crate) mod file;
mod provider;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::HeaderValue;
use mesos_core::executor::Token;
use mesos_core::{Error, ErrorKind, Result};
use zeroize::Zeroizing;

pub(crate) use access::Access;
pub use provider::TokenProvider;

use provider::Provided;

/// The credentials that a [backend](crate::HttpBackend::credentials) or an
/// [operator client](crate::OperatorClient::credentials) sends with every request.
///
/// | constructor | content | use |
/// |---|---|---|
/// | [`basic`](Self::basic), [`from_file`](Self::from_file) | principal and secret | masters and agents with Mesos' own HTTP authenticator |
/// | [`bearer`](Self::bearer) | a token | executors, and proxies |
/// | [`provider`](Self::provider) | a token that is replaced when it is refused | tokens that expire |
///
/// Clones share the current token of a provider. `Debug` output, errors and logs never contain a
/// secret. Credentials are sent unencrypted unless the endpoint is `https://`.
///
/// Dropping the last clone overwrites the secret in memory. The buffers of a connection contain copies
/// of what was sent, which nothing overwrites.
///
/// ```
/// use mesos::http::{Credentials, HttpBackend};
///
/// let credentials = Credentials::basic("frameworks", "s3cret")?;
/// assert_eq!(format!("{credentials:?}"), r#"Credentials(basic, "frameworks")"#);
///
/// let backend = HttpBackend::new("https://10.0.0.1:5050".parse()?).credentials(credentials);
/// # let _ = backend;
/// # Ok::<(), mesos::Error>(())
/// ```
#[derive(Clone)]
pub struct Credentials(Source);

#[derive(Clone)]
enum Source {
    Basic { principal: Arc<str>, grant: Grant },
    Bearer(Grant),
    Provider(Arc<Provided>),
}

impl Credentials {
    /// A principal and its secret, for HTTP basic authentication (RFC 7617).
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the principal contains a colon, which this scheme does not allow.
    pub fn basic(principal: impl Into<String>, secret: impl AsRef<str>) -> Result<Self> {
        let (principal, secret) = (principal.into(), secret.as_ref());
        if principal.contains(':') {
            return Err(Error::new(
                ErrorKind::Config,
                format!(
                    "the principal {principal:?} contains a colon, which HTTP basic \
                     authentication does not allow; use another principal"
                ),
            ));
        }
        let pair = joined([&principal, ":", secret]);
        let encoded = Zeroizing::new(BASE64_STANDARD.encode(pair.as_bytes()));
        let grant = Grant::new("Basic", &encoded, [secret])?;
        Ok(Self(Source::Basic {
            principal: principal.into(),
            grant,
        }))
    }

    /// The credential of `principal` in a Mesos credentials file; without `principal`, the only
    /// credential in the file.
    ///
    /// Both of Mesos' forms are accepted (src/credentials/credentials.hpp): the masters'
    /// `{"credentials": [{"principal": "…", "secret": "…"}]}`, and the agents'
    /// `{"principal": "…", "secret": "…"}`. If users other than the file's owner and group have
    /// access to the file, a warning is logged, as Mesos does.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the file cannot be read or parsed, or does not contain exactly one
    /// such credential. The message names the file and the place in it. Of the content it quotes only
    /// principals.
    pub fn from_file(path: impl AsRef<Path>, principal: Option<&str>) -> Result<Self> {
        let path = path.as_ref();
        let (principal, secret) = file::read(path, principal)?;
        Self::basic(principal, secret.as_str())
    }

    /// A fixed token (RFC 6750).
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the token is empty or contains invalid characters.
    pub fn bearer(token: &Token) -> Result<Self> {
        Ok(Self(Source::Bearer(Grant::bearer(token)?)))
    }

    /// The principal, if these are a principal and its secret.
    pub(crate) fn principal(&self) -> Option<&str> {
        match &self.0 {
            Source::Basic { principal, .. } => Some(principal),
            Source::Bearer(_) | Source::Provider(_) => None,
        }
    }

    /// Tokens from `provider`, which is called when a token is needed.
    pub fn provider(provider: impl TokenProvider + 'static) -> Self {
        Self(Source::Provider(Arc::new(Provided::new(provider))))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::Basic { principal, .. } => write!(f, "Credentials(basic, {principal:?})"),
            Source::Bearer(_) => f.write_str("Credentials(bearer)"),
            Source::Provider(_) => f.write_str("Credentials(provider)"),
        }
    }
}

/// The parts in one string, which is overwritten when it is dropped.
fn joined<const N: usize>(parts: [&str; N]) -> Zeroizing<String> {
    // Reserved, because a string that grows leaves copies behind.
    let length = parts.iter().map(|part| part.len()).sum();
    let mut whole = Zeroizing::new(String::with_capacity(length));
    whole.extend(parts);
    whole
}

/// A value for `Authorization`, and the secrets in it. Dropping the last clone overwrites both.
#[derive(Clone)]
struct Grant {
    /// Marked as sensitive, so that `Debug` output does not show it.
    header: HeaderValue,
    /// In the order in which they have to be removed from a text.
    secrets: Arc<[Zeroizing<String>]>,
    /// The number of a provider's token, from 1.
    generation: u64,
}

impl Grant {
    fn new<'a>(
        scheme: &str,
        encoded: &'a str,
        secrets: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self> {
        let value = Bytes::from_owner(Whole(joined([scheme, " ", encoded])));
        // The source would not help, and might quote the token.
        let mut header = HeaderValue::from_maybe_shared(value).map_err(|_| {
            Error::new(
                ErrorKind::Config,
                "the token contains characters that a header does not allow, such as a line break",
            )
        })?;
        header.set_sensitive(true);
        // The longer one first: if the other was removed from it, the rest would be readable.
        let secrets = [encoded].into_iter().chain(secrets);
        Ok(Self {
            header,
            secrets: secrets
                .filter(|secret| !secret.is_empty())
                .map(|secret| Zeroizing::new(secret.to_owned()))
                .collect(),
            generation: 0,
        })
    }

    fn bearer(token: &Token) -> Result<Self> {
        if token.secret().is_empty() {
            return Err(Error::new(ErrorKind::Config, "the token is empty"));
        }
        Self::new("Bearer", token.secret(), [])
    }
}

/// The owner of a header's bytes.
struct Whole(Zeroizing<String>);

impl AsRef<[u8]> for Whole {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_is_base64_of_principal_colon_secret() {
        let credentials = Credentials::basic("Aladdin", "open sesame").expect("RFC 7617, 2");
        let Source::Basic { grant, .. } = credentials.0 else {
            panic!("basic");
        };
        assert_eq!(grant.header, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert!(grant.header.is_sensitive());
    }

    #[test]
    fn an_invalid_principal_or_token_is_an_error_that_does_not_quote_a_secret() {
        let error = Credentials::basic("a:b", "s3cret").expect_err("a colon");
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("\"a:b\""), "{error}");
        for token in ["s3cret\n", ""] {
            let error = Credentials::bearer(&Token::new(token)).expect_err("no token");
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
        }
    }

    #[test]
    fn debug_output_does_not_contain_a_secret() {
        let secrets = ["s3cret", "cDpzM2NyZXQ"];
        let basic = Credentials::basic("p", "s3cret").expect("basic");
        let bearer = Credentials::bearer(&Token::new("s3cret")).expect("a token");
        for credentials in [basic, bearer] {
            let backend = crate::HttpBackend::new("http://h".parse().expect("an address"))
                .credentials(credentials.clone());
            let client = crate::OperatorClient::new("http://h".parse().expect("an address"))
                .credentials(credentials.clone());
            for shown in [
                format!("{credentials:?} {backend:?} {client:?}"),
                format!("{credentials:#?} {backend:#?} {client:#?}"),
            ] {
                assert!(shown.contains("Credentials("), "{shown}");
                assert!(
                    secrets.iter().all(|secret| !shown.contains(secret)),
                    "{shown}"
                );
            }
        }
    }
}
