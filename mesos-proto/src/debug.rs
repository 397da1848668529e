//! `Debug` of the messages with secrets. It never prints a secret, so logs of whole messages can be
//! stored and shared. The derived `Debug` of a message that contains one of these messages uses it
//! too.

use std::fmt;

use crate::v1::{Credential, secret};

/// Printed in place of a secret.
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
    fn debug_redacts_the_secret_of_a_credential() {
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
    fn debug_redacts_a_secret_inside_another_message() {
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
