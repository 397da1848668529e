//! The example that spreads tasks.

use mesos_local::{LocalCluster, testing::require_real};

use crate::program::outcome;

#[tokio::test]
async fn place_tasks_spreads_30_tasks_evenly_over_the_racks() {
    let builder = LocalCluster::builder().agents(3);
    let builder = builder.attributes(["rack:r1", "rack:r2", "rack:r1"]);
    let Some(cluster) = require_real(builder.start().await) else {
        return;
    };
    let end = outcome("place_tasks", &[&cluster.master_url()]).await;
    assert_eq!(end.code, Some(0), "{end:?}");
    let last = end.stdout.lines().last();
    assert_eq!(
        last,
        Some(r#"tasks by rack: {"r1": 15, "r2": 15}"#),
        "{end:?}"
    );
}
