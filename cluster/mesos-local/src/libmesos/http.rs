//! HTTP GET requests with the machine's settings: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, and
//! for TLS SSL_CERT_FILE, SSL_CERT_DIR or else the system's trust store.

use std::fmt;
use std::io::{self, Read};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::percent_decode_str;
use ureq::ResponseExt as _;
use ureq::config::RedirectAuthHeaders;
use ureq::http::header;
use ureq::tls::{RootCerts, TlsConfig};
use url::{Origin, Url};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest pause in the middle of a response.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// A client that sends its credentials to one origin only.
pub(crate) struct Http {
    agent: ureq::Agent,
    credentials: Option<(Origin, String)>,
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http")
            .field(
                "credentials",
                &self.credentials.as_ref().map(|(origin, _)| origin),
            )
            .finish_non_exhaustive()
    }
}

/// The head of a response with status 2xx, whose body has not been read.
pub(crate) struct Response {
    /// The URL of the response, after redirects.
    pub(crate) url: Url,
    response: ureq::http::Response<ureq::Body>,
}

impl Http {
    /// A client with the user and the password in `url`. Removes both from `url`, so that no message
    /// can contain them.
    pub(crate) fn with_credentials_of(url: &mut Url) -> Self {
        let decode = |text: &str| percent_decode_str(text).collect::<Vec<u8>>();
        let credentials = (!url.username().is_empty() || url.password().is_some()).then(|| {
            let (user, password) = (
                decode(url.username()),
                decode(url.password().unwrap_or_default()),
            );
            let token = BASE64_STANDARD.encode([&user[..], b":", &password[..]].concat());
            (url.origin(), format!("Basic {token}"))
        });
        // Fails only for URLs that cannot have credentials.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        let agent = ureq::Agent::config_builder()
            .tls_config(
                TlsConfig::builder()
                    .root_certs(RootCerts::PlatformVerifier)
                    .build(),
            )
            .redirect_auth_headers(RedirectAuthHeaders::SameHost)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_recv_response(Some(READ_TIMEOUT))
            .timeout_per_read(Some(READ_TIMEOUT))
            .user_agent(concat!("mesos-local/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Self { agent, credentials }
    }

    /// Gets `url`. A status other than 2xx is an error.
    pub(crate) fn get(&self, url: &Url, accept: &str) -> Result<Response, ureq::Error> {
        let mut request = self.agent.get(url.as_str()).header(header::ACCEPT, accept);
        if let Some((origin, credentials)) = &self.credentials
            && *origin == url.origin()
        {
            request = request.header(header::AUTHORIZATION, credentials);
        }
        let response = request.call()?;
        let url = Url::parse(&response.get_uri().to_string()).unwrap_or_else(|_| url.clone());
        Ok(Response { url, response })
    }
}

impl Response {
    /// Whether the content type is JSON.
    pub(crate) fn is_json(&self) -> bool {
        let kind = self.response.headers().get(header::CONTENT_TYPE);
        kind.and_then(|kind| kind.to_str().ok())
            .is_some_and(|kind| {
                let kind = kind.split(';').next().unwrap_or_default().trim();
                kind.ends_with("/json") || kind.ends_with("+json")
            })
    }

    /// The Content-Length of the body in bytes.
    pub(crate) fn length(&self) -> Option<u64> {
        self.response.body().content_length()
    }

    /// The body as text, up to `limit` bytes.
    pub(crate) fn text(mut self, limit: u64) -> Result<String, ureq::Error> {
        let bytes = self
            .response
            .body_mut()
            .with_config()
            .limit(limit)
            .read_to_vec()?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// A reader of the body. A body that ends before its length is an error.
    pub(crate) fn into_reader(self) -> impl Read {
        self.response
            .into_body()
            .into_with_config()
            .limit(u64::MAX)
            .reader()
    }
}

/// Whether the peer ended the body early.
pub(crate) fn is_cut(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::UnexpectedEof
}
