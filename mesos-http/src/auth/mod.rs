//! Who we are to Mesos: what goes into `Authorization`, and what is done about
//! a 401.
//!
//! `file` reads credentials files, `provider` is where tokens that expire come
//! from, `access` is what one request carries. Sending is `connection`'s.
//!
//! What Mesos checks is in src/authentication/http/basic_authenticator_factory.cpp
//! and src/authentication/executor of its tree.

mod access;
pub(crate) mod file;
mod provider;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::HeaderValue;
use mesos_core::executor::Token;
use mesos_core::{Error, ErrorKind, Result};

pub(crate) use access::Access;
pub use provider::TokenProvider;

use provider::Provided;

/// What a [backend](crate::HttpBackend::credentials) or an
/// [operator client](crate::OperatorClient::credentials) says who it is with,
/// in every request.
///
/// | made by | says | for |
/// |---|---|---|
/// | [`basic`](Self::basic), [`from_file`](Self::from_file) | principal and secret | masters and agents with Mesos' own HTTP authenticator |
/// | [`bearer`](Self::bearer) | a token | executors, and what a proxy may want |
/// | [`provider`](Self::provider) | a token that is replaced when it is refused | tokens that expire |
///
/// Clones share what is remembered of a provider's tokens. No secret shows in
/// `Debug` output, in an error, or in what this crate logs. All of them go over
/// the wire in the clear unless the endpoint is `https://`.
///
/// ```
/// use mesos_http::{Credentials, HttpBackend};
///
/// let credentials = Credentials::basic("frameworks", "s3cret")?;
/// assert_eq!(format!("{credentials:?}"), r#"Credentials(basic, "frameworks")"#);
///
/// let backend = HttpBackend::new("https://10.0.0.1:5050".parse()?).credentials(credentials);
/// # let _ = backend;
/// # Ok::<(), mesos_core::Error>(())
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
    /// A principal and its secret, by HTTP basic authentication (RFC 7617).
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a principal with a colon, which this scheme
    /// cannot carry.
    pub fn basic(principal: impl Into<String>, secret: impl AsRef<str>) -> Result<Self> {
        let (principal, secret) = (principal.into(), secret.as_ref());
        if principal.contains(':') {
            return Err(Error::new(
                ErrorKind::Config,
                format!(
                    "the principal {principal:?} has a colon, which HTTP basic authentication \
                     ends a principal with; have the cluster's administrator choose another"
                ),
            ));
        }
        let encoded = BASE64_STANDARD.encode(format!("{principal}:{secret}"));
        let grant = Grant::new("Basic", &encoded, [secret])?;
        Ok(Self(Source::Basic {
            principal: principal.into(),
            grant,
        }))
    }

    /// The credential of `principal` in a Mesos credentials file; without
    /// `principal`, the only one that the file has.
    ///
    /// Both of Mesos' forms are read (src/credentials/credentials.hpp):
    /// `{"credentials": [{"principal": "…", "secret": "…"}]}`, as masters have
    /// it, and `{"principal": "…", "secret": "…"}`, as agents have it. If others
    /// than the file's owner and group may do anything with it, a warning is
    /// logged, as Mesos does.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the file cannot be read, is something else, or
    /// does not have exactly one such credential. The message names the file
    /// and the place in it, and nothing of its content but principals.
    pub fn from_file(path: impl AsRef<Path>, principal: Option<&str>) -> Result<Self> {
        let path = path.as_ref();
        let (principal, secret) = file::read(path, principal)?;
        Self::basic(principal, secret)
    }

    /// A token that stays the same (RFC 6750).
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if it has characters that a token cannot have.
    pub fn bearer(token: &Token) -> Result<Self> {
        Ok(Self(Source::Bearer(Grant::bearer(token)?)))
    }

    /// Tokens that `provider` gives when one is needed.
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

/// One value for `Authorization`, with what of it must never be shown.
#[derive(Clone)]
struct Grant {
    /// Marked as sensitive, so that no `Debug` output shows it either.
    header: HeaderValue,
    /// In the order in which they have to be taken out of a text.
    secrets: Arc<[String]>,
    /// Which of a provider's tokens it is, counted from 1.
    generation: u64,
}

impl Grant {
    fn new<'a>(
        scheme: &str,
        encoded: &'a str,
        secrets: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self> {
        // The cause would be no help, and might quote.
        let mut header = HeaderValue::try_from(format!("{scheme} {encoded}")).map_err(|_| {
            Error::new(
                ErrorKind::Config,
                "the token has characters that a header cannot have, such as a line break",
            )
        })?;
        header.set_sensitive(true);
        // The longer one first: what is left of it once the other is taken out can be read.
        let secrets = [encoded].into_iter().chain(secrets);
        Ok(Self {
            header,
            secrets: secrets
                .filter(|secret| !secret.is_empty())
                .map(str::to_owned)
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
    fn what_the_scheme_cannot_carry_is_refused_without_being_quoted() {
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
    fn no_form_of_debug_output_has_a_secret() {
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
