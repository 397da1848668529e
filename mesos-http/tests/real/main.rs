//! The backend with a real Mesos.

#![allow(clippy::unwrap_used)]

mod certificates;
mod ipv6;
#[path = "../it/loopback.rs"]
mod loopback;
mod operator;
mod operator_state;
mod sandbox;
mod security;

use std::sync::Arc;
use std::time::Duration;

use mesos_core::backend::{Backend, ExecutorApi, Incoming, SchedulerApi, Subscription};
use mesos_core::{Delivery, Error, ErrorKind, Result};
use mesos_http::{Codec, Endpoint, HttpBackend, OperatorClient, files};
use mesos_local::LocalCluster;
use mesos_local::testing::require_real;
use mesos_proto::v1::scheduler::{Call, Event, call, event};
use mesos_proto::v1::{CommandInfo, FrameworkId, FrameworkInfo, OfferId, TaskId, TaskInfo};
use mesos_proto::v1::{agent, executor, master, offer};
use tokio::time::timeout;

/// A test that hangs fails after this time. A real Mesos answers at once.
const PATIENCE: Duration = Duration::from_secs(60);

async fn cluster() -> Option<LocalCluster> {
    require_real(LocalCluster::builder().start().await)
}

fn backend(cluster: &LocalCluster) -> HttpBackend {
    HttpBackend::new(cluster.master_url().parse().unwrap())
}

fn agent(cluster: &LocalCluster) -> Endpoint {
    cluster.agent_url(1).parse().unwrap()
}

fn a_call(r#type: call::Type, framework: &FrameworkId) -> Call {
    Call {
        r#type: Some(r#type.into()),
        framework_id: Some(framework.clone()),
        ..Default::default()
    }
}

