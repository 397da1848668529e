//! TLS settings from libprocess's environment variables (3rdparty/libprocess/src/openssl.cpp in
//! Mesos' source).

use mesos_core::{Error, ErrorKind, Result};

use super::config::TlsConfig;

/// Variables that have an effect in Mesos but not here, with what happens instead.
const IGNORED: [(&str, &str); 7] = [
    ("SUPPORT_DOWNGRADE", "TLS is always required"),
    ("VERIFICATION_DEPTH", "the TLS library decides"),
    ("HOSTNAME_VALIDATION_SCHEME", "always as with `openssl`"),
    ("ECDH_CURVES", "the TLS library decides"),
    ("ENABLE_SSL_V3", "never"),
    ("ENABLE_TLS_V1_0", "the TLS library decides"),
    ("ENABLE_TLS_V1_1", "the TLS library decides"),
];

impl TlsConfig {
    /// The settings in the `LIBPROCESS_SSL_…` variables of this process; `None` if
    /// `LIBPROCESS_SSL_ENABLED` is not on.
    ///
    /// | variable | effect |
    /// |---|---|
    /// | `KEY_FILE`, `CERT_FILE` | the client certificate |
    /// | `CA_FILE`, `CA_DIR` | the trusted CAs, instead of the system's |
    /// | `VERIFY_SERVER_CERT`, `VERIFY_CERT` | verification is always on; a value that disables it is logged |
    /// | `VERIFY_IPADD`, `HOSTNAME_VALIDATION_SCHEME` | always `1` and `openssl`: the certificate has to be for the name or the IP address in the endpoint, without a DNS lookup |
    /// | `SUPPORT_DOWNGRADE` | always off |
    /// | `CIPHERS`, `ENABLE_TLS_V1_3` | with the feature `tls-openssl`: OpenSSL connects, unless these variables permit a cipher suite of rustls. Mesos' default ciphers permit none |
    /// | `VERIFICATION_DEPTH`, `ECDH_CURVES`, `ENABLE_SSL_V3`, `ENABLE_TLS_V1_…` | the TLS library decides |
    /// | `REQUIRE_CLIENT_CERT`, `REQUIRE_CERT` | for servers only |
    ///
    /// A variable with another effect than in Mesos is logged. The old prefix `SSL_` is not read:
    /// `SSL_CERT_FILE` names the system's CAs. Mesos' source: 3rdparty/libprocess/src/openssl.cpp.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](mesos_core::ErrorKind::Config) if a switch is not `0`, `1`, `false` or
    /// `true`, or if only one of key and certificate is set.
    pub fn from_libprocess_env() -> Result<Option<Self>> {
        read(|name| std::env::var(name).ok())
    }
}

fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Option<TlsConfig>> {
    let variable =
        |name: &str| variable(&format!("LIBPROCESS_SSL_{name}")).filter(|value| !value.is_empty());
    let switch = |name: &str| match variable(name).as_deref() {
        None => Ok(None),
        Some("1" | "true") => Ok(Some(true)),
        Some("0" | "false") => Ok(Some(false)),
        Some(other) => Err(Error::new(
            ErrorKind::Config,
            format!("LIBPROCESS_SSL_{name} is {other:?}; write 1, true, 0 or false"),
        )),
    };
    if switch("ENABLED")? != Some(true) {
        return Ok(None);
    }
    let mut tls = TlsConfig::new();
    match (variable("CERT_FILE"), variable("KEY_FILE")) {
        (Some(certificate), Some(key)) => tls = tls.client_certificate(certificate, key),
        (None, None) => {}
        (Some(_), None) => return half("CERT_FILE", "KEY_FILE"),
        (None, Some(_)) => return half("KEY_FILE", "CERT_FILE"),
    }
    if let Some(path) = variable("CA_FILE") {
        tls = tls.ca_file(path);
    }
    if let Some(path) = variable("CA_DIR") {
        tls = tls.ca_dir(path);
    }
    let modern = switch("ENABLE_TLS_V1_3")? == Some(true);
    let ciphers = variable("CIPHERS");
    if !modern && !ciphers.as_deref().is_some_and(rustls_supports) {
        tls = with_openssl(tls);
    }
    for name in ["VERIFY_SERVER_CERT", "VERIFY_CERT", "VERIFY_IPADD"] {
        if switch(name)? == Some(false) {
            tracing::warn!("LIBPROCESS_SSL_{name} is off, but certificates are always verified");
        }
    }
    for (name, instead) in IGNORED {
        if variable(name).is_some() {
            tracing::info!("LIBPROCESS_SSL_{name} has no effect here: {instead}");
        }
    }
    Ok(Some(tls))
}

/// OpenSSL supports the cipher suites that a peer with Mesos' default settings offers.
#[cfg(feature = "tls-openssl")]
fn with_openssl(tls: TlsConfig) -> TlsConfig {
    tls.openssl()
}

/// Without OpenSSL, a handshake that fails says what to change.
#[cfg(not(feature = "tls-openssl"))]
fn with_openssl(tls: TlsConfig) -> TlsConfig {
    tls
}

