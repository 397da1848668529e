//! The load master, with the driver and with faulty clients.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use mesos_bench::flood::{self, Flood, Options, Report, Workload};
use mesos_core::scheduler::{StatusUpdate, Subscribed};
use mesos_core::{BackoffPolicy, Framework, HandlerResult, Scheduler, SchedulerDriver};
use mesos_http::{Codec, HttpBackend};
use mesos_local::LocalCluster;
use mesos_local::testing::require_real;
use mesos_proto::v1::FrameworkInfo;
use mesos_proto::v1::scheduler::{Call, call};
use prost::Message as _;

const FRAMEWORK: &str = "flooded";

/// Acknowledges updates and drops offers.
#[derive(Default)]
struct Acknowledging {
    reconciles: u32,
    uuids: Arc<Mutex<BTreeSet<Bytes>>>,
}

#[async_trait]
impl Scheduler for Acknowledging {
    async fn subscribed(&mut self, driver: &SchedulerDriver, _: Subscribed) -> HandlerResult {
        let task = |number| {
            (
                flood::task_id(number).into(),
                Some(flood::agent_id(0).into()),
            )
        };
        driver.reconcile_until_answered((0..self.reconciles).map(task))?;
        Ok(())
    }

    async fn update(&mut self, _: &SchedulerDriver, update: &StatusUpdate) -> HandlerResult {
        self.uuids
            .lock()
            .expect("no panic")
            .extend(update.uuid.clone());
        Ok(())
    }
}

async fn run(options: Options, codec: Codec, reconciles: u32) -> Report {
    let scheduler = Acknowledging {
        reconciles,
        ..Acknowledging::default()
    };
    play(options, codec, scheduler).await
}

async fn play(options: Options, codec: Codec, scheduler: Acknowledging) -> Report {
    let reconciles = scheduler.reconciles;
    let flood = Flood::start(options.idle_timeout(Duration::from_secs(30))).expect("a free port");
    let backend = HttpBackend::new(flood.url().parse().expect("an address")).codec(codec);
    let quick = BackoffPolicy::new(Duration::from_millis(10), Duration::from_millis(100));
    let framework = Framework::ephemeral("flooded").backoff(quick);
    let driver = SchedulerDriver::start(scheduler, framework, backend);
    if reconciles > 0 {
        driver.reconciled().await.expect("answers");
        driver.abort();
    }
    let report = tokio::task::spawn_blocking(|| flood.wait()).await;
    driver.abort();
    report.expect("no panic").expect("no trouble")
}

