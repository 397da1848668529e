//! Credentials files.

use super::{SECRET, line};
use crate::auth::{Credentials, file};

/// Parses any bytes as a credentials file: the first line is the requested principal, if it is not
/// empty; the rest is the file.
///
/// # Panics
/// If an error or the `Debug` output of the result contains a secret.
pub fn credentials_file(data: &[u8]) {
    let (principal, content) = line(data);
    let principal = String::from_utf8_lossy(principal);
    let principal = Some(&*principal).filter(|principal| !principal.is_empty());
    let credentials = match file::parse(content) {
        Ok(credentials) => credentials,
        Err(fault) => {
            assert!(!fault.contains(SECRET), "{fault}");
            return;
        }
    };
    // A principal is not a secret, and may contain the same text.
    let public = principal.is_some_and(|principal| principal.contains(SECRET))
        || credentials.iter().any(|(name, _)| name.contains(SECRET));
    let shown = match file::choose(credentials.clone(), principal) {
        Err(fault) => fault,
        Ok(one) => {
            assert!(credentials.contains(&one));
            assert!(principal.is_none_or(|principal| principal == one.0));
            match Credentials::basic(one.0, one.1) {
                Ok(credentials) => format!("{credentials:?}"),
                Err(error) => format!("{error:?}"),
            }
        }
    };
    assert!(public || !shown.contains(SECRET), "{shown}");
}
