//! Recorders: the events that they record, and the outcomes of their handlers.

use mesos_core::backend::{
    Answer, Backend, Calls, EventStream, ExecutorApi, Incoming, Subscription,
};
use mesos_core::executor::ExecutorEnvironment;
use mesos_core::{Capabilities, ErrorKind, ExecutorDriver, Framework, Result, SchedulerDriver};
use mesos_http::HttpBackend;
use mesos_testing::v1::executor::{Call, Event, event};
use mesos_testing::v1::scheduler::call::Type;
use mesos_testing::v1::{TaskInfo, TaskState, TaskStatus};
use mesos_testing::{
    ExecutorRecorder, FakeMaster, Handler, Outcome, RecordedEvent, RecordedExecutorEvent, Recorder,
    events,
};
use std::sync::Arc;
use tokio::sync::{Mutex, mpsc};

async fn scheduler(recorder: &Recorder) -> (FakeMaster, SchedulerDriver) {
    let master = FakeMaster::scripted().await.unwrap();
    let backend = HttpBackend::new(master.url().parse().unwrap());
    let driver =
        SchedulerDriver::start(recorder.clone(), Framework::ephemeral("test"), backend).detach();
    recorder.subscribed().await;
    (master, driver)
}

fn running(task: &str) -> TaskStatus {
    events::from_agent("a", TaskStatus::new(task, TaskState::TaskRunning))
}

#[tokio::test]
async fn events_are_recorded_in_order() {
    let recorder = Recorder::new();
    let (master, _driver) = scheduler(&recorder).await;
    master.send(events::update(running("t")));
    master.send(events::rescind("o"));
    master.send(events::message("a", "e", &b"hi"[..]));
    master.send(events::agent_failure("a"));
    master.send(events::error("enough"));
    recorder
        .expect("the end", |event| matches!(event, RecordedEvent::Error(_)))
        .await;
    let lines: Vec<String> = recorder
        .events()
        .iter()
        .skip(1)
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        lines[..3],
        ["update t TaskRunning", "rescind o", "message of 2 bytes"]
    );
    assert!(lines[3].starts_with("Agent("), "{lines:?}");
    assert_eq!(lines[4..], ["error: enough"]);
    assert_eq!(
        recorder.states(),
        [("t".to_owned(), TaskState::TaskRunning)]
    );
}

#[tokio::test]
async fn each_call_of_a_handler_ends_as_planned() {
    let recorder = Recorder::new()
        .with(Handler::Update, Outcome::Fail("first".to_owned()))
        .with(Handler::Update, Outcome::Succeed);
    recorder.always(Handler::Update, Outcome::Defer);
    let (master, _driver) = scheduler(&recorder).await;
    let statuses: Vec<_> = (0..4).map(|number| running(&number.to_string())).collect();
    for status in &statuses {
        master.send(events::update(status.clone()));
    }
    for _ in &statuses {
        recorder.update(TaskState::TaskRunning).await;
    }
    let acknowledged = master.expect(Type::Acknowledge).await.into_call();
    let uuid = acknowledged.acknowledge.map(|acknowledge| acknowledge.uuid);
    assert_eq!(uuid, statuses[1].uuid);
    // A handler that waits at its gate runs after all earlier ones.
    let gate = recorder.hold(Handler::Rescind);
    master.send(events::rescind("o1"));
    master.send(events::rescind("o2"));
    let rescind = |event: &RecordedEvent| matches!(event, RecordedEvent::Rescind(_));
    recorder.expect("the first rescind", rescind).await;
    assert_eq!(recorder.deferred().len(), 2);
    assert_eq!(
        recorder
            .events()
            .iter()
            .filter(|event| rescind(event))
            .count(),
        1
    );
    gate.open();
    recorder.expect("the second rescind", rescind).await;
    assert_eq!(master.calls_of(Type::Acknowledge).len(), 1);
}

