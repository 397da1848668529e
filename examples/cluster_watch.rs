//! Prints how many agents and tasks a cluster has, whenever that changes, until Ctrl-C:
//! `cargo run --example cluster_watch MASTER`
//!
//! The state of the cluster follows the master's events, so nothing is requested again and again.

use mesos::operator::{ClusterState, MasterClient};

#[tokio::main]
async fn main() -> Result<(), mesos::BoxError> {
    tracing_subscriber::fmt::init(); // Shows why a connection fails.
    let master = std::env::args()
        .nth(1)
        .ok_or("usage: cluster_watch MASTER")?;
    let mut state = ClusterState::start(&MasterClient::new(master.parse()?));
    state.ready().await?;
    let mut last = None;
    loop {
        let now = state.snapshot();
        let counts = (now.agents().count(), now.tasks().count());
        if last.replace(counts) != Some(counts) {
            println!("{} agents, {} tasks", counts.0, counts.1);
        }
        tokio::select! {
            changed = state.changed() => changed?,
            _ = tokio::signal::ctrl_c() => return Ok(()),
        }
    }
}
