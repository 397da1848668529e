//! Authentication and encryption: credentials of frameworks, tokens of executors, TLS. Turns them into
//! Mesos' flags and the files that the flags name.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::json;

/// The only suites that both Mesos' OpenSSL and current TLS libraries have.
const CIPHERS: &str = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:\
                       ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384";

/// The security settings; by default all are off.
#[derive(Clone, Debug, Default)]
pub(super) struct Security {
    pub(super) credentials: Vec<(String, Secret)>,
    /// Whether frameworks over libmesos authenticate too.
    pub(super) drivers: bool,
    pub(super) executors: bool,
    pub(super) tls: Option<Tls>,
}

/// A text that `Debug` output does not contain.
#[derive(Clone)]
pub(super) struct Secret(pub(super) String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// PEM files.
#[derive(Clone, Debug)]
pub(super) struct Tls {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
    pub(super) authority: PathBuf,
}

impl Security {
    /// Whether libmesos calls a real OpenSSL.
    pub(super) fn needs_openssl(&self) -> bool {
        self.executors || self.tls.is_some()
    }

    /// Writes the files, and returns the variables that name them.
    pub(super) fn prepare(&self, work_dir: &Path) -> io::Result<BTreeMap<String, String>> {
        let mut variables = BTreeMap::new();
        let mut set = |name: &str, value: &str| variables.insert(name.to_owned(), value.to_owned());
        if !self.credentials.is_empty() {
            let list: Vec<_> = self
                .credentials
                .iter()
                .map(
                    |(principal, Secret(secret))| json!({"principal": principal, "secret": secret}),
                )
                .collect();
            let path = credentials(work_dir);
            write(&path, json!({ "credentials": list }).to_string().as_bytes())?;
            set("MESOS_CREDENTIALS", &path.to_string_lossy());
            set("MESOS_AUTHENTICATE_HTTP_FRAMEWORKS", "true");
            set("MESOS_HTTP_FRAMEWORK_AUTHENTICATORS", "basic");
            if self.drivers {
                set("MESOS_AUTHENTICATE_FRAMEWORKS", "true");
            }
        }
        if self.executors {
            let mut key = [0; 32];
            std::fs::File::open("/dev/urandom")?.read_exact(&mut key)?;
            let path = work_dir.join("jwt.key");
            write(&path, &key)?;
            set("MESOS_JWT_SECRET_KEY", &path.to_string_lossy());
            set("MESOS_AUTHENTICATE_HTTP_EXECUTORS", "true");
            // The default includes basic, which does not start without credentials.
            set("MESOS_HTTP_AUTHENTICATORS", "jwt");
        }
        if let Some(tls) = &self.tls {
            set("LIBPROCESS_SSL_ENABLED", "1");
            set(
                "LIBPROCESS_SSL_CERT_FILE",
                &tls.certificate.to_string_lossy(),
            );
            set("LIBPROCESS_SSL_KEY_FILE", &tls.key.to_string_lossy());
            set("LIBPROCESS_SSL_CIPHERS", CIPHERS);
            let executors = json!({
                "LIBPROCESS_SSL_ENABLED": "1",
                "LIBPROCESS_SSL_CA_FILE": tls.authority.to_string_lossy(),
            });
            set(
                "MESOS_EXECUTOR_ENVIRONMENT_VARIABLES",
                &executors.to_string(),
            );
        }
        Ok(variables)
    }
}

/// The file of the credentials. It exists if there are credentials.
pub(super) fn credentials(work_dir: &Path) -> PathBuf {
    work_dir.join("credentials.json")
}

/// Writes a file that only its owner can read, as Mesos requires.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // A file of an earlier cluster may have other permissions.
    if path.exists() {
        std::fs::remove_file(path)?;
    }
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?
        .write_all(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_only_in_a_file_that_only_its_owner_can_read() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().expect("a directory");
        let security = Security {
            credentials: vec![("p".into(), Secret("s3cret".into()))],
            ..Security::default()
        };
        // Twice, as with a work directory that is used again.
        for _ in 0..2 {
            let variables = security.prepare(directory.path()).expect("files");
            assert!(!format!("{security:?} {variables:?}").contains("s3cret"));
            let file = Path::new(&variables["MESOS_CREDENTIALS"]);
            let mode = file.metadata().expect("the file").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            let text = std::fs::read_to_string(file).expect("the file");
            assert!(text.contains("\"secret\":\"s3cret\""), "{text}");
        }
    }
}
