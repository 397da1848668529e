//! Subscribing: the requests, and how long the driver retries.

use std::time::Duration;

use bytes::Bytes;
use mesos_core::executor::{ExecutorEnvironment, Token};
use mesos_core::{Delivery, ErrorKind, StopReason, error_chain};
use mesos_proto::v1::TaskState::{TaskFinished, TaskRunning};
use mesos_proto::v1::executor::call::Type;

use super::{Subscribed, agent, status, subscribed, times};
use crate::stage::Stage;
use crate::steps::{must, must_fail};
use mesos_testing::agent::{AgentPhase, When};
use mesos_testing::{FakeAgent, Reaction, executor_events as events};

/// Only in this phase the agent accepts a SUBSCRIBE, which has to arrive in time.
pub(in crate::cases) async fn a_recovering_agent_is_retried_within_its_reregistration_window(
    stage: Stage,
) {
    // After its restart an agent waits this long for its executors.
    let window = Duration::from_millis(400);
    let agent = stage.agent(agent().subscription_backoff_max(window)).await;
    for phase in [AgentPhase::Starting, AgentPhase::Recovering] {
        agent.set_phase(phase);
        let recorder = stage.executor_recorder();
        let driver = stage.start_executor(agent.environment(), &recorder);
        // More than enough for the delays to reach their maximum.
        for _ in 0..6 {
            agent.expect(Type::Subscribe).await;
        }
        agent.set_phase(AgentPhase::Reconnecting);
        let in_time = tokio::time::timeout(window, subscribed(&recorder)).await;
        assert!(in_time.is_ok(), "the window has passed");
        driver.abort();
        must(driver.join().await);
    }
}

pub(in crate::cases) async fn an_unreachable_agent_is_retried(stage: Stage) {
    let agent = stage.agent(agent()).await;
    agent.crash().await;
    let recorder = stage.executor_recorder();
    let _driver = stage.start_executor(agent.environment(), &recorder);
    let lost = |event: &mesos_testing::RecordedExecutorEvent| {
        matches!(event, mesos_testing::RecordedExecutorEvent::Disconnected(_))
    };
    recorder.expect("a failed attempt", lost).await;
    must(agent.recover().await);
    assert!(!subscribed(&recorder).await);
}

pub(in crate::cases) async fn shutdown_as_the_first_event_ends_the_executor_normally(stage: Stage) {
    let agent = stage.agent(agent()).await;
    agent.shut_down();
    let recorder = stage.executor_recorder();
    let driver = stage.start_executor(agent.environment(), &recorder);
    assert_eq!(must(driver.join().await), StopReason::ShutDown);
    let received: Vec<_> = recorder.events().iter().map(ToString::to_string).collect();
    assert_eq!(received, ["shutdown"]);
}

pub(in crate::cases) async fn every_request_carries_the_token_and_a_wrong_token_ends_the_executor(
    stage: Stage,
) {
    let guarded = agent().token("s3cret").token_of_another("other");
    let Subscribed { agent, driver, .. } = stage.executor(guarded).await;
    must(driver.send_update(status("t", TaskFinished)).await);
    agent.expect_update(TaskFinished).await;
    for request in agent.received() {
        assert_eq!(request.header("authorization"), Some("Bearer s3cret"));
    }
    driver.stop();
    must(driver.join().await);
    for (token, kind) in [
        (None, ErrorKind::Unauthorized),
        (Some("wrong"), ErrorKind::Unauthorized),
        (Some("other"), ErrorKind::Forbidden),
    ] {
        let mut environment = agent.environment();
        environment.token = token.map(Token::new);
        let recorder = stage.executor_recorder();
        let driver = stage.start_executor(environment, &recorder);
        let error = must_fail(driver.join().await);
        assert_eq!(error.kind(), kind, "{error}");
        let shown = format!("{error:?} {:?} {}", recorder.events(), error_chain(&error));
        assert!(
            !shown.contains("Bearer") || !shown.contains("wrong"),
            "{shown}"
        );
        assert_eq!(times(&recorder, "shutdown"), 1);
    }
}

