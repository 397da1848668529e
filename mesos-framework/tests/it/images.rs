//! Jobs on the filesystem of an image, on a real Mesos with agents that have images.

use std::time::Duration;

use mesos::Framework;
use mesos::framework::{CheckSpec, JobSpec, Outcome, PodSpec, RetryPolicy, Runner, TaskSpec};
use mesos::http::HttpBackend;
use mesos::v1::TaskState;
use mesos_local::LocalCluster;
use mesos_local::testing::{can_have_images, require_real, write_image};

async fn run(runner: &Runner, job: impl Into<JobSpec>) -> Outcome {
    let run = tokio::time::timeout(Duration::from_secs(120), runner.run(job));
    run.await.expect("the job hangs").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_runs_on_the_filesystem_of_its_image() {
    if !can_have_images() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let programs = ["/bin/sh", "/bin/cat", "/bin/sleep"];
    let variables = ["GREETING=hello from the image"];
    write_image(folder.path(), ("shell", "1"), &programs, &variables).unwrap();
    let builder = LocalCluster::builder().images(folder.path().to_str().unwrap());
    let Some(cluster) = require_real(builder.start().await) else {
        return;
    };
    let backend = HttpBackend::new(cluster.master_url().parse().unwrap());
    let runner = Runner::builder(Framework::ephemeral("images"));
    let runner = runner.start(backend).await.unwrap();

    // The host has these, the image does not.
    let only_the_image = "! [ -e /etc/passwd ] && ! [ -e /usr/bin/env ] && ! [ -e /root ]";
    let script = format!(
        "{only_the_image} && [ \"$GREETING\" = 'hello from the image' ] && \
         [ \"$PWD\" = \"$MESOS_SANDBOX\" ] && cat /etc/hosts && echo text > file"
    );
    let outcome = run(
        &runner,
        TaskSpec::shell("command", &script).image("shell:1"),
    )
    .await;
    assert_eq!(outcome.state, TaskState::TaskFinished, "{outcome:?}");

    // The commands of checks run there, too.
    let check = format!("{only_the_image} && echo yes > $MESOS_SANDBOX/checked");
    let check = CheckSpec::command(check.as_str()).interval(Duration::from_millis(100));
    let script = "while ! [ -e checked ]; do sleep 0.1; done";
    let checked = TaskSpec::shell("checked", script)
        .image("shell:1")
        .health_check(check);
    let outcome = run(&runner, checked).await;
    assert_eq!(outcome.state, TaskState::TaskFinished, "{outcome:?}");

    let member = TaskSpec::shell("member", only_the_image).image("shell:1");
    let pod = PodSpec::new("pod", [member]);
    let outcome = run(&runner, pod).await;
    assert_eq!(outcome.state, TaskState::TaskFinished, "{outcome:?}");

    let once = RetryPolicy::attempts(1);
    let missing = JobSpec::new(TaskSpec::shell("missing", "true").image("shell:2")).retry(once);
    let outcome = run(&runner, missing).await;
    assert_eq!(outcome.state, TaskState::TaskFailed, "{outcome:?}");
    let text = "Failed to find archive for image 'shell:2'";
    assert!(outcome.message.contains(text), "{outcome:?}");
    runner.stop().await.unwrap();
    cluster.stop().await.unwrap();
}
