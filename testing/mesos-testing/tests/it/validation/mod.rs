//! Every check of a master, as a row that is played on the fake master and on a real Mesos 1.11.0.
//!
//! A row has an attempt that the check refuses, the refusal, and an attempt that differs as little
//! as possible and passes the check. So a check that is missing fails the test, and so does a check
//! that refuses too much. [`row`] explains the notation.

mod calls;
mod checks;
mod containers;
mod executors;
mod frameworks;
mod groups;
mod lint_rows;
mod lints;
mod offers;
mod operations;
mod play;
mod reservations;
mod resources;
mod row;
mod tasks;
mod volumes;

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};

use mesos_local::LocalCluster;
use mesos_local::testing::require_real;
use mesos_testing::{Agent, FakeMaster};

use self::play::play;
use self::row::Row;

/// What each of the two agents has.
const RESOURCES: &str = "cpus:4;mem:4096;disk:100000;ports:[31000-31999];things:{a,b,c}";

fn table() -> Vec<Row> {
    let mut rows = tasks::rows();
    rows.extend(checks::rows());
    rows.extend(containers::rows());
    rows.extend(resources::rows());
    rows.extend(reservations::rows());
    rows.extend(executors::rows());
    rows.extend(groups::rows());
    rows.extend(offers::rows());
    rows.extend(operations::rows());
    rows.extend(volumes::rows());
    rows.extend(calls::rows());
    rows.extend(frameworks::rows());
    rows
}

/// Plays all rows and fails with the list of all differences.
async fn agree(master: SocketAddr, path: &str) {
    let mut wrong = Vec::new();
    let rows = table();
    for row in &rows {
        for (attempt, expected) in [(&row.bad, &row.refusal), (&row.good, &row.answer)] {
            println!("{}: {attempt:?}", row.name);
            let answer = play(master, path, row, attempt).await;
            if !expected.allows(&answer) {
                wrong.push(format!(
                    "{} ({})\n  attempt:  {attempt:?}\n  expected: {expected:?}\n  got:      {answer:?}",
                    row.name, row.rule
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} attempts differ\n{}",
        wrong.len(),
        2 * rows.len(),
        wrong.join("\n")
    );
}

async fn real() -> Option<LocalCluster> {
    let cluster = LocalCluster::builder()
        .agents(2)
        .resources(RESOURCES)
        // Free resources are offered again this soon.
        .env("MESOS_ALLOCATION_INTERVAL", "10ms")
        .start()
        .await;
    require_real(cluster)
}

#[tokio::test]
async fn the_fake_master_refuses_and_takes_what_the_table_says() {
    let mut builder = FakeMaster::builder();
    for agent in ["a1", "a2"] {
        builder = builder.agent(Agent::new(agent).having(RESOURCES));
    }
    let master = builder.start().await.unwrap();
    agree(master.address(), "/api/v1/scheduler").await;
}

#[tokio::test]
async fn a_real_mesos_refuses_and_takes_what_the_table_says() {
    let Some(cluster) = real().await else {
        return;
    };
    let master = SocketAddr::from((Ipv4Addr::LOCALHOST, cluster.port()));
    agree(master, "/master/api/v1/scheduler").await;
    cluster.stop().await.unwrap();
}

/// [`lint_rows`] explains what is compared.
#[tokio::test]
async fn a_real_mesos_refuses_what_the_lints_call_an_error_and_nothing_else() {
    let Some(cluster) = real().await else {
        return;
    };
    let master = SocketAddr::from((Ipv4Addr::LOCALHOST, cluster.port()));
    lint_rows::agree(master, "/master/api/v1/scheduler").await;
    cluster.stop().await.unwrap();
}

#[test]
fn every_row_has_its_own_name() {
    let mut names = BTreeSet::new();
    for row in table() {
        assert!(names.insert(row.name), "{} twice", row.name);
    }
}
