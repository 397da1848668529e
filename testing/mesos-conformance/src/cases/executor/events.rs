//! The events of an executor, and the results of its handlers.

use bytes::Bytes;
use mesos_core::ErrorKind;
use mesos_proto::v1::TaskState::{TaskFailed, TaskFinished, TaskRunning};
use mesos_proto::v1::executor::Event;
use mesos_proto::v1::executor::call::Type;
use mesos_proto::v1::{DurationInfo, KillPolicy};

use super::{Subscribed, agent, launched, status, task, times};
use crate::stage::Stage;
use crate::steps::{must, must_fail};
use mesos_testing::{Handler, Outcome, RecordedExecutorEvent, executor_events as events};

pub(in crate::cases) async fn queued_tasks_and_groups_are_launched(stage: Stage) {
    let agent = stage.agent(agent()).await;
    agent.launch(task("a"));
    agent.launch_group([task("b"), task("c")]);
    let recorder = stage.executor_recorder();
    let _driver = stage.start_executor(agent.environment(), &recorder);
    assert_eq!(launched(&recorder).await, task("a"));
    let wanted =
        |event: &RecordedExecutorEvent| matches!(event, RecordedExecutorEvent::LaunchGroup(_));
    let RecordedExecutorEvent::LaunchGroup(group) = recorder.expect("a group", wanted).await else {
        unreachable!("it was just found");
    };
    assert_eq!(group.tasks, [task("b"), task("c")]);
}

pub(in crate::cases) async fn a_failed_launch_handler_reports_its_tasks_as_failed(stage: Stage) {
    let Subscribed {
        agent, recorder, ..
    } = stage.executor(agent()).await;
    recorder.plan(Handler::Launch, Outcome::Fail("no such program".to_owned()));
    recorder.plan(Handler::LaunchGroup, Outcome::Fail("no groups".to_owned()));
    agent.launch(task("a"));
    agent.launch_group([task("b"), task("c")]);
    for (id, why) in [
        ("a", "no such program"),
        ("b", "no groups"),
        ("c", "no groups"),
    ] {
        let failed = agent.expect_update(TaskFailed).await;
        assert_eq!(failed.task_id, id);
        let message = failed.message.unwrap_or_default();
        assert!(message.ends_with(why), "{message}");
    }
}

pub(in crate::cases) async fn a_failed_handler_does_not_stop_the_driver(stage: Stage) {
    let Subscribed {
        agent,
        recorder,
        driver,
        ..
    } = stage.executor(agent()).await;
    for handler in [Handler::Kill, Handler::Message, Handler::Acknowledged] {
        recorder.plan(handler, Outcome::Fail("oh".to_owned()));
    }
    agent.kill("t", None);
    agent.message("m");
    must(driver.send_update(status("t", TaskRunning)).await);
    must(driver.send_update(status("t", TaskFinished)).await);
    agent.expect_update(TaskFinished).await;
    driver.stop();
    must(driver.join().await);
    assert_eq!(times(&recorder, "acknowledged t"), 2);
}

pub(in crate::cases) async fn a_panic_in_an_executor_handler_stops_the_driver(stage: Stage) {
    let Subscribed {
        agent,
        recorder,
        driver,
        stream,
    } = stage.executor(agent()).await;
    recorder.plan(Handler::Kill, Outcome::Panic("a bug".to_owned()));
    agent.kill("t", None);
    let error = must_fail(driver.join().await);
    assert_eq!(error.kind(), ErrorKind::Panicked);
    assert!(error.to_string().ends_with("a bug"), "{error}");
    stream.closed().await;
}

pub(in crate::cases) async fn every_kill_is_delivered_with_its_policy(stage: Stage) {
    let Subscribed {
        agent, recorder, ..
    } = stage.executor(agent()).await;
    let policy = |nanoseconds| KillPolicy {
        grace_period: Some(DurationInfo { nanoseconds }),
    };
    for (kill_policy, event) in [
        (Some(policy(9_000_000_000)), Some(policy(9_000_000_000))),
        (Some(policy(1_000_000)), Some(policy(1_000_000))),
        (None, None),
    ] {
        agent.kill("t", kill_policy);
        let wanted =
            |event: &RecordedExecutorEvent| matches!(event, RecordedExecutorEvent::Kill(..));
        let RecordedExecutorEvent::Kill(task_id, found) = recorder.expect("kill", wanted).await
        else {
            unreachable!("it was just found");
        };
        assert_eq!((task_id.as_str(), found), ("t", event));
    }
}

pub(in crate::cases) async fn executor_messages_arrive_unchanged_in_both_directions(stage: Stage) {
    let Subscribed {
        agent,
        recorder,
        driver,
        ..
    } = stage.executor(agent()).await;
    let all: Vec<u8> = (0..=255).collect();
    for data in [Bytes::new(), Bytes::from(all)] {
        agent.message(data.clone());
        let wanted =
            |event: &RecordedExecutorEvent| matches!(event, RecordedExecutorEvent::Message(_));
        let RecordedExecutorEvent::Message(event) = recorder.expect("message", wanted).await else {
            unreachable!("it was just found");
        };
        assert_eq!(event, data);
        must(driver.send_message(data.clone()).await);
        let message = agent.expect(Type::Message).await.into_call().message;
        assert_eq!(message.unwrap_or_default().data, data);
    }
}

pub(in crate::cases) async fn an_unknown_executor_event_does_not_end_the_stream(stage: Stage) {
    let Subscribed {
        agent: _agent,
        recorder,
        stream,
        ..
    } = stage.executor(agent()).await;
    if stage.json() {
        stream.send_record(r#"{"type":"FROM_THE_FUTURE","future":{"x":1}}"#);
    } else {
        stream.send(Event {
            r#type: Some(4711),
            ..Default::default()
        });
    }
    stream.send(events::launch(task("t")));
    launched(&recorder).await;
    assert_eq!(times(&recorder, "unknown event"), 1);
    assert_eq!(times(&recorder, "disconnected"), 0);
}
