//! Addresses in ZooKeeper and in redirects.

use mesos_core::{Endpoint, Scheme};

use super::line;
use crate::detect::zookeeper;
use crate::wire::redirect;

const PATH: &str = "/api/v1/scheduler";

/// Parses any bytes as the masters' nodes in ZooKeeper: the first line has the names of the nodes,
/// separated by commas; the rest is the data of the leading node.
///
/// # Panics
/// If the result is an endpoint that no request can be sent to.
pub fn master_node(data: &[u8]) {
    let (nodes, data) = line(data);
    let nodes = String::from_utf8_lossy(nodes);
    let nodes: Vec<String> = nodes.split(',').map(str::to_owned).collect();
    if let Some(Ok(endpoint)) = zookeeper::leader(&nodes, data) {
        round_trips(&endpoint);
    }
}

/// Parses any bytes as a redirect: the first line is the endpoint that redirects, the rest is the
/// Location.
///
/// # Panics
/// If the result is an endpoint that no request can be sent to, or if it leads from TLS to no TLS.
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

/// Checks that the text of `endpoint` is parsed as `endpoint`.
fn round_trips(endpoint: &Endpoint) {
    sendable(endpoint);
    assert_eq!(endpoint.to_string().parse().as_ref(), Ok(endpoint));
}

/// Checks that the path of a request to `endpoint` is valid: every path is a valid prefix.
fn sendable(endpoint: &Endpoint) {
    let path = endpoint.join(PATH);
    let same = endpoint.clone().with_prefix(&path);
    assert_eq!(same.expect("a path").prefix(), path);
    assert_ne!(endpoint.port(), 0);
}