fn updates(updates: u64) -> Options {
    Options::new(Workload::Updates {
        tasks: 50,
        updates,
        window: 20,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_driver_acknowledges_every_update_correctly_and_in_order() {
    for codec in [Codec::Protobuf, Codec::Json] {
        let report = run(updates(500), codec, 0).await;
        assert!(report.complete, "{report}");
        assert_eq!((report.acknowledged, report.updates), (500, 500));
        assert_eq!((report.missing, report.wrong.total()), (0, 0), "{report}");
        assert_eq!(report.overtaken, 0, "{report}");
        assert_eq!(report.latency.count, 500);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delay_is_added_to_every_acknowledgement_and_loses_none() {
    let delay = Duration::from_millis(5);
    let report = run(updates(100).delay(delay), Codec::Protobuf, 0).await;
    assert!(report.complete, "{report}");
    assert_eq!((report.acknowledged, report.wrong.total()), (100, 0));
    // Half of the shortest possible round trip.
    assert!(report.latency.p50 >= 10_000, "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn offers_are_declined_and_the_update_after_them_is_acknowledged() {
    let workload = Workload::Offers {
        events: 20,
        offers: 30,
    };
    for codec in [Codec::Protobuf, Codec::Json] {
        let report = run(Options::new(workload), codec, 0).await;
        assert!(report.complete, "{report}");
        assert_eq!((report.offer_events, report.acknowledged), (20, 1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_task_of_a_reconciliation_is_answered() {
    let report = run(
        Options::new(Workload::Reconcile { tasks: 2500 }),
        Codec::Protobuf,
        2500,
    );
    let report = report.await;
    assert!(report.complete, "{report}");
    assert!(report.updates >= 2500, "{report}");
    assert!(report.calls["RECONCILE"] >= 3, "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_driver_resubscribes_after_each_failover() {
    let workload = Workload::Failover {
        times: 3,
        down: Duration::from_millis(20),
    };
    let report = run(Options::new(workload), Codec::Protobuf, 0).await;
    assert!(report.complete, "{report}");
    assert_eq!(
        (report.subscriptions, report.return_to_subscribe.count),
        (4, 3)
    );
}

/// The uuids of the updates of a workload with two tasks.
async fn uuids(codec: Codec) -> BTreeSet<Bytes> {
    let options = Options::new(Workload::Updates {
        tasks: 2,
        updates: 10,
        window: 2,
    });
    let scheduler = Acknowledging::default();
    let uuids = Arc::clone(&scheduler.uuids);
    let report = play(options, codec, scheduler).await;
    assert!(report.complete, "{report}");
    let sent = uuids.lock().expect("no panic").clone();
    assert_eq!(sent.len(), 10);
    sent
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_uuid_that_the_flood_sends_is_of_version_4() {
    for codec in [Codec::Protobuf, Codec::Json] {
        for sent in uuids(codec).await {
            let uuid = uuid::Uuid::from_slice(&sent).expect("16 bytes");
            assert_eq!(uuid.get_version_num(), 4, "{uuid}");
            assert_eq!(uuid.get_variant(), uuid::Variant::RFC4122, "{uuid}");
        }
    }
    let client = Client::subscribe(updates(1));
    let stream_id = uuid::Uuid::parse_str(&client.stream_id).expect("a uuid");
    assert_eq!(stream_id.get_version_num(), 4, "{stream_id}");
}

/// The C++ library checks its own calls with the function that the master uses
/// (`scheduler::call::validate` in src/master/validation.cpp), and drops the calls that the master
/// would refuse (src/scheduler/scheduler.cpp).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_mesos_accepts_an_acknowledgement_of_the_floods_updates() {
    let Some(cluster) = require_real(LocalCluster::builder().start().await) else {
        return;
    };
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, cluster.port()));
    let sent = uuids(Codec::Protobuf).await;
    let calls: Vec<Call> = sent.iter().map(|uuid| acknowledge(0, 0, uuid)).collect();
    let answers = tokio::task::spawn_blocking(move || {
        let (_events, stream_id) = subscribe(address);
        post(address, &stream_id, &calls)
    });
    let answers = answers.await.expect("no panic");
    assert_eq!(answers.matches("202 Accepted").count(), 10, "{answers}");
    cluster.stop().await.expect("stopped");
}

/// A client that makes one call after the other, on its own connections.
struct Client {
    flood: Flood,
    _events: TcpStream,
    stream_id: String,
}

impl Client {
    fn subscribe(options: Options) -> Self {
        let flood =
            Flood::start(options.idle_timeout(Duration::from_secs(2))).expect("a free port");
        let (events, stream_id) = subscribe(flood.address());
        Self {
            flood,
            _events: events,
            stream_id,
        }
    }

    fn call(&self, stream_id: &str, calls: &[Call]) -> String {
        post(self.flood.address(), stream_id, calls)
    }
}

/// Subscribes with a framework id that the client chooses. Returns the stream and its id.
fn subscribe(master: SocketAddr) -> (TcpStream, String) {
    let mut events = TcpStream::connect(master).expect("a connection");
    let mut info = FrameworkInfo::new("root", "flooded");
    info.id = Some(FRAMEWORK.into());
    let call = Call {
        r#type: Some(call::Type::Subscribe as i32),
        framework_id: Some(FRAMEWORK.into()),
        subscribe: Some(call::Subscribe {
            framework_info: info,
            ..Default::default()
        }),
        ..Default::default()
    };
    events.write_all(&request("", &call, false)).expect("sent");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        events.read_exact(&mut byte).expect("an answer");
        head.extend(byte);
    }
    let head = String::from_utf8(head).expect("text");
    let id = head.split("Mesos-Stream-Id: ").nth(1);
    let id = id.unwrap_or_else(|| panic!("no stream id in {head}"));
    let stream_id = id.split("\r\n").next().expect("a value").to_owned();
    (events, stream_id)
}

/// Pipelines the calls on one connection. Returns the responses as text.
fn post(master: SocketAddr, stream_id: &str, calls: &[Call]) -> String {
    let mut socket = TcpStream::connect(master).expect("a connection");
    let mut requests: Vec<u8> = Vec::new();
    for (place, call) in calls.iter().enumerate() {
        let close = place + 1 == calls.len();
        requests.extend(request(stream_id, call, close));
    }
    socket.write_all(&requests).expect("sent");
    let mut answers = String::new();
    socket.read_to_string(&mut answers).expect("answers");
    answers
}

/// `close` requests that the master closes the connection after its response.
fn request(stream_id: &str, call: &Call, close: bool) -> Vec<u8> {
    let body = call.encode_to_vec();
    let connection = if close { "close" } else { "keep-alive" };
    let id = match stream_id {
        "" => String::new(),
        id => format!("Mesos-Stream-Id: {id}\r\n"),
    };
    let mut request = format!(
        "POST /master/api/v1/scheduler HTTP/1.1\r\nHost: flood\r\nAccept: application/x-protobuf\r\n\
         Content-Type: application/x-protobuf\r\n{id}Connection: {connection}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend(body);
    request
}

fn acknowledge(task: u32, agent: u32, uuid: &[u8]) -> Call {
    Call {
        framework_id: Some(FRAMEWORK.into()),
        r#type: Some(call::Type::Acknowledge as i32),
        acknowledge: Some(call::Acknowledge {
            agent_id: flood::agent_id(agent).into(),
            task_id: flood::task_id(task).into(),
            uuid: Bytes::copy_from_slice(uuid),
        }),
        ..Default::default()
    }
}

#[test]
fn wrong_and_missing_acknowledgements_are_reported() {
    let client = Client::subscribe(updates(500));
    // The uuid of the first update of task 3, which is the fourth update.
    let fourth = b"\0\0\0\x03FLMD\x80\0\0\0\0\0\0\x04";
    let calls = [
        acknowledge(3, 3, b"0123456789abcdef"),
        acknowledge(4, 3, fourth),
        acknowledge(3, 4, fourth),
        acknowledge(3, 3, fourth),
        acknowledge(3, 3, fourth),
        acknowledge(2, 2, b"\0\0\0\x02FLMD\x80\0\0\0\0\0\0\x03"),
    ];
    let answers = client.call(&client.stream_id, &calls);
    assert_eq!(answers.matches("202 Accepted").count(), 6, "{answers}");
    let report = client.flood.wait().expect("no trouble");
    assert!(!report.complete);
    assert_eq!((report.acknowledged, report.missing), (2, 20));
    let wrong = report.wrong;
    assert_eq!(
        (wrong.uuid, wrong.task, wrong.agent, wrong.again),
        (1, 1, 1, 1)
    );
    assert_eq!(report.overtaken, 1);
}

#[test]
fn a_call_with_a_missing_or_wrong_stream_id_is_refused() {
    let client = Client::subscribe(updates(500));
    let call = acknowledge(0, 0, b"\0\0\0\0FLMD\x80\0\0\0\0\0\0\x01");
    let answers = client.call("", std::slice::from_ref(&call));
    assert!(answers.starts_with("HTTP/1.1 400"), "{answers}");
    let answers = client.call("another", std::slice::from_ref(&call));
    assert!(answers.starts_with("HTTP/1.1 400"), "{answers}");
    let report = client.flood.wait().expect("no trouble");
    assert_eq!((report.acknowledged, report.wrong.total()), (0, 0));
    assert_eq!(report.refused.values().sum::<u64>(), 2);
}

#[test]
fn the_cpu_time_of_a_process_grows_with_its_work() {
    let me = std::process::id();
    let before = flood::cpu_of(me).expect("this process");
    let began = std::time::Instant::now();
    while flood::cpu_of(me).expect("this process") < before + 0.02 {
        let waited = began.elapsed();
        assert!(waited < Duration::from_secs(60), "no CPU time was counted");
    }
    // The largest pid of Linux is 2^22.
    assert_eq!(flood::cpu_of(u32::MAX), None);
}