#[cfg(unix)]
pub(in crate::cases) async fn an_agents_unix_socket_is_used_with_the_libprocess_path(stage: Stage) {
    let directory = must(tempfile::tempdir());
    let socket = directory.path().join("agent.sock");
    let agent = stage
        .agent(agent().unix_socket(&socket).token("s3cret"))
        .await;
    let mut environment = agent.environment();
    assert_eq!(environment.domain_socket.as_deref(), socket.to_str());
    // Nothing listens on this port.
    environment.agent_pid = "slave(1)@127.0.0.1:1".to_owned();
    let recorder = stage.executor_recorder();
    let driver = stage.start_executor(environment, &recorder);
    subscribed(&recorder).await;
    must(driver.send_update(status("t", TaskFinished)).await);
    agent.expect_update(TaskFinished).await;
    for request in agent.received() {
        assert_eq!(request.path, "/slave(1)/api/v1/executor");
        assert_eq!(request.header("authorization"), Some("Bearer s3cret"));
    }
    // The agent crashes and recovers with its socket.
    agent.crash().await;
    must(agent.recover().await);
    assert!(subscribed(&recorder).await);
    driver.stop();
    assert_eq!(must(driver.join().await), StopReason::Stopped);
}

#[cfg(not(unix))]
pub(in crate::cases) async fn an_agents_unix_socket_is_used_with_the_libprocess_path(_: Stage) {
    panic!("this platform has no unix sockets");
}

pub(in crate::cases) async fn the_environment_is_parsed_as_mesos_writes_it(stage: Stage) {
    let agent = stage.agent(agent()).await;
    let with = |changes: &[(&str, &str)]| {
        let mut variables = agent.variables();
        for (name, value) in changes {
            variables.retain(|(found, _)| found != name);
            variables.push(((*name).to_owned(), (*value).to_owned()));
        }
        ExecutorEnvironment::parse(variables)
    };
    let environment = must(with(&[
        ("MESOS_CHECKPOINT", "1"),
        ("MESOS_RECOVERY_TIMEOUT", "15mins"),
        ("MESOS_SUBSCRIPTION_BACKOFF_MAX", "1.5secs"),
    ]));
    assert!(environment.checkpoint);
    assert_eq!(environment.recovery_timeout, Duration::from_secs(900));
    assert_eq!(
        environment.subscription_backoff_max,
        Duration::from_millis(1500)
    );
    let recorder = stage.executor_recorder();
    stage.start_executor(environment, &recorder);
    subscribed(&recorder).await;
    let broken = with(&[
        ("MESOS_RECOVERY_TIMEOUT", "soon"),
        ("MESOS_EXECUTOR_ID", ""),
    ]);
    let faults = broken.err().map(|error| error.faults.len());
    assert_eq!(faults, Some(2));
}

pub(in crate::cases) async fn a_refused_subscription_ends_the_executor_with_the_agents_reason(
    stage: Stage,
) {
    for (status, words, kind) in [
        (400, "Executor cannot be found", ErrorKind::Rejected),
        (403, "no", ErrorKind::Forbidden),
        (406, "Expecting 'Accept'", ErrorKind::Rejected),
        (415, "Expecting 'Content-Type'", ErrorKind::Rejected),
    ] {
        let agent = stage.agent(agent()).await;
        agent.react_always(Type::Subscribe, Reaction::respond(status, words));
        let recorder = stage.executor_recorder();
        let driver = stage.start_executor(agent.environment(), &recorder);
        let error = must_fail(driver.join().await);
        assert_eq!(
            (error.kind(), error.status()),
            (kind, Some(status)),
            "{error}"
        );
        assert!(error.to_string().ends_with(words), "{error}");
        assert_eq!(
            (times(&recorder, "shutdown"), agent.received().len()),
            (1, 1)
        );
    }
}

pub(in crate::cases) async fn an_error_event_ends_the_executor_with_its_message(stage: Stage) {
    let Subscribed {
        agent: _agent,
        recorder,
        driver,
        stream,
        ..
    } = stage.executor(agent()).await;
    stream.send(events::error("no such executor"));
    let error = must_fail(driver.join().await);
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert!(error.to_string().ends_with("no such executor"), "{error}");
    let received: Vec<_> = recorder.events().iter().map(ToString::to_string).collect();
    assert_eq!(
        received,
        ["subscribed", "error: no such executor", "shutdown"]
    );
}

