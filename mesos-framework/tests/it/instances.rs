//! What happens to single instances of services: pods, updates that are paused, and agents that
//! disappear.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use mesos::Framework;
use mesos::backend::{Backend, SchedulerApi};
use mesos::framework::{
    InstanceState, PodSpec, RestartPolicy, Runner, ServiceHandle, ServiceSpec, TaskSpec,
    UpdatePolicy,
};
use mesos::http::HttpBackend;
use mesos::operator::MasterClient;
use mesos_local::LocalCluster;
use mesos_testing::{Agent, Behavior, FakeMaster};

use crate::cluster::{cluster, until};

const MOMENT: Duration = Duration::from_millis(100);

async fn start(backend: impl Backend<SchedulerApi> + 'static) -> Runner {
    let framework = Framework::with_failover_timeout("instances", Duration::from_secs(3600));
    Runner::builder(framework).start(backend).await.unwrap()
}

async fn start_on(cluster: &LocalCluster) -> Runner {
    start(HttpBackend::new(cluster.master_url().parse().unwrap())).await
}

fn policies(service: ServiceSpec) -> ServiceSpec {
    service
        .restart(RestartPolicy::default().first_delay(MOMENT))
        .update(UpdatePolicy::rolling(1).healthy_for(MOMENT))
}

/// The number of each instance, and its tasks.
fn instances(service: &ServiceHandle) -> Vec<(u32, Vec<String>)> {
    let status = service.status();
    let all = status.instances.iter();
    all.map(|one| (one.number, one.task_ids.clone())).collect()
}

/// Ends a process by SIGKILL.
fn kill(process: &str) {
    let status = Command::new("kill").args(["-9", process]).status();
    assert!(status.unwrap().success());
}