/// Whether rustls supports one of the cipher suites in OpenSSL's list. The default list of Mesos
/// has only suites without forward secrecy and without authenticated encryption.
fn rustls_supports(ciphers: &str) -> bool {
    let suites = ciphers.split([':', ',', ' ']);
    let mut permitted = suites.filter(|suite| !suite.starts_with(['!', '-']));
    permitted.any(|suite| {
        let suite = suite.trim_start_matches('+');
        let is_single = suite.starts_with("ECDHE-");
        let is_group = [
            "ECDHE", "EECDH", "kEECDH", "kECDHE", "HIGH", "DEFAULT", "ALL",
        ];
        (is_single && (suite.contains("GCM") || suite.contains("CHACHA20")))
            || is_group
                .iter()
                .any(|group| suite.split('+').any(|part| part == *group))
    })
}

fn half<T>(there: &str, missing: &str) -> Result<T> {
    Err(Error::new(
        ErrorKind::Config,
        format!("LIBPROCESS_SSL_{there} is set and LIBPROCESS_SSL_{missing} is not; set both"),
    ))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn settings(variables: &[(&str, &str)]) -> Result<Option<TlsConfig>> {
        read(|name| {
            let name = name.strip_prefix("LIBPROCESS_SSL_").expect("the prefix");
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_files_of_libprocess_are_used() {
        let tls = settings(&[
            ("ENABLED", "1"),
            ("CERT_FILE", "/c"),
            ("KEY_FILE", "/k"),
            ("CA_FILE", "/ca"),
            ("CA_DIR", "/cas"),
        ])
        .expect("settings")
        .expect("TLS");
        let identity = tls.identity.expect("a certificate");
        assert_eq!(identity.certificate, Path::new("/c"));
        assert_eq!(identity.key, Path::new("/k"));
        assert_eq!(tls.ca_files, [Path::new("/ca")]);
        assert_eq!(tls.ca_dirs, [Path::new("/cas")]);
    }

    #[test]
    fn mesos_default_ciphers_have_no_suite_that_rustls_supports() {
        for (ciphers, expected) in [
            (
                // 3rdparty/libprocess/src/openssl.cpp
                "AES128-SHA:AES256-SHA:RC4-SHA:DHE-RSA-AES128-SHA:DHE-DSS-AES128-SHA:\
                 DHE-RSA-AES256-SHA:DHE-DSS-AES256-SHA",
                false,
            ),
            ("ECDHE-RSA-AES128-SHA", false),
            ("ECDHE-RSA-AES128-GCM-SHA256", true),
            ("AES128-SHA:ECDHE-ECDSA-CHACHA20-POLY1305", true),
            ("HIGH:!aNULL", true),
            ("AES128-SHA:!ECDHE", false),
            ("EECDH+AESGCM", true),
        ] {
            assert_eq!(rustls_supports(ciphers), expected, "{ciphers}");
        }
    }

    #[cfg(feature = "tls-openssl")]
    #[test]
    fn openssl_connects_unless_the_variables_permit_a_suite_of_rustls() {
        for (variables, expected) in [
            (&[("ENABLED", "1")][..], true),
            (&[("ENABLED", "1"), ("CIPHERS", "AES128-SHA")], true),
            (
                &[("ENABLED", "1"), ("CIPHERS", "ECDHE-RSA-AES128-GCM-SHA256")],
                false,
            ),
            (&[("ENABLED", "1"), ("ENABLE_TLS_V1_3", "true")], false),
        ] {
            let tls = settings(variables).expect("settings").expect("TLS");
            assert_eq!(tls.openssl, expected, "{variables:?}");
        }
    }

    #[test]
    fn tls_is_off_by_default() {
        for off in [
            &[][..],
            &[("ENABLED", "0")],
            &[("ENABLED", "")],
            &[("ENABLED", "false"), ("KEY_FILE", "/k")],
        ] {
            assert!(settings(off).expect("settings").is_none(), "{off:?}");
        }
    }

    #[test]
    fn no_variable_disables_verification() {
        for name in ["VERIFY_SERVER_CERT", "VERIFY_CERT", "SUPPORT_DOWNGRADE"] {
            let tls = settings(&[("ENABLED", "true"), (name, "false")]);
            assert!(!tls.expect("settings").expect("TLS").unverified, "{name}");
        }
    }

    #[test]
    fn an_invalid_value_is_an_error_that_names_the_variable() {
        for (variables, part) in [
            (
                &[("ENABLED", "yes")][..],
                "LIBPROCESS_SSL_ENABLED is \"yes\"",
            ),
            (
                &[("ENABLED", "1"), ("VERIFY_SERVER_CERT", "no")],
                "LIBPROCESS_SSL_VERIFY_SERVER_CERT is \"no\"",
            ),
            (
                &[("ENABLED", "1"), ("KEY_FILE", "/k")],
                "LIBPROCESS_SSL_KEY_FILE is set and LIBPROCESS_SSL_CERT_FILE is not",
            ),
            (
                &[("ENABLED", "1"), ("CERT_FILE", "/c")],
                "LIBPROCESS_SSL_CERT_FILE is set and LIBPROCESS_SSL_KEY_FILE is not",
            ),
        ] {
            let error = settings(variables).expect_err(part);
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
