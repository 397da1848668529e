//! A network that fails on purpose: a TCP proxy between a driver and a master.

mod pump;

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::log::{DEFAULT_TIMEOUT, Log};

/// The environment variable that a seed is taken from, to repeat a failure.
const SEED: &str = "MESOS_TESTING_SEED";

/// A TCP proxy that does to connections what networks do.
///
/// Faults hold for all connections ([`set`](Self::set)) or for one
/// ([`ProxyConnection::set`]), from the next bytes on. What is random comes
/// from a seed; a test that fails prints it, and `MESOS_TESTING_SEED` in the
/// environment repeats it.
///
/// ```
/// use mesos_testing::{FakeMaster, Fault, FaultProxy};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let master = FakeMaster::start().await?;
/// let proxy = FaultProxy::start(master.address()).await?;
/// // A driver connects to proxy.url(); then:
/// proxy.set(Fault::Stall);
/// # Ok(())
/// # }
/// ```
///
/// Dropping it closes all connections.
pub struct FaultProxy {
    inner: Arc<Inner>,
    task: JoinHandle<()>,
}

struct Inner {
    address: SocketAddr,
    seed: u64,
    random: Mutex<fastrand::Rng>,
    global: Mutex<Global>,
    connections: Log<ProxyConnection>,
}

struct Global {
    target: SocketAddr,
    fault: Fault,
    refusing: bool,
}

/// A way through the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the driver to the master.
    ToMaster,
    /// From the master to the driver.
    ToDriver,
}

/// What happens to bytes on their way.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// They arrive.
    None,
    /// Nothing is read on either side: the senders' buffers fill up, and
    /// nothing is lost. Ends are not passed on.
    Stall,
    /// What is sent is read and lost on both ways, and so are ends: a
    /// connection that is half open.
    HalfOpen,
    /// The same on one way; the other works.
    Lose(Direction),
    /// So many bytes at a time, with a pause after them, on both ways.
    Drip {
        /// At least 1.
        bytes: usize,
        /// The pause.
        every: Duration,
    },
    /// Bytes arrive this much later, on both ways.
    Delay(Duration),
    /// On this way one byte in so many is another one.
    Garble {
        /// The way.
        way: Direction,
        /// At least 1: every byte.
        one_in: u32,
    },
    /// After so many more bytes on this way both sides are closed.
    CutAfter {
        /// The way.
        way: Direction,
        /// How many still arrive.
        bytes: usize,
    },
    /// Both sides are closed.
    Cut,
}

/// One connection through the proxy.
#[derive(Clone)]
pub struct ProxyConnection(Arc<Connection>);

struct Connection {
    number: u64,
    seed: u64,
    fault: watch::Sender<Fault>,
    open: watch::Sender<bool>,
}

impl FaultProxy {
    /// A proxy on a free loopback port, to `target`. Its seed is that in the
    /// environment, or a random one.
    ///
    /// # Errors
    /// If no port can be bound.
    pub async fn start(target: SocketAddr) -> io::Result<Self> {
        let seed = std::env::var(SEED)
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or_else(|| fastrand::u64(..));
        Self::with_seed(target, seed).await
    }

    /// A proxy with this seed.
    ///
    /// # Errors
    /// If no port can be bound.
    pub async fn with_seed(target: SocketAddr, seed: u64) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let inner = Arc::new(Inner {
            address: listener.local_addr()?,
            seed,
            random: Mutex::new(fastrand::Rng::with_seed(seed)),
            global: Mutex::new(Global {
                target,
                fault: Fault::None,
                refusing: false,
            }),
            connections: Log::new(DEFAULT_TIMEOUT),
        });
        let task = tokio::spawn(accept(Arc::clone(&inner), listener));
        Ok(Self { inner, task })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.inner.address
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// What is random comes from this.
    pub fn seed(&self) -> u64 {
        self.inner.seed
    }

    /// New connections lead here; open ones stay where they are.
    pub fn set_target(&self, target: SocketAddr) {
        self.inner.global().target = target;
    }

    /// All connections are like this from now on, new ones too.
    pub fn set(&self, fault: Fault) {
        self.inner.global().fault = fault.clone();
        for connection in self.inner.connections.all() {
            connection.set(fault.clone());
        }
    }

