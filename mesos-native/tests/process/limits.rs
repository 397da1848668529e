//! A driver that was subscribed once continues after its process had no descriptor, no thread, no
//! resolver or no file with the address.

use mesos_local::LocalCluster;
use mesos_local::testing::require_real;

use crate::puppet::Puppet;

async fn cluster() -> Option<LocalCluster> {
    require_real(LocalCluster::builder().start().await)
}

/// A subscribed scheduler, whose master is at `localhost`, so that the name has to be resolved.
async fn subscribed(cluster: &LocalCluster) -> Puppet {
    let mut puppet = Puppet::start(&format!("localhost:{}", cluster.port()));
    puppet.expect("subscribed").await;
    puppet
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_without_descriptors_resubscribes_when_it_has_descriptors_again() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let mut puppet = subscribed(&cluster).await;
    cluster.kill().await.unwrap();
    puppet.expect("disconnected").await;
    puppet.order("files 0").await;
    // The resolver or the socket needs a descriptor. The master is still down: a descriptor that
    // libmesos closes could otherwise be enough for a connection.
    puppet.failed_attempt("Too many open files").await;
    cluster.restart().await.unwrap();
    puppet.order("lift").await;
    puppet.expect("subscribed").await;
    puppet.runs_a_task().await;
}

/// The connection of the backend gets the descriptor, and libmesos has none.
#[tokio::test(flavor = "multi_thread")]
async fn a_libmesos_without_descriptors_registers_when_it_has_descriptors_again() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let mut puppet = subscribed(&cluster).await;
    cluster.kill().await.unwrap();
    puppet.expect("disconnected").await;
    puppet.order("files 1").await;
    puppet.failed_attempt("cannot connect to the master").await;
    cluster.restart().await.unwrap();
    puppet.answer("state", "Subscribing").await;
    puppet.order("lift").await;
    puppet.expect("subscribed").await;
    puppet.runs_a_task().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_without_threads_resubscribes_when_it_has_threads_again() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let mut puppet = subscribed(&cluster).await;
    puppet.order("threads").await;
    cluster.kill().await.unwrap();
    puppet.expect("disconnected").await;
    cluster.restart().await.unwrap();
    puppet.failed_attempt("cannot start a thread").await;
    puppet.order("lift").await;
    puppet.expect("subscribed").await;
    puppet.runs_a_task().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_whose_file_with_the_address_is_gone_resubscribes_at_the_last_address() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("master");
    std::fs::write(&file, cluster.master_url()).unwrap();
    let mut puppet = Puppet::start(&format!("file://{}", file.display()));
    puppet.expect("subscribed").await;
    std::fs::remove_file(&file).unwrap();
    cluster.kill().await.unwrap();
    puppet.expect("disconnected").await;
    cluster.restart().await.unwrap();
    puppet.expect("subscribed").await;
    puppet.runs_a_task().await;
}
