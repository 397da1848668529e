//! Addresses of masters.

use super::SECRET;
use crate::address::{Endpoint, Master};

/// Any text as the address of a master.
///
/// # Panics
/// If what was understood and printed is not understood as the same, or if
/// something before an `@` shows anywhere.
pub fn master_address(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(endpoint) = text.parse::<Endpoint>() {
        assert_eq!(endpoint.to_string().parse().as_ref(), Ok(&endpoint));
        assert_ne!(endpoint.port(), 0);
    }
    if let Ok(endpoint) = Endpoint::from_pid(text) {
        assert_ne!(endpoint.port(), 0);
    }
    let parsed = text.parse::<Master>();
    let secret = text
        .rsplit_once('@')
        .is_some_and(|(before, after)| before.contains(SECRET) && !after.contains(SECRET));
    if secret {
        let shown = match &parsed {
            Ok(master) if text.trim().starts_with("zk://") => format!("{master} {master:?}"),
            // It was in no place where a password may be.
            Ok(_) => String::new(),
            Err(error) => format!("{error} {error:?}"),
        };
        assert!(!shown.contains(SECRET), "{text:?} gives {shown}");
    }
    if let Ok(master) = parsed {
        let printed = master.to_string();
        let again: Master = printed.parse().expect("what was printed");
        assert_eq!(again.to_string(), printed);
        // Masters are shown with a scheme, also those that were written without, which follow the
        // TLS of the backend: to be equal they would have to be written as they are shown.
        let start = printed.get(..5);
        let masters = start != Some("zk://") && start != Some("file:");
        assert!(
            text.contains('@') || masters || again == master,
            "{master:?} {again:?}"
        );
    }
}
