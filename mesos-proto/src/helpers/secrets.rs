//! Secrets and credentials.

use bytes::Bytes;

use crate::v1::{Credential, Secret, secret};

impl Credential {
    /// A principal with its password. `Debug` does not print the password.
    ///
    /// ```
    /// use mesos::v1::Credential;
    ///
    /// let credential = Credential::new("ops", "hunter2");
    /// assert!(!format!("{credential:?}").contains("hunter2"));
    /// ```
    pub fn new(principal: impl Into<String>, secret: impl Into<String>) -> Self {
        Self {
            principal: principal.into(),
            secret: Some(secret.into()),
        }
    }
}

impl Secret {
    /// A secret by its content, which Mesos transfers in clear text unless the connection is
    /// encrypted. `Debug` does not print the content.
    pub fn value(data: impl Into<Bytes>) -> Self {
        Self {
            r#type: Some(secret::Type::Value.into()),
            value: Some(secret::Value { data: data.into() }),
            ..Self::default()
        }
    }

    /// A secret by its name in a secret store. The agent needs a secret resolver module
    /// (`--secret_resolver`); the resolver of Mesos itself accepts only
    /// [values](Self::value) (`src/secret/resolver.cpp`).
    pub fn reference(name: impl Into<String>) -> Self {
        Self {
            r#type: Some(secret::Type::Reference.into()),
            reference: Some(secret::Reference {
                name: name.into(),
                key: None,
            }),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_has_both_parts() {
        let credential = Credential::new("ops", "hunter2");
        assert_eq!(credential.principal, "ops");
        assert_eq!(credential.secret(), "hunter2");
    }

    #[test]
    fn a_secret_is_either_a_value_or_a_reference() {
        let value = Secret::value("hunter2");
        assert_eq!(value.r#type(), secret::Type::Value);
        assert_eq!(value.value.unwrap().data, "hunter2");
        assert_eq!(value.reference, None);

        let reference = Secret::reference("db/password");
        assert_eq!(reference.r#type(), secret::Type::Reference);
        assert_eq!(reference.reference.unwrap().name, "db/password");
        assert_eq!(reference.value, None);
    }
}
