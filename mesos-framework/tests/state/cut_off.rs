//! A leader that is cut off from ZooKeeper, while its connection to the master works.

use std::time::Duration;

use mesos::framework::{RestartPolicy, Runner, RunnerBuilder, ServiceSpec, TaskSpec};
use mesos::http::HttpBackend;
use mesos::store::ZooKeeperState;
use mesos::v1::{TaskState, TaskStatus};
use mesos::{ErrorKind, Framework};
use mesos_testing::{Agent, Behavior, FakeMaster, Fault, FaultProxy};

use crate::server::ZooKeeper;

/// Longer than any session of this test.
const LONG: Duration = Duration::from_secs(90);

fn builder(zookeeper: &str) -> RunnerBuilder {
    let framework = Framework::with_failover_timeout("cut-off", Duration::from_secs(3600));
    let state: ZooKeeperState = format!("zk://{zookeeper}/shop/state").parse().unwrap();
    let state = state.session_timeout(Duration::from_secs(2));
    Runner::builder(framework).state(state)
}

fn web() -> ServiceSpec {
    let policy = RestartPolicy::default().first_delay(Duration::from_millis(10));
    ServiceSpec::new(TaskSpec::shell("web", "sleep 1000"))
        .instances(2)
        .restart(policy)
}

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(LONG, future).await;
    done.unwrap_or_else(|_| panic!("timed out waiting for {what}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_cut_off_from_zookeeper_cannot_act_and_the_next_takes_over() {
    let Some(zookeeper) = ZooKeeper::start().await else {
        return;
    };
    let master = FakeMaster::builder()
        .agent(Agent::new("a1").having("cpus:4;mem:1024;disk:1024"))
        .tasks(|_| Behavior::runs())
        .allocation_interval(Duration::from_millis(20))
        .update_retry(Duration::from_millis(500), Duration::from_millis(500))
        .start()
        .await
        .unwrap();
    let backend = || HttpBackend::new(master.url().parse().unwrap());
    let target = zookeeper.server(0).parse().unwrap();
    let proxy = FaultProxy::start(target).await.unwrap();
    let old = builder(&proxy.address().to_string());
    let old = old.start(backend()).await.unwrap();
    let service = old.keep(web()).await.unwrap();
    within("the instances", service.wait_ready()).await.unwrap();
    let next = tokio::spawn(builder(&zookeeper.servers()).start(backend()));

    // An instance ends, and the leader can neither store nor acknowledge the end.
    proxy.set(Fault::Stall);
    let framework = old.framework_id().unwrap();
    let ended = master.launched().remove(0).task_id;
    let status = TaskStatus::new(ended.clone(), TaskState::TaskFailed);
    master.report(framework.clone(), ended.clone(), status);
    let new = within("the next leader", next).await.unwrap().unwrap();
    let service = new.service("web").await.unwrap();
    let replaced = async {
        let mut service = service.clone();
        let is_replaced = |status: &mesos::framework::ServiceStatus| {
            let mut tasks = status.instances.iter().flat_map(|one| &one.task_ids);
            status.is_ready() && !tasks.any(|task| *task == ended.value)
        };
        while !is_replaced(&service.status()) {
            service.changed().await.unwrap();
        }
    };
    within("the replacement", replaced).await;
    assert_eq!(new.framework_id(), Some(framework.clone()));

    // The old leader ends, also if ZooKeeper is back before it has noticed anything.
    proxy.set(Fault::None);
    let error = within("the end of the old leader", old.join())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TakenOver);
    assert_eq!(master.launched().len(), 3, "two and one replacement");
    assert_eq!(master.tasks(framework).len(), 2);
    within("the end", new.stop()).await.unwrap();
}
