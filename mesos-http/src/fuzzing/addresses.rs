//! Addresses in ZooKeeper and in redirects.

use mesos_core::{Endpoint, Scheme};

use super::line;
use crate::detect::zookeeper;
use crate::wire::redirect;

const PATH: &str = "/api/v1/scheduler";

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

/// The whole path of a request to `endpoint` is a valid prefix, so a valid path.
fn sendable(endpoint: &Endpoint) {
    let path = endpoint.join(PATH);
    let same = endpoint.clone().with_prefix(&path);
    assert_eq!(same.expect("a path").prefix(), path);
    assert_ne!(endpoint.port(), 0);
}
