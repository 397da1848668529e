//! Images, users, volumes, networks and secrets of jobs on a real Mesos.

use std::time::Duration;

use mesos::Framework;
use mesos::framework::{
    ImageSpec, JobSpec, JobStatus, Outcome, PodSpec, RetryPolicy, Runner, TaskSpec, VolumeSpec,
};
use mesos::http::HttpBackend;
use mesos::operator::MasterClient;
use mesos::v1::{Resource, TaskState};
use mesos_local::LocalCluster;
use mesos_local::testing::require_real;

use crate::cluster::until;

async fn start(cluster: &LocalCluster, role: &str) -> Runner {
    let framework = Framework::ephemeral("containers").role(role);
    let backend = HttpBackend::new(cluster.master_url().parse().unwrap());
    Runner::builder(framework).start(backend).await.unwrap()
}

async fn run(runner: &Runner, job: impl Into<JobSpec>) -> Outcome {
    let run = tokio::time::timeout(Duration::from_secs(120), runner.run(job));
    run.await.expect("the job hangs").unwrap()
}

/// The job fails, and its message contains the text.
async fn fails(runner: &Runner, job: impl Into<JobSpec>, text: &str) {
    let outcome = run(runner, job).await;
    assert_eq!(outcome.state, TaskState::TaskFailed, "{outcome:?}");
    assert!(outcome.message.contains(text), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_agent_cannot_give_to_a_container_fails_the_job_with_the_reason() {
    let builder = LocalCluster::builder().agents(1);
    let Some(cluster) = require_real(builder.start().await) else {
        return;
    };
    let runner = start(&cluster, "*").await;
    let task = |name: &str| TaskSpec::shell(name, "true");
    let twice = RetryPolicy::attempts(2).first_delay(Duration::from_millis(10));
    let image = JobSpec::new(task("image").image("library/missing:1")).retry(twice);
    let outcome = run(&runner, image).await;
    assert_eq!(outcome.attempts, 2, "{outcome:?}");
    let text = "Unsupported container image type: DOCKER";
    assert!(outcome.message.contains(text), "{outcome:?}");
    let always = ImageSpec::new("missing").always_pull(true);
    fails(&runner, TaskSpec::new("program").image(always), text).await;

    let user = task("user").user("nobody-of-this-name");
    fails(&runner, user, "nobody-of-this-name").await;
    let network = task("network").network("overlay");
    fails(&runner, network, "overlay").await;
    let secret = task("secret").secret("PASSWORD", "db-password");
    fails(&runner, secret, "secret").await;
    runner.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_runs_as_its_user() {
    let builder = LocalCluster::builder()
        .agents(1)
        .env("MESOS_SWITCH_USER", "true");
    let Some(cluster) = require_real(builder.start().await) else {
        return;
    };
    // Only root can change the user.
    let own = std::process::Command::new("id")
        .arg("-un")
        .output()
        .unwrap();
    let own = String::from_utf8(own.stdout).unwrap().trim().to_owned();
    let user = match own.as_str() {
        "root" => "nobody",
        other => other,
    };
    let runner = start(&cluster, "*").await;
    let line = format!("test \"$(id -un)\" = {user} && touch mine");
    let outcome = run(&runner, TaskSpec::shell("user", line).user(user)).await;
    assert!(outcome.is_success(), "{outcome:?}");
    runner.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tasks_of_a_pod_share_a_volume() {
    let builder = LocalCluster::builder()
        .agents(1)
        .env("MESOS_ISOLATION", "posix/cpu,posix/mem,volume/sandbox_path");
    let Some(cluster) = require_real(builder.start().await) else {
        return;
    };
    let runner = start(&cluster, "*").await;
    let shared = || VolumeSpec::parent("shared", "shared");
    let write = TaskSpec::shell("write", "echo hello > shared/file").volume(shared());
    let wait = "until test \"$(cat shared/file)\" = hello; do sleep 0.05; done";
    let read = TaskSpec::shell("read", wait).volume(shared());
    let outcome = run(&runner, PodSpec::new("pod", [write, read])).await;
    assert!(outcome.is_success(), "{outcome:?}");
    // Without a file system of its own, a task cannot have another absolute path.
    let task = TaskSpec::shell("absolute", "true");
    let task = task.volume(VolumeSpec::sandbox("cache", "/var/cache/x"));
    let text = "Volumes in ContainerInfo is not supported";
    fails(&runner, task, text).await;
    // The same holds for a path of the host.
    let task = TaskSpec::shell("host", "true").volume(VolumeSpec::host("/tmp", "host"));
    fails(&runner, task, text).await;
    runner.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_persistent_volume_leads_a_job_to_its_agent_and_keeps_its_data() {
    let builder = LocalCluster::builder()
        .agents(2)
        .resources("cpus:2;mem:512;disk:512");
    let Some(cluster) = require_real(builder.start().await) else {
        return;
    };
    let master = MasterClient::new(cluster.master_url().parse().unwrap());
    let agents = master.get_agents().await.unwrap().agents;
    // Not the agent that the placement would choose first.
    let mut ids: Vec<_> = agents
        .into_iter()
        .map(|agent| agent.agent_info.id.unwrap())
        .collect();
    ids.sort_by(|a, b| a.value.cmp(&b.value));
    let agent = ids.pop().unwrap();
    let disk = Resource::scalar("disk", 64.0).reserved_dynamic("storage", None);
    let volume = disk.clone().persistent_volume("db-data", "data", None);
    master
        .reserve_resources(agent.clone(), [disk])
        .await
        .unwrap();
    master
        .create_volumes(agent.clone(), [volume])
        .await
        .unwrap();

    let runner = start(&cluster, "storage").await;
    let task = |name: &str, line: &str, id: &str| {
        let volume = VolumeSpec::persistent(id, "data");
        TaskSpec::shell(name, line).volume(volume)
    };
    let write = run(&runner, task("write", "echo kept > data/file", "db-data")).await;
    assert!(write.is_success(), "{write:?}");
    assert_eq!(write.agent.unwrap().id, agent.value);
    let line = "test \"$(cat data/file)\" = kept";
    let read = run(&runner, task("read", line, "db-data")).await;
    assert!(read.is_success(), "{read:?}");
    assert_eq!(read.agent.unwrap().id, agent.value);

    // A volume that does not exist is not created, and the job says what it waits for.
    let other = runner.submit(task("other", "true", "none")).await.unwrap();
    until("the report", || async {
        let reports = runner.reports("other").await.unwrap();
        let text = reports.first().map(ToString::to_string).unwrap_or_default();
        text.contains("existing volume none")
    })
    .await;
    assert_eq!(other.status(), JobStatus::Waiting);
    runner.stop().await.unwrap();
}
