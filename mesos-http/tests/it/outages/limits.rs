//! A process that has no free descriptors or threads for a while.

use std::process::Stdio;
use std::time::Instant;

use mesos_core::error_chain;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::*;

const MASTER: &str = "TEST_MASTER";
/// The stack of each thread of the process. Far more than the process allocates during an outage.
const STACK: u64 = 256 << 20;

/// The process under test: a scheduler of the master in the environment, or an executor. It prints
/// a line for each report of its driver.
#[test]
#[ignore = "the other tests of this file start it as a process"]
fn child() {
    // The test harness may have started a line.
    println!();
    std::thread::spawn(|| {
        for line in std::io::stdin().lines() {
            limit(&line.unwrap());
        }
    });
    // No idle thread of the runtime can do blocking work.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .thread_keep_alive(Duration::from_millis(1))
        .build();
    runtime.unwrap().block_on(async {
        let mut driven = match std::env::var(MASTER) {
            Ok(master) => Driven::scheduler(HttpBackend::new(master.parse().unwrap())),
            Err(_) => {
                let environment = ExecutorEnvironment::from_env().unwrap();
                let backend = HttpBackend::for_executor(&environment).unwrap();
                Driven::executor(environment, backend)
            }
        };
        let start = Instant::now();
        while let Some(report) = driven.0.recv().await {
            match report {
                Report::Subscribed => println!("subscribed"),
                Report::Disconnected(lost) => println!(
                    "disconnected {} {} {}",
                    start.elapsed().as_millis(),
                    lost.retry_in.as_millis(),
                    error_chain(&lost.error)
                ),
            }
        }
        println!("ended");
    });
}

/// Sets the limits of this process. The limit of the address space leaves no room for a stack.
fn limit(outage: &str) {
    let set = |resource, soft: u64| {
        let (_, hard) = getrlimit(resource).unwrap();
        setrlimit(resource, soft.min(hard), hard).unwrap();
    };
    match outage {
        "descriptors" => set(Resource::RLIMIT_NOFILE, 0),
        "threads" => {
            // glibc keeps the stack of a detached thread for the next thread, and removes a stack
            // of this size when a thread is joined.
            std::thread::spawn(|| {}).join().unwrap();
            let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
            let pages: u64 = pages.split(' ').next().unwrap().parse().unwrap();
            set(Resource::RLIMIT_AS, pages * 4096 + STACK / 2);
        }
        "over" => {
            set(Resource::RLIMIT_NOFILE, 1024);
            set(Resource::RLIMIT_AS, u64::MAX);
        }
        other => panic!("{other}"),
    }
    println!("limited {outage}");
}

struct Process {
    _child: Child,
    commands: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// A driver whose peer has this name or address.
    fn start(fake: &Fake, at: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "outages::limits::child"])
            .args(["--ignored", "--nocapture"])
            .env("RUST_MIN_STACK", STACK.to_string());
        match fake {
            Fake::Master(_) => command.env(MASTER, format!("http://{at}")),
            Fake::Agent(agent) => command
                .envs(agent.variables())
                .env("MESOS_SLAVE_PID", format!("slave(1)@{at}")),
        };
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self {
            commands: child.stdin.take().unwrap(),
            lines: BufReader::new(child.stdout.take().unwrap()).lines(),
            _child: child,
        }
    }

    /// Waits for a line that starts like this; returns the rest.
    async fn expect(&mut self, start: &str) -> String {
        let found = async {
            loop {
                let line = self.lines.next_line().await.unwrap();
                let line = line.expect("the process has ended");
                assert_ne!(line, "ended", "the driver has ended");
                if let Some(rest) = line.strip_prefix(start) {
                    return rest.to_owned();
                }
            }
        };
        soon(start, found).await
    }

    async fn limit(&mut self, outage: &str) {
        let command = format!("{outage}\n");
        self.commands.write_all(command.as_bytes()).await.unwrap();
        self.expect(&format!("limited {outage}")).await;
    }

    /// Waits for failures of this cause. Checks that the driver waits before it tries again.
    async fn fails(&mut self, cause: &str) {
        let mut since = None;
        let mut waits = 0;
        for _ in 0..6 {
            let line = self.expect("disconnected ").await;
            let mut parts = line.splitn(3, ' ');
            let mut number = || parts.next().unwrap().parse::<u64>().unwrap();
            let (at, retry_in) = (number(), number());
            let error = parts.next().unwrap();
            assert!(error.contains(cause), "{error}");
            let since = *since.get_or_insert(at);
            // Half, because a report may be late on a busy machine.
            assert!(
                at - since >= waits / 2,
                "{} ms for waits of {waits} ms",
                at - since
            );
            waits += retry_in;
        }
        assert!(waits >= 6 * 10, "no wait between attempts");
    }
}

async fn survives(outage: &str, host: &str, cause: &str) {
    for fake in Fake::both().await {
        let proxy = fake.proxy().await;
        let mut process = Process::start(&fake, &format!("{host}:{}", proxy.address().port()));
        process.expect("subscribed").await;
        for _ in 0..2 {
            process.limit(outage).await;
            proxy.cut();
            // The end of the subscription.
            process.expect("disconnected ").await;
            process.fails(cause).await;
            process.limit("over").await;
            process.expect("subscribed").await;
        }
    }
}

#[tokio::test]
async fn a_process_without_free_descriptors_subscribes_again_as_soon_as_it_has_some() {
    survives("descriptors", "127.0.0.1", "Too many open files").await;
    // The name cannot be resolved either.
    survives("descriptors", "localhost", "").await;
}

#[tokio::test]
async fn a_process_without_free_threads_subscribes_again_as_soon_as_it_has_some() {
    survives("threads", "localhost", "cannot resolve the host name").await;
}
