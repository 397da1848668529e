//! `mesos run` on a master that refuses its calls: a fake master passes all other calls to a real
//! Mesos.

use std::net::SocketAddr;

use mesos::v1::scheduler::call::Type;
use mesos::v1::{self, Offer, Resource, TaskState, TaskStatus, Url};
use mesos_local::LocalCluster;
use mesos_testing::{Agent, Behavior, FakeMaster, Reaction, events};
use tokio::net::TcpListener;

use crate::processes::ended_with_argument;
use crate::program::{User, cluster};

async fn in_front_of(cluster: &LocalCluster) -> FakeMaster {
    let master = SocketAddr::from(([127, 0, 0, 1], cluster.port()));
    let master = FakeMaster::builder().in_front_of(master).start().await;
    master.unwrap()
}

#[tokio::test]
async fn a_launch_that_is_refused_for_now_is_repeated_on_the_next_offer() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let master = in_front_of(&cluster).await;
    let reaction = Reaction::respond(503, "the master is overloaded");
    master.react(Type::Accept, reaction);
    let end = User::new()
        .outcome(&["run", "--master", &master.url(), "-n", "2", "echo hello"])
        .await;
    assert_eq!(end.code, Some(0), "{end:?}");
    assert!(end.stderr.contains("the master is overloaded"), "{end:?}");
    assert_eq!(end.stdout.matches("hello").count(), 2, "{end:?}");
}

#[tokio::test]
async fn a_launch_that_is_refused_for_good_is_an_error_with_the_reason() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let master = in_front_of(&cluster).await;
    for (status, reason) in [(403, "not this principal"), (400, "not such a call")] {
        master.react(Type::Accept, Reaction::respond(status, reason));
        let end = User::new()
            .outcome(&["run", "--master", &master.url(), "true"])
            .await;
        assert_eq!(end.code, Some(125), "{end:?}");
        assert!(end.stderr.contains("error:"), "{end:?}");
        assert!(end.stderr.contains(reason), "{end:?}");
    }
}

#[tokio::test]
async fn a_launch_that_was_lost_on_its_way_is_an_error_with_the_reason() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let master = in_front_of(&cluster).await;
    master.react(Type::Accept, Reaction::respond(500, "a proxy broke"));
    let end = User::new()
        .outcome(&["run", "--master", &master.url(), "true"])
        .await;
    assert_eq!(end.code, Some(125), "{end:?}");
    assert!(end.stderr.contains("error:"), "{end:?}");
    assert!(end.stderr.contains("a proxy broke"), "{end:?}");
}

#[tokio::test]
async fn a_connection_that_breaks_at_the_launch_ends_the_program_with_the_reason() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let master = in_front_of(&cluster).await;
    master.react(Type::Accept, Reaction::ExecuteAndClose);
    let end = User::new()
        .outcome(&["run", "--master", &master.url(), "sleep 1000"])
        .await;
    // The master removes a framework without a failover timeout when its connection ends.
    assert_eq!(end.code, Some(125), "{end:?}");
    assert!(
        end.stderr.contains("the peer closed the connection"),
        "{end:?}"
    );
    assert!(end.stderr.contains("Framework has been removed"), "{end:?}");
}

#[tokio::test]
async fn a_kill_that_is_refused_for_now_is_repeated() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let master = in_front_of(&cluster).await;
    let mark = format!("{}", 5_000_000 + std::process::id());
    let command = format!("sleep {mark}");
    let mut run = User::new().start(&["run", "--master", &master.url(), &command]);
    run.prints("TASK_RUNNING").await;
    master.react(
        Type::Kill,
        Reaction::respond(503, "the master is overloaded"),
    );
    run.interrupt();
    run.prints("TASK_KILLED").await;
    assert_eq!(run.exit_code().await, Some(130));
    ended_with_argument(&mark).await;
}

#[tokio::test]
async fn a_task_on_an_agent_without_a_url_runs_without_its_output() {
    let agent = Agent::new("a1");
    let master = FakeMaster::builder().agent(agent);
    let master = master
        .tasks(|_| Behavior::finishes())
        .start()
        .await
        .unwrap();
    let end = User::new()
        .outcome(&["run", "--master", &master.url(), "true"])
        .await;
    assert_eq!(end.code, Some(0), "{end:?}");
    assert!(end.stderr.contains("cannot read the output"), "{end:?}");
}

#[tokio::test]
async fn the_exit_code_is_that_of_the_task_if_its_agent_cannot_be_reached() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let master = FakeMaster::scripted().await.unwrap();
    let url = master.url();
    let mut run = User::new().start(&["run", "--master", &url, "true"]);
    let stream = master.expect_stream().await;
    let resources = [Resource::scalar("cpus", 1.0), Resource::scalar("mem", 64.0)];
    let offer = Offer {
        url: Some(Url {
            scheme: "http".to_owned(),
            address: v1::Address {
                ip: Some(address.ip().to_string()),
                port: address.port().into(),
                ..Default::default()
            },
            ..Default::default()
        }),
        ..events::offer("o1", "a1", "*", resources)
    };
    stream.send(events::offers([offer]));
    let call = master.expect(Type::Accept).await.into_call();
    let launch = call.accept.unwrap().operations[0].launch.clone().unwrap();
    let id = launch.task_infos[0].task_id.clone();
    for state in [TaskState::TaskRunning, TaskState::TaskFailed] {
        let status =
            TaskStatus::new(id.clone(), state).with_message("Command exited with status 9");
        stream.send(events::update(status));
    }
    run.prints(&format!(
        "cannot read the output of the task: cannot connect to http://{address}"
    ))
    .await;
    assert_eq!(run.exit_code().await, Some(9));
}
