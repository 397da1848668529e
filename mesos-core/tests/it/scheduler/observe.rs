//! Tests of spans and metrics.

use std::cell::RefCell;
use std::collections::BTreeMap;

use mesos_core::metrics as names;
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, Registry};

use super::*;

thread_local! {
    /// The lines of this thread, which runs one test.
    static LINES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Records each event with its spans, outermost first. Global, because tracing
/// caches for each callsite whether it is enabled: another thread without a
/// subscriber could disable it.
struct RecordLines;

/// The fields of a span or event, as text.
#[derive(Default)]
struct Fields(Vec<String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.push(format!("{}={value:?}", field.name()));
    }
}

impl<S: tracing::Subscriber + for<'a> LookupSpan<'a>> Layer<S> for RecordLines {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let span = context.span(id).unwrap();
        span.extensions_mut().insert(fields);
    }

    fn on_event(&self, event: &tracing::Event<'_>, context: Context<'_, S>) {
        let mut line = String::new();
        let scope = context.event_scope(event).map(|scope| scope.from_root());
        for span in scope.into_iter().flatten() {
            let extensions = span.extensions();
            let fields = extensions.get::<Fields>().unwrap().0.join(" ");
            line += &format!("{}{{{fields}}}: ", span.name());
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        line += &fields.0.join(" ");
        LINES.with_borrow_mut(|lines| lines.push(line));
    }
}

/// Starts recording events. The first test that runs installs the subscriber.
fn record_events() {
    static INSTALLED: std::sync::Once = std::sync::Once::new();
    INSTALLED.call_once(|| {
        tracing::subscriber::set_global_default(Registry::default().with(RecordLines)).unwrap();
    });
}

