//! A master that sends more than schedulers can take, and counts what comes
//! back: what clients are measured against, in any language.
//!
//! It speaks the v1 scheduler API over HTTP, and that much of it that a client
//! under load needs: SUBSCRIBE, events, and calls with their answers, pipelined
//! or not, on as many connections as there are. It checks acknowledgements, not
//! calls; [`FakeMaster`](mesos_testing::FakeMaster) is for correctness. Events are
//! encoded once and copied, so that it needs far less CPU than what it measures.
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

/// What a client is to cope with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workload {
    /// So many OFFERS events as fast as they are taken, and an UPDATE whose
    /// acknowledgement shows that the client is through.
    Offers {
        /// How many events.
        events: u64,
        /// How many offers in each.
        offers: u32,
    },
    /// Updates of tasks. The next of a task follows the acknowledgement of the
    /// last, as agents send them.
    Updates {
        /// How many tasks have updates, in turn.
        tasks: u32,
        /// How many updates in all.
        updates: u64,
        /// How many may wait for their acknowledgement.
        window: u32,
    },
    /// Each RECONCILE is answered with an update of every task that it names
    /// and that there is (see [`task_id`]), or of all where it names none. Over
    /// when the client leaves.
    Reconcile {
        /// How many tasks there are.
        tasks: u32,
    },
    /// After each subscription the master dies, and comes back.
    Failover {
        /// How many times.
        times: u32,
        /// For how long it is away, half of that to once and a half.
        down: Duration,
    },
}

/// How a load master is set up.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Options {
    /// What it sends.
    pub workload: Workload,
    /// On how many agents the tasks are (default: 1000).
    pub agents: u32,
    /// How much later bytes arrive, on each way: half of what it adds to a
    /// round trip (default: none). Throughput stays as it is.
    pub delay: Duration,
    /// Where to listen (default: a free port on loopback).
    pub listen: SocketAddr,
    /// After how long without anything happening it gives up (default: 15 s).
    pub idle_timeout: Duration,
}

impl Options {
    /// Those defaults.
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

/// A load master that runs, in a thread of its own.
#[derive(Debug)]
pub struct Flood {
    address: SocketAddr,
    master: Arc<Master>,
    thread: JoinHandle<io::Result<Report>>,
}

impl Flood {
    /// Listens, and begins with the first subscription.
    ///
    /// # Errors
    /// If the address is not to be had, or a delay is asked for with
    /// [`Workload::Failover`], whose connections it would keep.
    pub fn start(options: Options) -> io::Result<Self> {
        let delayed = !options.delay.is_zero();
        if delayed && matches!(options.workload, Workload::Failover { .. }) {
            let text = "a master that fails over has no delay: its address would stay up";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let at = if delayed {
            delay::behind()
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

    /// Where clients connect.
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

    /// Whether it has ended.
    pub fn is_over(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits for the end: all is sent and answered, the client tore its
    /// framework down, or nothing happened for
    /// [`idle_timeout`](Options::idle_timeout). Blocks.
    ///
    /// # Errors
    /// If the master could not take connections any more.
    pub fn wait(self) -> io::Result<Report> {
        self.thread
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the load master panicked")))
    }
}

/// In seconds; 0 where the kernel does not say.
fn cpu_of_this_thread() -> f64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = told.split(' ').next().and_then(|n| n.parse::<f64>().ok());
    nanoseconds.unwrap_or_default() / 1e9
}