    /// New connections are like this, open ones stay as they are.
    pub fn set_new(&self, fault: Fault) {
        self.inner.global().fault = fault;
    }

    /// Closes all connections that are open now.
    pub fn cut(&self) {
        for connection in self.inner.connections.all() {
            connection.set(Fault::Cut);
        }
    }

    /// Whether new connections are closed as soon as they are there.
    pub fn refuse(&self, refusing: bool) {
        self.inner.global().refusing = refusing;
    }

    /// One of all faults, with numbers that a test can wait for. The same
    /// seed gives the same sequence.
    pub fn random_fault(&self) -> Fault {
        let mut random = self
            .inner
            .random
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let way = if random.bool() {
            Direction::ToMaster
        } else {
            Direction::ToDriver
        };
        match random.u8(0..8) {
            0 => Fault::Stall,
            1 => Fault::HalfOpen,
            2 => Fault::Lose(way),
            3 => Fault::Drip {
                bytes: random.usize(1..64),
                every: Duration::from_millis(random.u64(1..5)),
            },
            4 => Fault::Delay(Duration::from_millis(random.u64(1..50))),
            5 => Fault::Garble {
                way,
                one_in: random.u32(1..200),
            },
            6 => Fault::CutAfter {
                way,
                bytes: random.usize(0..2000),
            },
            _ => Fault::Cut,
        }
    }

    /// All connections so far.
    pub fn connections(&self) -> Vec<ProxyConnection> {
        self.inner.connections.all()
    }

    /// Waits for a connection that nobody has waited for yet.
    ///
    /// # Panics
    /// If none comes within 10 s.
    #[track_caller]
    pub fn expect_connection(&self) -> impl Future<Output = ProxyConnection> + Send + '_ {
        let at = Location::caller();
        async move { self.inner.connections.expect_any("a connection", at).await }
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.task.abort();
        if std::thread::panicking() {
            eprintln!(
                "the fault proxy's seed was {}; {SEED}={} in the environment repeats it",
                self.inner.seed, self.inner.seed
            );
        }
    }
}

impl fmt::Debug for FaultProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultProxy")
            .field("address", &self.address())
            .field("seed", &self.inner.seed)
            .field("connections", &self.inner.connections)
            .finish()
    }
}

impl Inner {
    fn global(&self) -> MutexGuard<'_, Global> {
        self.global.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ProxyConnection {
    /// Counts from 1.
    pub fn number(&self) -> u64 {
        self.0.number
    }

    /// This connection is like this from now on. One that is closed stays so.
    pub fn set(&self, fault: Fault) {
        self.0.fault.send_replace(fault);
    }

    /// Whether it is not closed yet.
    pub fn is_open(&self) -> bool {
        *self.0.open.borrow()
    }

    /// Waits until it is closed on both sides. Cancel safe.
    pub async fn closed(&self) {
        let mut open = self.0.open.subscribe();
        // The sender lives in self.
        let _ = open.wait_for(|open| !open).await;
    }
}

impl fmt::Display for ProxyConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "connection {}", self.0.number)
    }
}

impl fmt::Debug for ProxyConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyConnection")
            .field("number", &self.0.number)
            .field("fault", &*self.0.fault.borrow())
            .field("open", &self.is_open())
            .finish()
    }
}

async fn accept(inner: Arc<Inner>, listener: TcpListener) {
    let mut open = JoinSet::new();
    let mut number = 0;
    loop {
        let driver = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((driver, _)) => driver,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    continue;
                }
            },
            Some(_) = open.join_next() => continue,
        };
        let (target, fault, refusing) = {
            let global = inner.global();
            (global.target, global.fault.clone(), global.refusing)
        };
        if refusing {
            continue;
        }
        number += 1;
        let connection = ProxyConnection(Arc::new(Connection {
            number,
            seed: inner.seed.wrapping_add(number),
            fault: watch::Sender::new(fault),
            open: watch::Sender::new(true),
        }));
        inner.connections.push(connection.clone());
        open.spawn(async move {
            if let Ok(master) = TcpStream::connect(target).await {
                pump::run(&connection.0, driver, master).await;
            }
            connection.0.open.send_replace(false);
        });
    }
}
