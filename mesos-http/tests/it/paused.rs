//! A process that stands still for longer than its time limits, and goes on.

use std::process::Stdio;
use std::time::Duration;

use mesos_core::backend::{Backend, Incoming, SchedulerApi};
use mesos_http::HttpBackend;
use mesos_proto::v1::scheduler::{self, call::Type};
use mesos_testing::FakeMaster;
use nix::sys::signal::{Signal, kill as send_signal};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::peer::*;

const MASTER: &str = "TEST_MASTER";
const HEARTBEAT: Duration = Duration::from_millis(200);
/// Twice each time limit of the child.
const PAUSE: Duration = Duration::from_secs(2);

/// The process under test. It prints a line for each event and for the answer to each call.
#[test]
#[ignore = "the other tests of this file start it as a process"]
fn child() {
    let url = std::env::var(MASTER).expect("the master");
    // The default of tokio's own macro has one thread.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.unwrap().block_on(async {
        let backend = HttpBackend::new(url.parse().unwrap())
            .missed_heartbeats(5)
            .response_timeout(5 * HEARTBEAT);
        let call = subscribe_call();
        let mut subscription = Backend::<SchedulerApi>::subscribe(&backend, call)
            .await
            .unwrap();
        let calls = subscription.calls.clone();
        let first = next(&mut subscription).await;
        println!("event {:?}", first.r#type());
        tokio::spawn(async move {
            loop {
                let call = scheduler::Call {
                    framework_id: first
                        .subscribed
                        .as_ref()
                        .map(|event| event.framework_id.clone()),
                    ..kill("t")
                };
                let answer = calls.send(call).await.unwrap().await;
                println!("answer {answer:?}");
                // sleep: the rate of the calls.
                tokio::time::sleep(HEARTBEAT).await;
            }
        });
        loop {
            match subscription.events.next().await {
                Ok(Incoming::Event(event, _)) => println!("event {:?}", event.r#type()),
                other => {
                    println!("end {other:?}");
                    return;
                }
            }
        }
    });
}

struct Process {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    fn start(master: &FakeMaster) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "paused::child", "--ignored", "--nocapture"])
            .env(MASTER, master.url())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn signal(&self, signal: Signal) {
        let id = self.child.id().expect("it runs");
        send_signal(Pid::from_raw(id.try_into().unwrap()), signal).unwrap();
    }

    /// Waits for a line that starts like this.
    async fn expect(&mut self, start: &str) {
        let found = async {
            loop {
                let line = self.lines.next_line().await.unwrap().expect("it runs");
                assert!(!line.starts_with("end"), "{line}");
                assert!(!line.starts_with("answer Err"), "{line}");
                if line.starts_with(start) {
                    return;
                }
            }
        };
        soon(start, found).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_was_paused_keeps_its_healthy_subscription() {
    let master = FakeMaster::builder().heartbeat(HEARTBEAT).start();
    let master = master.await.unwrap();
    let mut process = Process::start(&master);
    process.expect("event Subscribed").await;
    for _ in 0..6 {
        process.expect("answer Ok").await;
        process.expect("event Heartbeat").await;
        process.signal(Signal::SIGSTOP);
        // sleep: the length of the pause is the subject of the test.
        tokio::time::sleep(PAUSE).await;
        process.signal(Signal::SIGCONT);
        // Heartbeats during the pause, and after it.
        for _ in 0..15 {
            process.expect("event Heartbeat").await;
        }
    }
    assert_eq!(master.streams().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_answer_to_a_call_may_arrive_while_the_process_is_paused() {
    let master = FakeMaster::builder().heartbeat(HEARTBEAT).start();
    let master = master.await.unwrap();
    let mut process = Process::start(&master);
    for _ in 0..4 {
        process.expect("answer Ok").await;
        let held = master.hold(Type::Kill);
        soon("a held call", async {
            // Only a held request has no status yet.
            while master
                .received()
                .last()
                .is_none_or(|last| last.status.is_some())
            {
                // sleep: the fake master reports no held request.
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        process.signal(Signal::SIGSTOP);
        held.release();
        // sleep: the length of the pause is the subject of the test.
        tokio::time::sleep(PAUSE).await;
        process.signal(Signal::SIGCONT);
        process.expect("answer Ok").await;
    }
    assert_eq!(master.streams().len(), 1);
}
