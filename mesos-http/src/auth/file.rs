//! Mesos' credentials files. A message never quotes the content of a file, except for principals.

use std::path::Path;

use mesos_core::{Error, ErrorKind, Result};
use serde_json::{Map, Value};
use zeroize::{Zeroize as _, Zeroizing};

/// A principal and its secret.
type Credential = (String, Zeroizing<String>);

/// The content of a file. Dropping the value overwrites its texts.
struct Content(Value);

impl Drop for Content {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(list) => list.iter_mut().for_each(wipe),
        Value::Object(object) => object.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The principal and the secret of the selected credential.
pub(super) fn read(path: &Path, principal: Option<&str>) -> Result<Credential> {
    let bytes = std::fs::read(path).map(Zeroizing::new).map_err(|source| {
        let message = format!("cannot read the credentials file {}", path.display());
        Error::new(ErrorKind::Config, message).with_source(source)
    })?;
    warn_if_public(path);
    let credentials = parse(&bytes).map_err(|fault| {
        let message = format!("the credentials file {}: {fault}", path.display());
        Error::new(ErrorKind::Config, message)
    })?;
    choose(credentials, principal).map_err(|fault| {
        let message = format!("the credentials file {} {fault}", path.display());
        Error::new(ErrorKind::Config, message)
    })
}

/// Logs a warning if every user of the machine has access to the file.
fn warn_if_public(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(path).map(|data| data.permissions().mode());
        if mode.is_ok_and(|mode| mode & 0o007 != 0) {
            tracing::warn!(
                path = %path.display(),
                "every user of this machine has access to the credentials file; run chmod o= on it"
            );
        }
    }
    #[cfg(not(unix))]
    let _ = path;
}

/// All credentials in the file, or why it is invalid.
pub(crate) fn parse(bytes: &[u8]) -> Result<Vec<Credential>, String> {
    const FORM: &str = r#"{"credentials": [{"principal": "…", "secret": "…"}]}"#;
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(format!("it is empty; write {FORM}"));
    }
    let value = serde_json::from_slice(bytes)
        .map(Content)
        .map_err(|error| {
            // The text of the error may quote the file.
            let (line, column) = (error.line(), error.column());
            format!(
                "invalid JSON at line {line}, column {column}; write {FORM} (lines of \"PRINCIPAL \
             SECRET\" are the format before Mesos 1.0)"
            )
        })?;
    let Value::Object(object) = &value.0 else {
        return Err(format!("it is not a JSON object; write {FORM}"));
    };
    match object.get("credentials") {
        Some(Value::Array(list)) => list
            .iter()
            .enumerate()
            .map(|(index, one)| match one {
                Value::Object(one) => credential(one, &format!("credentials[{index}]")),
                _ => Err(format!(
                    "credentials[{index}] is not an object; write {FORM}"
                )),
            })
            .collect(),
        // Mesos' JSON mapping: one object stands for a list of one.
        Some(Value::Object(one)) => Ok(vec![credential(one, "credentials")?]),
        Some(_) => Err(format!("\"credentials\" is not a list; write {FORM}")),
        None if object.contains_key("principal") => Ok(vec![credential(object, "it")?]),
        None => Err(format!(
            "it has neither \"credentials\" nor \"principal\"; write {FORM}"
        )),
    }
}

fn credential(object: &Map<String, Value>, place: &str) -> Result<Credential, String> {
    let text = |name: &str| match object.get(name) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(format!("{place} has a \"{name}\" that is not a string")),
        None => Err(format!("{place} has no \"{name}\"")),
    };
    Ok((text("principal")?, Zeroizing::new(text("secret")?)))
}

