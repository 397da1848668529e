//! The settings of one cluster.

use std::path::{Path, PathBuf};

use mesos::Master;
use mesos::executor::Token;
use mesos::http::{Credentials, HttpBackend, OperatorClient, TlsConfig};
use serde::{Deserialize, Serialize};

use crate::error::{Code, Error};

/// How to connect to a cluster, with the source of the address.
#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    /// Where the address comes from, for `mesos config show`.
    pub(crate) source: String,
    pub(crate) settings: Settings,
}

/// The keys of a cluster in the configuration file.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Settings {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) master: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) principal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) secret: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) secret_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ca_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) certificate_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) server_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) insecure: Option<bool>,
}

/// Without the secret.
impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = self.without_secret();
        f.write_str(&serde_json::to_string(&shown).unwrap_or_default())
    }
}

impl Settings {
    /// The same settings for the eyes of everybody.
    pub(crate) fn without_secret(&self) -> Self {
        Self {
            secret: self.secret.as_ref().map(|_| "***".to_owned()),
            ..self.clone()
        }
    }
}

impl Cluster {
    /// A cluster with default settings.
    pub(crate) fn new(master: &str, source: impl Into<String>) -> Self {
        let settings = Settings {
            master: Some(master.to_owned()),
            ..Settings::default()
        };
        Self {
            source: source.into(),
            settings,
        }
    }

    /// The same settings for another address.
    pub(crate) fn with_master(mut self, master: &str, source: &str) -> Self {
        self.source = format!("{source}, with the settings of {}", self.source);
        self.settings.master = Some(master.to_owned());
        self
    }

    /// Replaces each setting that has a variable in the environment.
    pub(crate) fn apply_environment(
        &mut self,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(), Error> {
        let get = |name: &str| variable(name).filter(|value| !value.is_empty());
        let settings = &mut self.settings;
        let texts = [
            ("MESOS_PRINCIPAL", &mut settings.principal),
            ("MESOS_TLS_SERVER_NAME", &mut settings.server_name),
        ];
        for (name, setting) in texts {
            if let Some(value) = get(name) {
                *setting = Some(value);
            }
        }
        // A variable replaces any other way to authenticate.
        if let Some(secret) = get("MESOS_SECRET") {
            (settings.secret, settings.secret_file, settings.token_file) =
                (Some(secret), None, None);
        } else if let Some(file) = get("MESOS_SECRET_FILE") {
            (settings.secret, settings.secret_file, settings.token_file) =
                (None, Some(file.into()), None);
        } else if let Some(file) = get("MESOS_TOKEN_FILE") {
            (settings.secret, settings.secret_file, settings.token_file) =
                (None, None, Some(file.into()));
        }
        let paths = [
            ("MESOS_CA_FILE", &mut settings.ca_file),
            ("MESOS_CERTIFICATE_FILE", &mut settings.certificate_file),
            ("MESOS_KEY_FILE", &mut settings.key_file),
        ];
        for (name, setting) in paths {
            if let Some(value) = get(name) {
                *setting = Some(value.into());
            }
        }
        if let Some(value) = get("MESOS_INSECURE") {
            settings.insecure = Some(match value.as_str() {
                "1" | "true" => true,
                "0" | "false" => false,
                _ => {
                    let message = format!("MESOS_INSECURE must be true or false, but is {value:?}");
                    return Err(Error::usage(message));
                }
            });
        }
        Ok(())
    }

    /// The address of the masters.
    pub(crate) fn master(&self) -> Result<Master, Error> {
        let source = &self.source;
        let text = self.settings.master.as_deref().unwrap_or_default();
        text.parse().map_err(|error: mesos::AddressError| {
            Error::usage(format!("{source}: {error}"))
                .hint("write HOST:PORT, http://HOST:PORT or zk://HOST:PORT,…/PATH")
        })
    }

    /// A client with these settings. It sends nothing before the first call.
    pub(crate) fn client(&self) -> Result<OperatorClient, Error> {
        let mut client = OperatorClient::new(self.master()?);
        if let Some(tls) = self.tls() {
            client = client.tls(tls);
        }
        if let Some(credentials) = self.credentials()? {
            client = client.credentials(credentials);
        }
        Ok(client)
    }

    /// The backend of a scheduler with these settings.
    pub(crate) fn backend(&self) -> Result<HttpBackend, Error> {
        let mut backend = HttpBackend::new(self.master()?);
        if let Some(tls) = self.tls() {
            backend = backend.tls(tls);
        }
        if let Some(credentials) = self.credentials()? {
            backend = backend.credentials(credentials);
        }
        Ok(backend)
    }

    /// The credentials, if any are set.
    pub(crate) fn credentials(&self) -> Result<Option<Credentials>, Error> {
        let settings = &self.settings;
        let in_source = |error: Error| error.context(&self.source);
        if let Some(file) = &settings.token_file {
            let token = Token::new(read_secret(file).map_err(in_source)?);
            return Ok(Some(Credentials::bearer(&token)?));
        }
        let secret = match (&settings.secret, &settings.secret_file) {
            (Some(secret), _) => secret.clone(),
            (None, Some(file)) => read_secret(file).map_err(in_source)?,
            (None, None) if settings.principal.is_none() => return Ok(None),
            (None, None) => {
                let error = Error::usage("the principal has no secret");
                return Err(in_source(error).hint(
                    "set secret or secret-file for the cluster, MESOS_SECRET or MESOS_SECRET_FILE",
                ));
            }
        };
        let Some(principal) = &settings.principal else {
            let error = Error::usage("the secret has no principal");
            return Err(in_source(error).hint("set principal for the cluster, or MESOS_PRINCIPAL"));
        };
        Ok(Some(Credentials::basic(principal, secret)?))
    }

    /// Whether the masters, and so the agents, accept TLS connections only.
    pub(crate) fn is_secure(&self) -> bool {
        let master = self.settings.master.as_deref().unwrap_or_default();
        self.tls().is_some() || master.starts_with("https:")
    }

    /// The settings of TLS, if any are set. An `https://` address needs none.
    pub(crate) fn tls(&self) -> Option<TlsConfig> {
        let settings = &self.settings;
        let mut tls = TlsConfig::new();
        let mut any = false;
        if let Some(file) = &settings.ca_file {
            (tls, any) = (tls.ca_file(file), true);
        }
        if let (Some(certificate), Some(key)) = (&settings.certificate_file, &settings.key_file) {
            (tls, any) = (tls.client_certificate(certificate, key), true);
        }
        if let Some(name) = &settings.server_name {
            (tls, any) = (tls.server_name(name), true);
        }
        if settings.insecure == Some(true) {
            (tls, any) = (tls.danger_accept_any_certificate(), true);
        }
        any.then_some(tls)
    }
}

/// A secret in a file, without the line break at the end.
fn read_secret(file: &Path) -> Result<String, Error> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        let message = format!("cannot read the secret in {}: {error}", file.display());
        Error::new(Code::Usage, message)
    })?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