pub(in crate::cases) async fn a_server_that_is_not_an_agent_never_hangs_the_executor(stage: Stage) {
    let garbage = Reaction::Garble(Bytes::from_static(b"\x00\x01 no HTTP\r\n\r\n"));
    let html = Reaction::respond(200, "<html>");
    for reaction in [garbage, html, Reaction::Close, Reaction::respond(500, "")] {
        let agent = stage.agent(agent()).await;
        agent.react_always(When::any(), reaction);
        let recorder = stage.executor_recorder();
        let mut environment = agent.environment();
        environment.registration_timeout = Duration::from_millis(300);
        let driver = stage.start_executor(environment, &recorder);
        let error = must_fail(driver.join().await);
        assert_eq!(error.kind(), ErrorKind::RegistrationTimeout, "{error}");
        assert_ne!(
            error_chain(&error),
            error.to_string(),
            "why is in the causes"
        );
        assert!(agent.received().len() > 1, "it was tried again");
    }
}

pub(in crate::cases) async fn an_unreadable_stream_ends_the_subscription(stage: Stage) {
    for garbage in ["abc\n{}", "12\nshort", "3\n{]}", "99999999999\n"] {
        let stage = stage.tuned(|tuning| tuning.max_record_size = 10_000);
        let Subscribed {
            agent,
            recorder,
            driver,
            stream,
        } = stage.executor(agent()).await;
        stream.send_bytes(garbage);
        if garbage.ends_with("short") {
            stream.cut();
        }
        assert!(subscribed(&recorder).await, "{garbage:?}");
        must(driver.send_update(status("t", TaskRunning)).await);
        agent.expect_update(TaskRunning).await;
        assert_eq!(times(&recorder, "disconnected"), 1);
    }
}

pub(in crate::cases) async fn executor_events_are_decoded_across_any_chunk_boundaries(
    stage: Stage,
) {
    let Subscribed {
        agent: _agent,
        recorder,
        stream,
        ..
    } = stage.executor(agent()).await;
    stream.limit_chunks(3);
    for id in ["a", "b"] {
        stream.send(events::launch(super::task(id)));
        assert_eq!(super::launched(&recorder).await, super::task(id));
    }
    stream.cork();
    for id in ["c", "d"] {
        stream.send(events::launch(super::task(id)));
    }
    stream.uncork();
    for id in ["c", "d"] {
        assert_eq!(super::launched(&recorder).await, super::task(id));
    }
}

pub(in crate::cases) async fn silence_of_the_agent_does_not_end_the_subscription(stage: Stage) {
    let stage = stage.tuned(|tuning| {
        tuning.response_timeout = Duration::from_millis(100);
        tuning.missed_heartbeats = 1;
    });
    let Subscribed {
        agent,
        recorder,
        driver,
        ..
    } = stage
        .executor(agent().heartbeat(Duration::from_millis(20)))
        .await;
    let quiet = stage.executor(super::agent()).await;
    // sleep: there is no signal for an event that does not happen.
    tokio::time::sleep(Duration::from_millis(300)).await;
    for (agent, recorder, driver) in [
        (&agent, &recorder, &driver),
        (&quiet.agent, &quiet.recorder, &quiet.driver),
    ] {
        must(driver.send_update(status("t", TaskFinished)).await);
        agent.expect_update(TaskFinished).await;
        assert_eq!(times(recorder, "disconnected"), 0);
        assert_eq!(agent.calls_of(Type::Subscribe).len(), 1);
    }
}

pub(in crate::cases) async fn the_driver_resubscribes_when_the_agent_rejects_the_executor(
    stage: Stage,
) {
    for words in ["Executor is not subscribed", "Executor cannot be found"] {
        let Subscribed {
            agent,
            recorder,
            driver,
            ..
        } = stage.executor(agent()).await;
        let status_code = if words.ends_with("found") { 400 } else { 403 };
        agent.react(Type::Update, Reaction::respond(status_code, words));
        must(driver.send_update(status("t", TaskRunning)).await);
        assert!(subscribed(&recorder).await, "{words}");
        agent.expect_update(TaskRunning).await;
    }
}

pub(in crate::cases) async fn a_message_without_a_subscription_fails_at_once(stage: Stage) {
    let agent = FakeAgent::start().await;
    let agent = must(agent);
    agent.crash().await;
    let recorder = stage.executor_recorder();
    let driver = stage.start_executor(agent.environment(), &recorder);
    let error = must_fail(driver.send_message("lost").await);
    assert_eq!(
        (error.kind(), error.delivery()),
        (ErrorKind::NotSubscribed, Delivery::NotSent)
    );
}
