//! A master that sends more than schedulers can process, and counts the calls that it receives: the
//! reference load for clients in any language.
//!
//! The load master implements the part of the v1 scheduler API that a client under load needs:
//! SUBSCRIBE, events, and calls with their responses, pipelined or not, on any number of
//! connections. It checks acknowledgements, but not other calls; use
//! [`FakeMaster`](mesos_testing::FakeMaster) to test correctness. Events are encoded once and
//! copied, so the load master needs far less CPU than its clients.
//!
//! ```no_run
//! use mesos_bench::flood::{Flood, Options, Workload};
//!
//! let flood = Flood::start(Options::new(Workload::Updates {
//!     tasks: 1000,
//!     updates: 100_000,
//!     window: 1000,
//! }))?;
//! println!("a scheduler that acknowledges may subscribe at {}", flood.url());
//! println!("{}", flood.wait()?);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! As a program: `cargo run --release -p mesos-bench --bin flood -- --help`.

mod delay;
mod report;
mod request;
mod scan;
mod serve;
mod state;
mod template;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

pub use report::{Percentiles, Report, Wrong};
use serve::Master;

/// The load of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workload {
    /// A number of OFFERS events, as fast as the client reads them, and an UPDATE whose
    /// acknowledgement shows that the client has processed them.
    Offers {
        /// The number of events.
        events: u64,
        /// The number of offers in each event.
        offers: u32,
    },
    /// Task updates. The next update of a task follows the acknowledgement of the last, as agents
    /// send them.
    Updates {
        /// The number of tasks, which are updated in turn.
        tasks: u32,
        /// The number of updates.
        updates: u64,
        /// The number of updates that may be unacknowledged at a time.
        window: u32,
    },
    /// Answers each RECONCILE with an update of every existing task that it names (see
    /// [`task_id`]), or of all tasks if it names none. Ends when the client disconnects.
    Reconcile {
        /// The number of tasks.
        tasks: u32,
    },
    /// The master stops after each subscription, and returns.
    Failover {
        /// The number of failovers.
        times: u32,
        /// The average downtime; each is between half and one and a half times as long.
        down: Duration,
    },
}

/// The settings of a load master.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Options {
    /// The load.
    pub workload: Workload,
    /// The number of agents with tasks (default: 1000).
    pub agents: u32,
    /// The delay of all bytes in each direction: half of the additional round-trip time (default:
    /// none). The throughput does not change.
    pub delay: Duration,
    /// The address to listen on (default: a free port on loopback).
    pub listen: SocketAddr,
    /// The time without any activity after which the load master stops (default: 15 s).
    pub idle_timeout: Duration,
}

impl Options {
    /// Creates default settings for a workload.
    pub fn new(workload: Workload) -> Self {
        Self {
            workload,
            agents: 1000,
            delay: Duration::ZERO,
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            idle_timeout: Duration::from_secs(15),
        }
    }

    /// Sets [`agents`](Self::agents).
    #[must_use]
    pub fn agents(mut self, agents: u32) -> Self {
        self.agents = agents;
        self
    }

    /// Sets [`delay`](Self::delay).
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Sets [`listen`](Self::listen).
    #[must_use]
    pub fn listen(mut self, listen: SocketAddr) -> Self {
        self.listen = listen;
        self
    }

    /// Sets [`idle_timeout`](Self::idle_timeout); at least 1 s.
    #[must_use]
    pub fn idle_timeout(mut self, idle_timeout: Duration) -> Self {
        self.idle_timeout = idle_timeout.max(Duration::from_secs(1));
        self
    }
}

/// The id of the task with this number, from 0 on, in every workload.
pub fn task_id(number: u32) -> String {
    template::task_id(number)
}

/// The id of the agent with this number. Task `n` is on agent `n % agents`.
pub fn agent_id(number: u32) -> String {
    template::agent_id(number)
}

/// A running load master, on its own thread.
#[derive(Debug)]
pub struct Flood {
    address: SocketAddr,
    master: Arc<Master>,
    thread: JoinHandle<io::Result<Report>>,
}

impl Flood {
    /// Starts to listen. The workload begins with the first subscription.
    ///
    /// # Errors
    /// If the address cannot be bound, or if a delay is combined with [`Workload::Failover`]: the
    /// delay line would keep the connections of a stopped master.
    pub fn start(options: Options) -> io::Result<Self> {
        let delayed = !options.delay.is_zero();
        if delayed && matches!(options.workload, Workload::Failover { .. }) {
            let text = "the failover workload cannot have a delay: the delay line would keep the address open";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let at = if delayed {
            delay::master_address()
        } else {
            options.listen
        };
        let listener = TcpListener::bind(at)?;
        listener.set_nonblocking(true)?;
        let mut address = listener.local_addr()?;
        if delayed {
            address = delay::start(options.listen, address, options.delay)?;
        }
        let master = Arc::new(Master::new(options));
        let running = Arc::clone(&master);
        let thread = thread::Builder::new()
            .name("flood".to_owned())
            .spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()?;
                let mut report = runtime.block_on(running.run(listener))?;
                report.cpu = cpu_of_this_thread();
                Ok(report)
            })?;
        Ok(Self {
            address,
            master,
            thread,
        })
    }

    /// The address for clients.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The counts so far, without rates and percentiles.
    pub fn progress(&self) -> Report {
        self.master.state().counts()
    }

    /// Whether the load master has stopped.
    pub fn is_over(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits for the end: everything was sent and answered, the client tore its framework down, or
    /// the [`idle_timeout`](Options::idle_timeout) is over. Blocks.
    ///
    /// # Errors
    /// If the master could not accept connections any more.
    pub fn wait(self) -> io::Result<Report> {
        self.thread
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the load master panicked")))
    }
}

/// The CPU time of a process with all of its threads, user and system, in seconds. The kernel counts
/// it in hundredths of a second. `None` if the process does not exist.
pub fn cpu_of(pid: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name of the program, in parentheses, may contain spaces. The state follows.
    let (_, fields) = stat.rsplit_once(')')?;
    let times = fields.split_whitespace().skip(11).take(2);
    let ticks: u64 = times.map_while(|ticks| ticks.parse::<u64>().ok()).sum();
    Some(ticks as f64 / 100.0)
}

/// In seconds; 0 if the kernel does not report it.
fn cpu_of_this_thread() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text.split(' ').next().and_then(|n| n.parse::<f64>().ok());
    nanoseconds.unwrap_or_default() / 1e9
}