fn subscribe_call(framework: Option<FrameworkId>) -> Call {
    let mut info = FrameworkInfo::new("root", "mesos-http's tests");
    info.failover_timeout = Some(600.0);
    info.id = framework.clone();
    Call {
        r#type: Some(call::Type::Subscribe.into()),
        framework_id: framework,
        subscribe: Some(call::Subscribe {
            framework_info: info,
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn kill(framework: &FrameworkId, task: &str) -> Call {
    Call {
        kill: Some(call::Kill {
            task_id: TaskId {
                value: task.to_owned(),
            },
            ..Default::default()
        }),
        ..a_call(call::Type::Kill, framework)
    }
}

/// The next event of `wanted` type.
async fn next(subscription: &mut Subscription<SchedulerApi>, wanted: event::Type) -> Event {
    let looking = async {
        loop {
            match subscription.events.next().await.unwrap() {
                Incoming::Event(event, _) if event.r#type() == wanted => return *event,
                Incoming::Event(..) => {}
                other => panic!("{other:?}"),
            }
        }
    };
    match timeout(PATIENCE, looking).await {
        Ok(event) => event,
        Err(_) => panic!("no {wanted:?}"),
    }
}

/// Waits until there has been an event of each type.
async fn next_of_each<const N: usize>(
    subscription: &mut Subscription<SchedulerApi>,
    wanted: [event::Type; N],
) {
    let mut missing = wanted.to_vec();
    let looking = async {
        while !missing.is_empty() {
            if let Incoming::Event(event, _) = subscription.events.next().await.unwrap() {
                missing.retain(|wanted| event.r#type() != *wanted);
            }
        }
    };
    let found = timeout(PATIENCE, looking).await;
    assert!(found.is_ok(), "no {missing:?}");
}

/// The end of the subscription.
async fn end(subscription: &mut Subscription<SchedulerApi>) -> Error {
    let ending = async {
        loop {
            if let Err(error) = subscription.events.next().await {
                return error;
            }
        }
    };
    timeout(PATIENCE, ending).await.expect("the stream goes on")
}

async fn subscribe(
    backend: &HttpBackend,
    framework: Option<FrameworkId>,
) -> (Subscription<SchedulerApi>, FrameworkId) {
    let mut subscription = backend.subscribe(subscribe_call(framework)).await.unwrap();
    let subscribed = next(&mut subscription, event::Type::Subscribed)
        .await
        .subscribed
        .unwrap();
    (subscription, subscribed.framework_id)
}

async fn refused(backend: &HttpBackend, call: Call) -> Error {
    let attempt = Backend::<SchedulerApi>::subscribe(backend, call);
    timeout(PATIENCE, attempt)
        .await
        .expect("no answer")
        .unwrap_err()
}

async fn send(subscription: &Subscription<SchedulerApi>, call: Call) -> Result<()> {
    let answer = subscription.calls.send(call).await?;
    timeout(PATIENCE, answer).await.expect("no answer")
}

#[tokio::test]
async fn both_codecs_subscribe_make_calls_and_tear_down() {
    let Some(cluster) = cluster().await else {
        return;
    };
    for codec in [Codec::Protobuf, Codec::Json] {
        let backend = backend(&cluster).codec(codec);
        let (mut subscription, id) = subscribe(&backend, None).await;
        // Two processes of the master send these, in either order.
        next_of_each(
            &mut subscription,
            [event::Type::Heartbeat, event::Type::Offers],
        )
        .await;

        // The answer is that of an explicit reconciliation, since the task does not exist.
        send(&subscription, kill(&id, "no such task"))
            .await
            .unwrap();
        let update = next(&mut subscription, event::Type::Update)
            .await
            .update
            .unwrap();
        assert_eq!(update.status.task_id.value, "no such task");

        // The stream may end before TEARDOWN is answered.
        send(&subscription, a_call(call::Type::Teardown, &id))
            .await
            .unwrap();
        assert_eq!(end(&mut subscription).await.kind(), ErrorKind::Transport);
    }
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn a_subscription_that_was_taken_over_makes_no_more_calls() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let backend = backend(&cluster);
    let (mut old, id) = subscribe(&backend, None).await;
    let (new, same) = subscribe(&backend, Some(id.clone())).await;
    assert_eq!(id, same);

    let error = next(&mut old, event::Type::Error).await.error.unwrap();
    assert_eq!(error.message, "Framework failed over");
    assert_eq!(end(&mut old).await.kind(), ErrorKind::Transport);
    let error = send(&old, kill(&id, "t")).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.delivery()),
        (ErrorKind::NotSubscribed, Delivery::NotSent)
    );
    send(&new, kill(&id, "t")).await.unwrap();
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn refusals_of_a_real_mesos_have_the_documented_kinds() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let backend = backend(&cluster);
    let (subscription, id) = subscribe(&backend, None).await;

    let error = send(&subscription, a_call(call::Type::Kill, &id))
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.delivery()),
        (ErrorKind::Rejected, Delivery::Refused)
    );
    assert_eq!(
        error.to_string(),
        format!(
            "{} answered KILL with 400 Bad Request: Failed to validate scheduler::Call: \
             Expecting 'kill' to be present",
            cluster.master_url()
        )
    );

    // A refused call does not affect the subscription.
    send(&subscription, kill(&id, "t")).await.unwrap();

    let stranger = FrameworkId {
        value: "stranger".to_owned(),
    };
    let error = send(&subscription, kill(&stranger, "t")).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.status()),
        (ErrorKind::NotSubscribed, Some(400))
    );
    // A master that does not know the framework does not know its subscription.
    let error = send(&subscription, kill(&id, "t")).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.delivery()),
        (ErrorKind::NotSubscribed, Delivery::NotSent)
    );

    let mut call = subscribe_call(None);
    call.framework_id = Some(stranger);
    let error = refused(&backend, call).await;
    assert_eq!(
        (error.kind(), error.status()),
        (ErrorKind::Rejected, Some(400))
    );

    let wrong: Endpoint = format!("http://127.0.0.1:{}/no/such", cluster.port())
        .parse()
        .unwrap();
    let error = refused(
        &HttpBackend::new(wrong.clone().into()),
        subscribe_call(None),
    )
    .await;
    assert_eq!(
        (error.kind(), error.status()),
        (ErrorKind::Unavailable, Some(404))
    );

    let error = refused(
        &HttpBackend::new(agent(&cluster).into()),
        subscribe_call(None),
    )
    .await;
    assert_eq!(
        (error.kind(), error.status()),
        (ErrorKind::Rejected, Some(400)),
        "an agent"
    );

    let call = executor::Call {
        r#type: Some(executor::call::Type::Subscribe.into()),
        framework_id: id,
        executor_id: "nobody".into(),
        subscribe: Some(executor::call::Subscribe::default()),
        ..Default::default()
    };
    let error = Backend::<ExecutorApi>::subscribe(&HttpBackend::new(agent(&cluster).into()), call)
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.status()),
        (ErrorKind::Rejected, Some(400)),
        "{error}"
    );

    // The operator API distinguishes a missing file from a missing API.
    let client = OperatorClient::for_endpoint(agent(&cluster));
    let error = files::list(&client, "/no/such").await.unwrap_err();
    assert_eq!(
        (error.kind(), error.status()),
        (ErrorKind::Rejected, Some(404))
    );
    assert_eq!(
        files::Follow::new(client, "/no/such").read().await.unwrap(),
        ""
    );
    let error = files::Follow::new(OperatorClient::for_endpoint(wrong), "/no/such")
        .read()
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.status()),
        (ErrorKind::Unavailable, Some(404))
    );
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn the_operator_api_answers_in_both_codecs() {
    let Some(cluster) = cluster().await else {
        return;
    };
    for codec in [Codec::Protobuf, Codec::Json] {
        let master = OperatorClient::new(cluster.master_url().parse().unwrap()).codec(codec);
        let call = master::Call {
            r#type: Some(master::call::Type::GetVersion.into()),
            ..Default::default()
        };
        let answer = master
            .call_master(&call)
            .await
            .unwrap()
            .get_version
            .unwrap();
        assert_eq!(answer.version_info.version, "1.11.0");

        let client = OperatorClient::for_endpoint(agent(&cluster)).codec(codec);
        let call = agent::Call {
            r#type: Some(agent::call::Type::GetHealth.into()),
            ..Default::default()
        };
        assert!(
            client
                .call_agent(&call)
                .await
                .unwrap()
                .get_health
                .unwrap()
                .healthy
        );
    }
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn the_output_of_a_task_is_read_from_before_it_runs_until_it_ends_and_afterwards() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let (mut subscription, id) = subscribe(&backend(&cluster), None).await;
    let offers = next(&mut subscription, event::Type::Offers)
        .await
        .offers
        .unwrap();
    let offer = &offers.offers[0];
    let agent = Endpoint::try_from(offer.url.as_ref().unwrap()).unwrap();
    let sandbox = files::sandbox(&id, &"t".into());
    let client = Arc::new(backend(&cluster).operator_at(agent));
    let output = || files::Output::new(Arc::clone(&client), &id, &"t".into());
    let mut early = output();

    let task = TaskInfo::builder("t")
        .id("t")
        .agent(offer.agent_id.clone())
        .cpus(0.1)
        .mem(32.0)
        .command(CommandInfo::sh(
            "for n in 1 2 3; do echo line-$n; sleep 0.3; done; printf end; echo error >&2",
        ))
        .build();
    send(&subscription, accept(&id, offer.id.clone(), task))
        .await
        .unwrap();
    for output in [&mut early, &mut output()] {
        let mut lines = Vec::new();
        let reading = async {
            while let Some(line) = output.next().await.unwrap() {
                lines.push((line.stream, line.text));
            }
        };
        timeout(PATIENCE, reading).await.expect("the task's end");
        let of = |stream| -> Vec<&str> {
            let lines = lines.iter().filter(|line| line.0 == stream);
            lines.map(|line| line.1.as_str()).collect()
        };
        // Mesos' own executor writes to both as well.
        let stdout = of(files::Stream::Stdout);
        for line in ["line-1", "line-2", "line-3"] {
            assert!(stdout.contains(&line), "{stdout:?}");
        }
        assert!(
            stdout.iter().any(|line| line.starts_with("end")),
            "{stdout:?}"
        );
        let stderr = of(files::Stream::Stderr);
        assert!(stderr.contains(&"error"), "{stderr:?}");
    }
    let listed = files::list(&client, &sandbox).await.unwrap();
    assert!(
        listed.iter().any(|file| file.path.ends_with("/stdout")),
        "{listed:?}"
    );
    cluster.stop().await.unwrap();
}

fn accept(framework: &FrameworkId, offer: OfferId, task: TaskInfo) -> Call {
    Call {
        accept: Some(call::Accept {
            offer_ids: vec![offer],
            operations: vec![offer::Operation {
                r#type: Some(offer::operation::Type::Launch.into()),
                launch: Some(offer::operation::Launch {
                    task_infos: vec![task],
                }),
                ..Default::default()
            }],
            ..Default::default()
        }),
        ..a_call(call::Type::Accept, framework)
    }
}
