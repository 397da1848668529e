//! The lints have no findings in what the examples describe.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use mesos::lint::{Lint, Linter};
use mesos::v1::scheduler::call;
use mesos_local::{LocalCluster, testing::require_real};
use mesos_testing::FakeMaster;

use crate::program::example;

/// Runs an example until it has launched its tasks, and lints its framework and the tasks.
async fn lints(master: SocketAddr, name: &str, arguments: &[&str]) -> Vec<Lint> {
    // Records what the example sends to the real master.
    let relay = FakeMaster::builder().in_front_of(master);
    let relay = relay.timeout(Duration::from_secs(90)).start();
    let relay = relay.await.unwrap();
    let url = relay.url();
    let arguments: Vec<&str> = arguments
        .iter()
        .map(|word| if *word == "MASTER" { &url } else { *word })
        .collect();
    let _program = example(name, &arguments).spawn().unwrap();
    let subscribe = relay.expect(call::Type::Subscribe).await.into_call();
    let framework = subscribe.subscribe.unwrap().framework_info;
    let linter = Linter::new().framework(&framework);
    let mut lints = linter.lint_framework(&framework);
    let accept = relay.expect(call::Type::Accept).await.into_call();
    let operations = accept.accept.unwrap().operations;
    let launch = operations[0].launch.as_ref().unwrap();
    assert!(!launch.task_infos.is_empty());
    lints.extend(linter.lint_tasks(&launch.task_infos));
    lints
}

#[tokio::test]
async fn the_examples_have_no_findings() {
    // place_tasks needs racks.
    let builder = LocalCluster::builder().attributes(["rack:r1", "rack:r2"]);
    let Some(cluster) = require_real(builder.agents(2).start().await) else {
        return;
    };
    let master = SocketAddr::from((Ipv4Addr::LOCALHOST, cluster.port()));
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path().to_str().unwrap();
    let failover = ["MASTER", directory, "2", "true"];
    let examples: [(&str, &[&str]); 6] = [
        ("hello_scheduler", &["MASTER"]),
        ("middleware", &["MASTER"]),
        ("place_tasks", &["MASTER"]),
        ("task_output", &["MASTER", "true"]),
        ("failover_scheduler", &failover),
        ("worker_pool_executor", &["--master", "MASTER"]),
    ];
    for (name, arguments) in examples {
        assert_eq!(lints(master, name, arguments).await, [], "{name}");
    }
}