fn lines(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_of_a_service_is_started_again_and_updated_as_a_whole() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let runner = start_on(&cluster).await;
    let folder = tempfile::tempdir().unwrap();
    let marker = |name: &str| folder.path().join(name);
    let task = |name: &str, seconds: u32| {
        let path = marker(name);
        let line = format!("echo $$ >> {}; exec sleep {seconds}", path.display());
        TaskSpec::shell(name, line)
    };
    let pod = |seconds| PodSpec::new("pod", [task("left", seconds), task("right", seconds)]);
    let service = |seconds| policies(ServiceSpec::new(pod(seconds)).instances(2));
    let pods = runner.keep(service(1000)).await.unwrap();
    pods.wait_ready().await.unwrap();
    let before = instances(&pods);
    assert!(
        before.iter().all(|(_, tasks)| tasks.len() == 2),
        "{before:?}"
    );

    // One task ends, so the other task of its pod ends, too, and the pod is started again.
    until("the first pods", || async {
        lines(&marker("left")).len() == 2
    })
    .await;
    kill(&lines(&marker("left"))[0]);
    // A task can be reported as running before its shell has written the line.
    let started = |count| {
        let both = ["left", "right"].map(|name| lines(&marker(name)).len());
        both == [count, count] && pods.status().is_ready()
    };
    until("another pod", || async { started(3) }).await;
    let after = instances(&pods);
    let same = before.iter().filter(|one| after.contains(one)).count();
    assert_eq!(same, 1, "{before:?} {after:?}");

    runner.keep(service(1001)).await.unwrap();
    let updated = pods.wait_ready().await.unwrap();
    assert_eq!(updated.generation, 2);
    let new = instances(&pods);
    let tasks = |all: &[(u32, Vec<String>)]| -> Vec<String> {
        all.iter().flat_map(|(_, tasks)| tasks.clone()).collect()
    };
    let old = tasks(&after);
    assert!(tasks(&new).iter().all(|task| !old.contains(task)));
    until("the new pods", || async { started(5) }).await;
    pods.remove().await.unwrap();
    runner.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_is_paused_keeps_both_generations_running_until_it_is_resumed() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let runner = start_on(&cluster).await;
    let folder = tempfile::tempdir().unwrap();
    let marker = folder.path().join("marker");
    let service = |version: u32| {
        let line = format!("echo {version} $$ >> {}; exec sleep 1000", marker.display());
        policies(ServiceSpec::new(TaskSpec::shell("web", line)).instances(3))
    };
    let web = runner.keep(service(1)).await.unwrap();
    web.wait_ready().await.unwrap();

    // The next instance is only replaced when this one has run for an hour.
    let update = UpdatePolicy::rolling(1).healthy_for(Duration::from_secs(3600));
    let slow = service(2).update(update.timeout(Duration::from_secs(7200)));
    runner.keep(slow).await.unwrap();
    let generations = || {
        let status = web.status();
        let ready = status.instances.iter();
        let ready = ready.filter(|one| one.state == InstanceState::Ready);
        let mut generations: Vec<u32> = ready.map(|one| one.generation).collect();
        generations.sort_unstable();
        generations
    };
    until("one new instance", || async { generations() == [1, 1, 2] }).await;
    until("four lines", || async { lines(&marker).len() == 4 }).await;
    web.pause().await.unwrap();
    assert!(web.status().update.as_ref().unwrap().paused);
    let error = web.wait_ready().await.unwrap_err().to_string();
    let text = "the update of the service \"web\" is paused; resume it, or roll it back";
    assert_eq!(error, text);

    // An instance of each generation that ends is started again.
    for version in ["1 ", "2 "] {
        let started = lines(&marker).len();
        // The update has ended an instance of the first version.
        let all = lines(&marker).into_iter();
        let mut processes = all.filter_map(|line| {
            let process = line.strip_prefix(version)?.to_owned();
            Path::new("/proc")
                .join(&process)
                .exists()
                .then_some(process)
        });
        let process = processes.next().unwrap();
        kill(&process);
        until("another instance", || async {
            lines(&marker).len() == started + 1 && web.status().ready() == 3
        })
        .await;
    }
    let started = lines(&marker).len();
    assert_eq!(started, 3 + 1 + 2);

    // With the specification that waits for a moment, the update continues after the resumption.
    runner.keep(service(2)).await.unwrap();
    web.resume().await.unwrap();
    web.wait_ready().await.unwrap();
    assert_eq!(generations(), [2, 2, 2]);
    let error = web.pause().await.unwrap_err().to_string();
    assert_eq!(error, "an update of the service \"web\" is not in progress");
    runner.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_on_an_agent_that_is_gone_is_replaced_on_another_agent() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let runner = start_on(&cluster).await;
    let master = MasterClient::new(cluster.master_url().parse().unwrap());
    let service = policies(ServiceSpec::new(TaskSpec::shell("web", "sleep 1000")));
    let web = runner.keep(service).await.unwrap();
    let status = web.wait_ready().await.unwrap();
    let agent = status.instances[0].agent.clone().unwrap();
    master.mark_agent_gone(agent.id.as_str()).await.unwrap();
    until("the instance on the other agent", || async {
        let status = web.status();
        let now = status.instances[0].agent.as_ref();
        status.is_ready() && now.is_some_and(|now| now.id != agent.id)
    })
    .await;
    runner.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_instance_is_replaced_in_time_and_the_surplus_is_stopped_when_it_returns() {
    let agent = |id| Agent::new(id).having("cpus:4;mem:1024;disk:1024");
    let master = FakeMaster::builder()
        .agent(agent("a1"))
        .agent(agent("a2"))
        .tasks(|_| Behavior::runs())
        .allocation_interval(Duration::from_millis(20))
        .start()
        .await
        .unwrap();
    let runner = start(HttpBackend::new(master.url().parse().unwrap())).await;
    let service = policies(ServiceSpec::new(TaskSpec::shell("web", "sleep 1000")));
    let state = |web: &ServiceHandle, state| {
        let status = web.status();
        status.instances.iter().any(|one| one.state == state)
    };

    // The agent comes back in time: nothing is replaced.
    let patient = service.clone().unreachable_after(Duration::from_secs(3600));
    let web = runner.keep(patient).await.unwrap();
    let status = web.wait_ready().await.unwrap();
    let first = status.instances[0].agent.clone().unwrap();
    let tasks = instances(&web);
    master.make_agent_unreachable(first.id.as_str());
    until("unreachable", || async {
        state(&web, InstanceState::Unreachable)
    })
    .await;
    assert_eq!(instances(&web), tasks);
    master.return_agent(first.id.as_str());
    web.wait_ready().await.unwrap();
    assert_eq!(instances(&web), tasks);

    // The agent does not come back in time: a replacement starts on the other agent.
    let impatient = service.unreachable_after(Duration::from_millis(200));
    runner.keep(impatient).await.unwrap();
    master.make_agent_unreachable(first.id.as_str());
    until("a replacement", || async {
        state(&web, InstanceState::Replaced) && web.status().is_ready()
    })
    .await;
    let status = web.status();
    let ready = status.instances.iter();
    let mut ready = ready.filter(|one| one.state == InstanceState::Ready);
    assert_ne!(ready.next().unwrap().agent.as_ref().unwrap().id, first.id);
    assert_eq!(master.launched().len(), 2);

    // The old instance comes back: one of the two is stopped.
    master.return_agent(first.id.as_str());
    until("one instance", || async {
        web.status().instances.len() == 1 && web.status().is_ready()
    })
    .await;
    assert_eq!(master.launched().len(), 2);
    web.remove().await.unwrap();
    runner.stop().await.unwrap();
}
