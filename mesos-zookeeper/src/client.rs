//! Clients of a ZooKeeper, for an [`Ensemble`].

use std::ops::RangeInclusive;
use std::time::Duration;

use mesos_core::address::Ensemble;
use zookeeper_client::{Acl, Acls, Client, Connector, CreateMode, CreateOptions, Permission};

/// Everybody may read, and the creator may do anything: `EVERYONE_READ_CREATOR_ALL` in
/// src/zookeeper/authentication.cpp.
static READABLE: [Acl; 2] = [
    Acl::new_const(Permission::READ, "world", "anyone"),
    Acl::new_const(Permission::ALL, "auth", ""),
];

/// The range of the session timeouts that are requested. The client calculates with multiples of
/// the timeout, and sends it as a number of milliseconds. ZooKeeper's own limits are narrower.
const SESSION_TIMEOUTS: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(24 * 3600);

/// Connects to `ensemble` with its credentials. A session lasts as long as its client. The session
/// timeout is requested within the range from one second to one day, and ZooKeeper limits it too.
pub fn connector(ensemble: &Ensemble, session_timeout: Duration) -> Connector {
    let session_timeout = session_timeout.clamp(*SESSION_TIMEOUTS.start(), *SESSION_TIMEOUTS.end());
    let connector = Client::connector().with_session_timeout(session_timeout);
    match ensemble.credentials() {
        Some(credentials) => connector.with_auth("digest", credentials.as_bytes()),
        None => connector,
    }
}

/// The options for a new node, as Mesos' masters create theirs. With credentials, everybody can
/// read the node and only these credentials can change it. Without credentials, everybody can do
/// anything.
pub fn persistent(ensemble: &Ensemble) -> CreateOptions<'static> {
    CreateMode::Persistent.with_acls(acls(ensemble))
}

/// As [`persistent`], for the node of a master: ZooKeeper appends a number to its name, and removes
/// the node at the end of the session.
pub fn ephemeral_sequential(ensemble: &Ensemble) -> CreateOptions<'static> {
    CreateMode::EphemeralSequential.with_acls(acls(ensemble))
}

fn acls(ensemble: &Ensemble) -> Acls<'static> {
    match ensemble.credentials() {
        Some(_) => Acls::new(&READABLE),
        None => Acls::anyone_all(),
    }
}

/// An error text: `ensemble` `cannot be read` or the like, and what to change. It does not contain
/// the credentials.
pub fn denied(ensemble: &Ensemble, what: &str) -> String {
    let hint = match ensemble.credentials() {
        None => "without credentials; write them as zk://USER:PASSWORD@…",
        Some(_) => "with these credentials",
    };
    format!("{ensemble} {what} {hint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_text_does_not_contain_the_credentials() {
        let ensemble: Ensemble = "zk://user:secret@h:2181/m".parse().expect("an address");
        let shown = denied(&ensemble, "cannot be read");
        assert!(
            !shown.contains("secret") && !shown.contains("user"),
            "{shown}"
        );
    }
}