#[tokio::test]
async fn offers_are_held_until_they_are_taken() {
    let recorder = Recorder::new();
    let (master, driver) = scheduler(&recorder).await;
    master.send(events::offers([events::offer("o1", "a", "*", [])]));
    let event = recorder
        .expect("offers", |event| matches!(event, RecordedEvent::Offers(_)))
        .await;
    driver.revive().await.unwrap();
    assert_eq!(master.calls_of(Type::Decline), []);
    let RecordedEvent::Offers(offered) = event else {
        unreachable!()
    };
    assert_eq!(offered.messages[0].id, "o1");
    let offers = offered.take();
    assert_eq!((offers.len(), offered.take().len()), (1, 0));
    drop(offers);
    master.expect(Type::Decline).await;
}

/// An agent that sends its events once.
#[derive(Debug)]
struct Agent(Mutex<Option<mpsc::UnboundedReceiver<Event>>>);

struct Feed(mpsc::UnboundedReceiver<Event>);

struct Ignore;

#[async_trait::async_trait]
impl Backend<ExecutorApi> for Agent {
    fn name(&self) -> &'static str {
        "fed"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::all()
    }

    async fn subscribe(&self, _: Call) -> Result<Subscription<ExecutorApi>> {
        let feed = self.0.lock().await.take().expect("one subscription");
        Ok(Subscription::new(
            Feed(feed),
            Arc::new(Ignore),
            "the test".to_owned(),
        ))
    }
}

#[async_trait::async_trait]
impl EventStream<ExecutorApi> for Feed {
    async fn next(&mut self) -> Result<Incoming<ExecutorApi>> {
        match self.0.recv().await {
            Some(event) => Ok(Incoming::Event(Box::new(event), bytes::Bytes::new())),
            None => std::future::pending().await,
        }
    }
}

#[async_trait::async_trait]
impl Calls<ExecutorApi> for Ignore {
    async fn send(&self, _: Call) -> Result<Answer> {
        Ok(Answer::ready(Ok(())))
    }
}

#[tokio::test]
async fn an_executor_records_events_and_its_handlers_end_as_planned() {
    let event = |event_type: event::Type, body: &dyn Fn(&mut Event)| {
        let mut event = Event {
            r#type: Some(event_type.into()),
            ..Default::default()
        };
        body(&mut event);
        event
    };
    let variables = [
        ("MESOS_FRAMEWORK_ID", "f"),
        ("MESOS_EXECUTOR_ID", "e"),
        ("MESOS_SLAVE_PID", "slave(1)@127.0.0.1:5051"),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let environment = ExecutorEnvironment::parse(variables).unwrap();
    let (say, feed) = mpsc::unbounded_channel();
    let recorder = ExecutorRecorder::new();
    recorder.plan(Handler::Kill, Outcome::Panic("a bug".to_owned()));
    let agent = Agent(Mutex::new(Some(feed)));
    let driver = ExecutorDriver::start(recorder.clone(), environment, agent);
    say.send(event(event::Type::Subscribed, &|event| {
        event.subscribed = Some(event::Subscribed::default());
    }))
    .unwrap();
    say.send(event(event::Type::Launch, &|event| {
        event.launch = Some(event::Launch {
            task: TaskInfo::builder("t").id("t").build(),
        });
    }))
    .unwrap();
    say.send(event(event::Type::Kill, &|event| {
        event.kill = Some(event::Kill {
            task_id: "t".into(),
            ..Default::default()
        });
    }))
    .unwrap();
    let event = recorder
        .expect("the kill", |event| {
            matches!(event, RecordedExecutorEvent::Kill(..))
        })
        .await;
    assert_eq!(event.to_string(), "kill t");
    assert_eq!(driver.join().await.unwrap_err().kind(), ErrorKind::Panicked);
    let lines: Vec<String> = recorder.events().iter().map(ToString::to_string).collect();
    assert_eq!(lines, ["subscribed", "launch t", "kill t"]);
}
