//! Addresses of masters.

use super::SECRET;
use crate::address::{Endpoint, Master};

/// Parses any text as the address of a master.
///
/// # Panics
/// If the printed address is parsed as another one, or if any output contains text before an `@`.
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
            // It was not in a place where a password may be.
            Ok(_) => String::new(),
            Err(error) => format!("{error} {error:?}"),
        };
        assert!(!shown.contains(SECRET), "{text:?} gives {shown}");
    }
    if let Ok(master) = parsed {
        let printed = master.to_string();
        let again: Master = printed.parse().expect("what was printed");
        assert_eq!(again.to_string(), printed);
        // Masters are printed with a scheme. A master that was written without one follows the TLS
        // settings of the backend, so it is not equal to what is printed.
        let start = printed.get(..5);
        let masters = start != Some("zk://") && start != Some("file:");
        assert!(
            text.contains('@') || masters || again == master,
            "{master:?} {again:?}"
        );
    }
}