/// The credential of `principal`; without `principal`, the only credential.
pub(crate) fn choose(
    mut credentials: Vec<Credential>,
    principal: Option<&str>,
) -> Result<Credential, String> {
    let principals = credentials
        .iter()
        .map(|(name, _)| format!("{name:?}"))
        .collect::<Vec<_>>()
        .join(", ");
    if let Some(principal) = principal {
        credentials.retain(|(name, _)| name == principal);
    }
    let count = credentials.len();
    match (credentials.pop(), principal) {
        (Some(one), _) if count == 1 => Ok(one),
        (Some(_), Some(principal)) => Err(format!("has the principal {principal:?} {count} times")),
        (Some(_), None) => Err(format!("has several principals; name one of {principals}")),
        (None, Some(principal)) if !principals.is_empty() => Err(format!(
            "does not contain the principal {principal:?}, only {principals}"
        )),
        (None, _) => Err("does not contain a credential".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: &str = r#"{"credentials": [
        {"principal": "a", "secret": "s3cret-a"}, {"principal": "b", "secret": "s3cret-b"}]}"#;

    fn find(text: &str, principal: Option<&str>) -> Result<Credential> {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("credentials");
        std::fs::write(&path, text).expect("a file");
        read(&path, principal)
    }

    #[test]
    fn the_forms_that_mesos_accepts_are_accepted() {
        let found = |text: &str, principal| {
            let (principal, secret) = find(text, principal).expect(text);
            format!("{principal} {}", *secret)
        };
        assert_eq!(found(BOTH, Some("b")), "b s3cret-b");
        for text in [
            r#"{"credentials": [{"principal": "a", "secret": "x"}]}"#,
            r#"{"credentials": {"principal": "a", "secret": "x"}}"#,
            r#" {"secret": "x", "principal": "a", "more": 1} "#,
        ] {
            assert_eq!(found(text, None), "a x");
            assert_eq!(found(text, Some("a")), "a x");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_every_user_can_read_causes_a_warning() {
        use std::os::unix::fs::PermissionsExt as _;
        use std::sync::{Arc, Mutex};

        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("credentials");
        std::fs::write(&path, r#"{"principal": "a", "secret": "s3cret"}"#).expect("a file");
        // With a single dispatcher, tracing caches the interest of the first thread that reaches an
        // event, which may be another test's.
        let _second = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default());
        let warned = |mode| {
            let mode = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(&path, mode).expect("our file");
            let log = Arc::new(Mutex::new(Vec::new()));
            let subscriber = tracing_subscriber::fmt()
                .with_writer(Arc::new(Log(Arc::clone(&log))))
                .finish();
            let read = || read(&path, None).expect("a credential");
            tracing::subscriber::with_default(subscriber, read);
            let log = String::from_utf8(log.lock().expect("no panic").clone()).expect("text");
            assert!(!log.contains("s3cret"), "{log}");
            log.contains("WARN") && log.contains("chmod")
        };
        assert!(!warned(0o600));
        assert!(!warned(0o640));
        assert!(warned(0o644));
    }

    #[cfg(unix)]
    struct Log(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

    #[cfg(unix)]
    impl std::io::Write for &Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("no panic").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn every_error_names_the_file_and_the_place_and_does_not_contain_a_secret() {
        for (text, principal, part) in [
            ("", None, "it is empty; write {"),
            ("a s3cret\n", None, "invalid JSON at line 1, column 1"),
            (
                r#"{"principal": "a", "secret": "s3cret"#,
                None,
                "invalid JSON at line 1",
            ),
            ("[\"s3cret\"]", None, "it is not a JSON object"),
            (
                r#"{"secret": "s3cret"}"#,
                None,
                "neither \"credentials\" nor",
            ),
            (r#"{"credentials": "s3cret"}"#, None, "is not a list"),
            (
                r#"{"credentials": ["s3cret"]}"#,
                None,
                "credentials[0] is not an object",
            ),
            (
                r#"{"credentials": []}"#,
                None,
                "does not contain a credential",
            ),
            (
                r#"{"credentials": []}"#,
                Some("a"),
                "does not contain a credential",
            ),
            (
                r#"{"principal": 1, "secret": "s3cret"}"#,
                None,
                "\"principal\" that is not a string",
            ),
            (
                r#"{"credentials": [{"principal": "a", "secret": "s3cret"}, {"principal": "b"}]}"#,
                None,
                "credentials[1] has no \"secret\"",
            ),
            (
                BOTH,
                None,
                "has several principals; name one of \"a\", \"b\"",
            ),
            (
                BOTH,
                Some("c"),
                "does not contain the principal \"c\", only \"a\", \"b\"",
            ),
            (
                r#"{"credentials": [{"principal": "a", "secret": "s3cret"}, {"principal": "a", "secret": ""}]}"#,
                Some("a"),
                "has the principal \"a\" 2 times",
            ),
        ] {
            let error = find(text, principal).expect_err(text);
            assert_eq!(error.kind(), ErrorKind::Config);
            let message = error.to_string();
            assert!(message.contains(part), "{text}: {message}");
            assert!(message.contains("/credentials"), "{message}");
            assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
        }
        let error = read(Path::new("/no/such"), None).expect_err("no file");
        assert_eq!(
            error.to_string(),
            "cannot read the credentials file /no/such"
        );
    }
}