/// The first line that contains all parts.
#[track_caller]
fn line_with(parts: &[&str]) -> String {
    let lines = LINES.with_borrow(Clone::clone);
    let has = |line: &&String| parts.iter().all(|part| line.contains(part));
    match lines.iter().find(has) {
        Some(line) => line.clone(),
        None => panic!("no line contains {parts:?}: {lines:#?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn spans_have_the_id_of_a_task_from_its_offer_to_its_acknowledgement() {
    record_events();
    let deferred: Arc<Mutex<Option<Acknowledgement>>> = Arc::default();
    let store = Arc::clone(&deferred);
    let recording = Recording {
        hold_offers: true,
        ..Recording::with_update(move |update| {
            tracing::info!("in the handler");
            if update.task_id == "t2" {
                *store.lock().unwrap() = update.defer();
            }
            Ok(())
        })
    };
    let (driver, _peer, session) = start(&recording).await;
    session.send(offers(&[("o1", "a1")])).await;
    settle(&recording, &session).await;
    let task = |id: &str| TaskInfo {
        task_id: id.into(),
        ..Default::default()
    };
    let launch = driver.launch(recording.pop_offer(), [task("t1"), task("t2")]);
    let (launched, _) = tokio::join!(launch, session.call());
    launched.unwrap();
    for id in ["t1", "t2"] {
        session.send(update(id, Some(b"0123456789abcdef"))).await;
    }
    session.call().await;
    settle(&recording, &session).await;
    let token = deferred.lock().unwrap().take().expect("a token");
    let (acknowledged, _) = tokio::join!(token.acknowledge(), session.call());
    acknowledged.unwrap();

    for id in ["t1", "t2"] {
        let id = format!("task_id={id}");
        let launching = line_with(&["accept{offer_ids=\"o1\"}", "launching", &id]);
        assert!(launching.contains("agent_id=\"a1\""), "{launching}");
        let handler = line_with(&["update{", &id, "in the handler"]);
        assert!(handler.contains("state=\"TASK_RUNNING\""), "{handler}");
        let acknowledged = line_with(&["acknowledge{", &id, "accepted"]);
        assert!(acknowledged.contains("agent_id=agent"), "{acknowledged}");
    }
}

/// The metrics by name and labels, without the label `framework`.
fn measured(snapshotter: &Snapshotter) -> BTreeMap<String, DebugValue> {
    let snapshot = snapshotter.snapshot().into_vec();
    let by_name = snapshot.into_iter().map(|(key, _, _, value)| {
        let (_, key) = key.into_parts();
        let (name, labels) = key.into_parts();
        let mut shown = name.as_str().to_owned();
        for label in &labels {
            match label.key() {
                "framework" => assert_eq!(label.value(), "test", "{shown}"),
                other => shown += &format!(" {other}={}", label.value()),
            }
        }
        (shown, value)
    });
    by_name.collect()
}

#[tokio::test(start_paused = true)]
async fn metrics_have_their_documented_names() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _local = metrics::set_default_local_recorder(&recorder);
    let deferred: Arc<Mutex<Vec<Acknowledgement>>> = Arc::default();
    let store = Arc::clone(&deferred);
    let recording = Recording {
        hold_offers: true,
        ..Recording::with_update(move |update| match update.task_id.value.as_str() {
            "bad" => Err("no".into()),
            "late" => {
                store.lock().unwrap().extend(update.defer());
                Ok(())
            }
            _ => Ok(()),
        })
    };
    let (driver, mut peer, session) = start(&recording).await;
    session
        .send(offers(&[("o1", "a"), ("o2", "a"), ("o3", "a")]))
        .await;
    settle(&recording, &session).await;
    drop(recording.pop_offer());
    session.call().await;
    for id in ["good", "bad", "late"] {
        session.send(update(id, Some(b"0123456789abcdef"))).await;
    }
    session.call().await;
    settle(&recording, &session).await;
    let refuse = async {
        let (_, answer) = session.unanswered().await;
        answer.send(Err(Error::new(ErrorKind::Rejected, "400: no")));
    };
    let (refused, ()) = tokio::join!(driver.kill("t"), refuse);
    refused.unwrap_err();
    driver
        .reconcile_until_answered([("lost".into(), None)])
        .unwrap();
    session.call().await;
    settle(&recording, &session).await;

    use DebugValue::{Counter, Gauge};
    let now = measured(&snapshotter);
    for (name, value) in [
        (format!("{} type=OFFERS", names::EVENTS), Counter(1)),
        (format!("{} type=UPDATE", names::EVENTS), Counter(3)),
        (names::QUEUED.to_owned(), Gauge(0.0.into())),
        (
            format!("{} type=DECLINE outcome=accepted", names::CALLS),
            Counter(1),
        ),
        (
            format!("{} type=ACKNOWLEDGE outcome=accepted", names::CALLS),
            Counter(1),
        ),
        (
            format!("{} type=KILL outcome=refused", names::CALLS),
            Counter(1),
        ),
        (
            format!("{} type=RECONCILE outcome=accepted", names::CALLS),
            Counter(1),
        ),
        (format!("{} step=received", names::UPDATES), Counter(3)),
        (format!("{} step=handled", names::UPDATES), Counter(2)),
        (format!("{} step=failed", names::UPDATES), Counter(1)),
        (format!("{} step=acknowledged", names::UPDATES), Counter(1)),
        (names::DEFERRED.to_owned(), Gauge(1.0.into())),
        (names::OFFERS.to_owned(), Gauge(2.0.into())),
        (names::OFFERS_UNUSED.to_owned(), Counter(1)),
        (names::RECONCILING.to_owned(), Gauge(1.0.into())),
        (names::SUBSCRIBED.to_owned(), Gauge(1.0.into())),
        (format!("{} again=false", names::SUBSCRIPTIONS), Counter(1)),
    ] {
        assert_eq!(now.get(&name), Some(&value), "{name} in {now:#?}");
    }
    for (name, times) in [
        (format!("{} handler=update", names::HANDLER_SECONDS), 3),
        (format!("{} type=KILL", names::CALL_SECONDS), 1),
        (names::UNSUBSCRIBED_SECONDS.to_owned(), 1),
    ] {
        match now.get(&name) {
            Some(DebugValue::Histogram(values)) => assert_eq!(values.len(), times, "{name}"),
            other => panic!("{name}: {other:?}"),
        }
    }
    assert_eq!(driver.health().deferred, 1);

    session.fail(lost()).await;
    let attempt = peer.attempt().await;
    let now = measured(&snapshotter);
    assert_eq!(now[names::SUBSCRIBED], Gauge(0.0.into()));
    assert_eq!(now[names::OFFERS], Gauge(0.0.into()));
    let name = format!("{} reason=Transport", names::DISCONNECTS);
    assert_eq!(now[&name], Counter(1));
    tokio::time::advance(Duration::from_secs(60)).await;
    let session = attempt.grant();
    session.send(subscribed("f1")).await;
    settle(&recording, &session).await;
    deferred.lock().unwrap().clear();
    let now = measured(&snapshotter);
    assert_eq!(now[names::DEFERRED], Gauge(0.0.into()));
    assert_eq!(
        now[&format!("{} again=true", names::SUBSCRIPTIONS)],
        Counter(1)
    );
    match &now[names::UNSUBSCRIBED_SECONDS] {
        DebugValue::Histogram(values) => {
            let outage = values.last().unwrap().into_inner();
            assert!((60.0..61.0).contains(&outage), "{outage}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(driver.health().deferred, 0);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_does_not_return_is_warned_about_by_its_name() {
    record_events();
    let recording = Recording::new();
    let (driver, _peer, session) = start(&recording).await;
    session.send(update("hang", None)).await;
    recording.wait_for("update hang").await;
    tokio::time::sleep(Duration::from_secs(16)).await; // sleep: virtual time for the warning
    line_with(&["handler=\"update\"", "the handler has not returned"]);
    assert_eq!(driver.health().handler, Some("update"));
}

#[tokio::test(start_paused = true)]
async fn offers_that_are_held_for_over_a_minute_are_warned_about() {
    record_events();
    let recording = holding_offers();
    let (driver, _peer, session) = start(&recording).await;
    session.send(offers(&[("o1", "a"), ("o2", "b")])).await;
    settle(&recording, &session).await;
    assert_eq!(driver.health().offers_held, 2);
    tokio::time::sleep(Duration::from_secs(66)).await; // sleep: virtual time for the warning
    line_with(&["offers=2", "held for over a minute"]);
}

#[tokio::test(start_paused = true)]
async fn a_driver_that_failed_is_logged_with_its_error() {
    record_events();
    let (driver, _peer, session) = start(&Recording::with_update(|_| panic!("boom"))).await;
    session.send(update("t1", None)).await;
    end_of(&driver).await.unwrap_err();
    line_with(&["driver ended", "error=the handler `update` panicked: boom"]);
}

#[tokio::test(start_paused = true)]
async fn failed_acknowledgements_are_warned_about_at_most_once_a_minute() {
    record_events();
    let (_driver, _peer, session) = start(&Recording::new()).await;
    let fail = async || {
        session.send(update("t1", Some(b"0123456789abcdef"))).await;
        let (_, answer) = session.unanswered().await;
        answer.send(Err(Error::new(ErrorKind::Forbidden, "403: no")));
        tokio::time::sleep(Duration::from_secs(1)).await; // sleep: virtual time
    };
    for _ in 0..3 {
        fail().await;
    }
    let text = "an acknowledgement failed";
    line_with(&[text, "403: no"]);
    let count = || LINES.with_borrow(|lines| lines.iter().filter(|l| l.contains(text)).count());
    assert_eq!(count(), 1);
    tokio::time::sleep(Duration::from_secs(60)).await; // sleep: virtual time
    fail().await;
    line_with(&[text, "failures=3"]);
}
