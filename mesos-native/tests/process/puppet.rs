//! A scheduler in a separate process. The test sends commands to its standard input and reads what
//! happens from its standard output, by lines.

use std::fs::{self, File};
use std::io::{BufRead as _, stdin};
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use mesos_core::scheduler::{StatusUpdate, Subscribed};
use mesos_core::{
    BackoffPolicy, Disconnected, Framework, HandlerResult, Offer, Scheduler, SchedulerDriver,
};
use mesos_local::load_libmesos;
use mesos_local::testing::require_real;
use mesos_native::NativeBackend;
use mesos_testing::v1::{CommandInfo, TaskInfo};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid, geteuid, setuid};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// The address of the master, in the environment of the puppet.
const MASTER: &str = "MESOS_NATIVE_PUPPET_MASTER";

/// What a line of the puppet begins with; libmesos and the test harness print other lines.
const LINE: &str = "PUPPET ";

/// Much longer than anything takes on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(180);

/// The process of a scheduler. Dropping it kills the process.
pub(crate) struct Puppet {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Puppet {
    /// Starts a scheduler for this master.
    pub(crate) fn start(master: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "puppet::act", "--ignored", "--nocapture"])
            .env(MASTER, master)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self {
            input: child.stdin.take().unwrap(),
            output: BufReader::new(child.stdout.take().unwrap()).lines(),
            child,
        }
    }

    /// Sends a command; [`act`] has the list.
    pub(crate) async fn send(&mut self, command: &str) {
        let line = format!("{command}\n");
        self.input.write_all(line.as_bytes()).await.unwrap();
    }

    /// The rest of the next line that begins with `start`. Ignores other lines.
    pub(crate) async fn expect(&mut self, start: &str) -> String {
        let found = async {
            while let Some(line) = self.output.next_line().await.unwrap() {
                if let Some((_, line)) = line.split_once(LINE) {
                    if !line.starts_with("done") {
                        println!("{line}");
                    }
                    if let Some(rest) = line.strip_prefix(start) {
                        return rest.trim().to_owned();
                    }
                }
            }
            panic!("the puppet ended before {start:?}");
        };
        let found = timeout(TIMEOUT, found).await;
        found.unwrap_or_else(|_| panic!("no {start:?} within {TIMEOUT:?}"))
    }

    /// Sends a command and waits until the puppet has carried it out.
    pub(crate) async fn order(&mut self, command: &str) -> String {
        self.send(command).await;
        self.expect("done").await
    }

    /// Waits until a failed attempt to subscribe has `cause` in its error.
    pub(crate) async fn failed_attempt(&mut self, cause: &str) {
        self.answer("reasons", cause).await;
    }

    /// Repeats a command until the answer contains `wanted`.
    pub(crate) async fn answer(&mut self, command: &str, wanted: &str) {
        let mut last = String::new();
        let found = async {
            while !last.contains(wanted) {
                last = self.order(command).await;
                // sleep: the driver has no signal for this.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let found = timeout(TIMEOUT, found).await;
        found.unwrap_or_else(|_| panic!("{command} is {last:?}, without {wanted:?}"));
    }

    /// Checks that a task can be launched and that its updates arrive.
    pub(crate) async fn runs_a_task(&mut self) {
        self.send("launch").await;
        self.expect("update TASK_FINISHED").await;
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id().unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let process = Pid::from_raw(self.process().try_into().unwrap());
        kill(process, signal).unwrap();
    }

    /// Suspends the process for this time.
    pub(crate) async fn pause(&self, time: Duration) {
        self.signal(Signal::SIGSTOP);
        // sleep: the pause itself.
        tokio::time::sleep(time).await;
        self.signal(Signal::SIGCONT);
    }
}

/// Prints the events. Launches a task on the next offer after a command. Holds all other offers, so
/// that no call declines them.
struct Printer {
    launch: bool,
    offers: Vec<Offer>,
    launched: u32,
}

impl Printer {
    async fn launch(&mut self, driver: &SchedulerDriver<()>) -> HandlerResult {
        if !self.launch {
            return Ok(());
        }
        self.offers.retain(Offer::is_alive);
        let Some(offer) = self.offers.pop() else {
            return Ok(());
        };
        self.launch = false;
        self.launched += 1;
        let id = format!("t{}", self.launched);
        let task = TaskInfo::builder(id.as_str())
            .id(id.as_str())
            .command(CommandInfo::sh("true"))
            .cpus(0.1)
            .mem(32.0)
            .build();
        driver.launch(offer, [task]).await?;
        Ok(())
    }
}

#[async_trait]
impl Scheduler for Printer {
    async fn subscribed(&mut self, driver: &SchedulerDriver, _: Subscribed) -> HandlerResult {
        println!("{LINE}subscribed {}", driver.health().generation);
        Ok(())
    }

    async fn disconnected(&mut self, _: &SchedulerDriver, lost: Disconnected) -> HandlerResult {
        println!("{LINE}disconnected {:#}", lost.error);
        Ok(())
    }

    async fn offers(&mut self, driver: &SchedulerDriver, offers: Vec<Offer>) -> HandlerResult {
        self.offers.extend(offers);
        self.launch(driver).await
    }

    async fn update(&mut self, _: &SchedulerDriver, update: &StatusUpdate) -> HandlerResult {
        println!("{LINE}update {}", update.state().as_str_name());
        Ok(())
    }

    async fn input(&mut self, driver: &SchedulerDriver, (): ()) -> HandlerResult {
        self.launch = true;
        self.launch(driver).await
    }
}

/// What commands change in the process.
#[derive(Default)]
struct Limits {
    /// Descriptors that are held so that no other is free.
    files: Vec<File>,
    /// The number of descriptors that stay free, if they are limited.
    free: Option<usize>,
    before: Vec<(Resource, u64, u64)>,
}

impl Limits {
    fn set(&mut self, resource: Resource, limit: u64) {
        let (soft, hard) = getrlimit(resource).unwrap();
        self.before.push((resource, soft, hard));
        setrlimit(resource, limit, hard).unwrap();
    }

    /// Leaves `free` descriptors.
    fn files(&mut self, free: usize) {
        let highest = fs::read_dir("/proc/self/fd").unwrap().filter_map(|file| {
            let name = file.unwrap().file_name();
            name.to_str()?.parse::<u64>().ok()
        });
        let highest = highest.max().unwrap();
        self.set(Resource::RLIMIT_NOFILE, highest + 1 + free as u64);
        self.free = Some(free);
        self.fill();
    }

    /// Takes descriptors that were closed since the limit was set.
    fn fill(&mut self) {
        let Some(free) = self.free else {
            return;
        };
        while let Ok(file) = File::open("/dev/null") {
            self.files.push(file);
        }
        self.files.truncate(self.files.len().saturating_sub(free));
    }

    /// Allows no new thread. The limit does not apply to root.
    fn threads(&mut self) {
        if geteuid().is_root() {
            setuid(Uid::from_raw(54321)).unwrap();
        }
        self.set(Resource::RLIMIT_NPROC, 0);
    }

    fn lift(&mut self) {
        self.files.clear();
        self.free = None;
        for (resource, soft, hard) in self.before.drain(..).rev() {
            setrlimit(resource, soft, hard).unwrap();
        }
    }
}

/// The process of the puppet.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "the other tests start it"]
async fn act() {
    let master = std::env::var(MASTER).expect("a master; this is not a test");
    let library = load_libmesos(mesos_local::DEFAULT_VERSION).await;
    let library = require_real(library).expect("a libmesos");
    let backend = NativeBackend::new(library, master.parse().unwrap()).unwrap();
    let backoff = BackoffPolicy::new(Duration::from_millis(10), Duration::from_millis(100));
    let framework = Framework::with_failover_timeout("puppet", Duration::from_secs(3600));
    let printer = Printer {
        launch: false,
        offers: Vec::new(),
        launched: 0,
    };
    let driver = SchedulerDriver::start(printer, framework.backoff(backoff), backend).detach();
    let joined = driver.clone();
    tokio::spawn(async move {
        println!("{LINE}ended {:?}", joined.join().await);
    });
    // A thread, because the runtime cannot start one while the limit is reached.
    let commands = std::thread::spawn(move || {
        let mut limits = Limits::default();
        for command in stdin().lock().lines() {
            let mut answer = String::new();
            let command = command.unwrap();
            match command.split_once(' ').unwrap_or((&command, "")) {
                ("files", free) => limits.files(free.parse().unwrap()),
                ("threads", _) => limits.threads(),
                ("lift", _) => limits.lift(),
                ("launch", _) => driver.send(()).unwrap(),
                ("generation", _) => answer = driver.health().generation.to_string(),
                ("state", _) => answer = format!("{:?}", driver.health().state),
                ("unacknowledged", _) => {
                    let updates = driver.health().updates;
                    answer = (updates.received - updates.acknowledged).to_string();
                }
                ("reasons", _) => {
                    limits.fill();
                    let transitions = driver.health().transitions;
                    let reasons = transitions.iter().filter_map(|one| one.reason.as_ref());
                    answer = reasons.map(|one| format!("{one:#}; ")).collect();
                }
                (other, _) => panic!("{other:?} is not a command"),
            }
            println!("{LINE}done {}", answer.replace('\n', " "));
        }
    });
    tokio::task::spawn_blocking(|| commands.join().unwrap())
        .await
        .unwrap();
}
