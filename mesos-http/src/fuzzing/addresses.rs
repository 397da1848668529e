//! Addresses: what users write, what stands in ZooKeeper, what redirects say.

use super::{SECRET, line};
use crate::detect::{Master, zookeeper};
use crate::endpoint::{Endpoint, Scheme, is_path};
use crate::wire::redirect;

const PATH: &str = "/api/v1/scheduler";

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
        stays(&endpoint);
    }
    if let Ok(endpoint) = Endpoint::from_pid(text) {
        sendable(&endpoint);
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

/// The first line has the names of the nodes, with commas; the rest is the data
/// of the one that leads.
///
/// # Panics
/// If it leads to an endpoint that nothing can be sent to.
pub fn master_node(data: &[u8]) {
    let (nodes, data) = line(data);
    let nodes = String::from_utf8_lossy(nodes);
    let nodes: Vec<String> = nodes.split(',').map(str::to_owned).collect();
    if let Some(Ok(endpoint)) = zookeeper::leader(&nodes, data) {
        stays(&endpoint);
    }
}

/// The first line is who redirects, the rest the Location.
///
/// # Panics
/// If it leads to an endpoint that nothing can be sent to, or out of TLS.
pub fn redirect(data: &[u8]) {
    let (from, location) = line(data);
    let Some(from) = std::str::from_utf8(from)
        .ok()
        .and_then(|from| from.parse().ok())
    else {
        return;
    };
    let Ok(to) = redirect::resolve(&from, &String::from_utf8_lossy(location), PATH) else {
        return;
    };
    sendable(&to);
    assert!(from.scheme() == Scheme::Http || to.scheme() == Scheme::Https);
}

/// `endpoint`, printed, is read as itself.
fn stays(endpoint: &Endpoint) {
    sendable(endpoint);
    assert_eq!(endpoint.to_string().parse().as_ref(), Ok(endpoint));
}

fn sendable(endpoint: &Endpoint) {
    let path = endpoint.join(PATH);
    assert!(is_path(&path), "{path:?}");
    assert_ne!(endpoint.port(), 0);
}
