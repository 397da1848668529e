//! `Debug` of the messages that carry secrets: the secret itself is never shown, so that a log of
//! whole messages can be kept and passed on. Where a message holds one of these, its derived
//! `Debug` shows it through here.

use std::fmt;

use crate::v1::{Credential, secret};

/// Stands where a secret is set.
const REDACTED: &str = "[redacted]";

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("principal", &self.principal)
            .field("secret", &self.secret.as_ref().map(|_| REDACTED))
            .finish()
    }
}

impl fmt::Debug for secret::Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Value").field("data", &REDACTED).finish()
    }
}

#[cfg(test)]
mod tests {
    use crate::v1::{Credential, Secret, secret};

    #[test]
    fn debug_shows_that_a_credential_has_a_secret_but_not_which() {
        let credential = Credential {
            principal: "me".into(),
            secret: Some("hunter2".into()),
        };
        assert_eq!(
            format!("{credential:?}"),
            r#"Credential { principal: "me", secret: Some("[redacted]") }"#
        );
    }

    #[test]
    fn debug_of_a_message_around_a_secret_does_not_show_it() {
        let value = secret::Value {
            data: "hunter2".into(),
        };
        let secret = Secret {
            value: Some(value),
            ..Secret::default()
        };
        let shown = format!("{secret:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("[redacted]"), "{shown}");
    }
}
