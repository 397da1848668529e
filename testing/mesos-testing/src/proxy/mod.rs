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

use crate::lock::lock;
use crate::log::{DEFAULT_TIMEOUT, Log};

/// The environment variable with the seed, to repeat a failure.
const SEED: &str = "MESOS_TESTING_SEED";

/// A TCP proxy that injects faults of the network.
///
/// A fault applies to all connections ([`set`](Self::set)) or to one connection
/// ([`ProxyConnection::set`]), from the next bytes on. Random choices depend on a seed. A failed
/// test prints the seed; set `MESOS_TESTING_SEED` in the environment to repeat the choices.
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
/// Dropping the proxy closes all connections.
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
    recording: bool,
}

/// A direction through the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the driver to the master.
    ToMaster,
    /// From the master to the driver.
    ToDriver,
}

/// The effect of the proxy on bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Bytes pass unchanged.
    None,
    /// Nothing is read from either side: the senders' buffers fill up, and nothing is lost. The end
    /// of a connection is not forwarded.
    Stall,
    /// Bytes are read and discarded in both directions, and so is the end of a connection: the
    /// connection is half open.
    HalfOpen,
    /// Bytes of one direction are discarded; the other direction works.
    Lose(Direction),
    /// A limited number of bytes at a time, with a pause after them, in both directions.
    Drip {
        /// The number of bytes, at least 1.
        bytes: usize,
        /// The pause.
        every: Duration,
    },
    /// Bytes arrive this much later, in both directions.
    Delay(Duration),
    /// In one direction, one byte of a number of bytes is changed.
    Garble {
        /// The direction.
        way: Direction,
        /// The number of bytes, at least 1. 1 changes every byte.
        one_in: u32,
    },
    /// Closes both sides after a number of further bytes in one direction.
    CutAfter {
        /// The direction.
        way: Direction,
        /// The number of bytes that still arrive.
        bytes: usize,
    },
    /// Closes both sides.
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
    /// The bytes to the driver, if they are recorded.
    recording: Option<Mutex<Recording>>,
}

/// The bytes of one connection from the master to the driver, as
/// [`ProxyConnection::recording`] returns them. Bytes that a fault has lost are not included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recording {
    /// The bytes as the master sent them.
    pub sent: Vec<u8>,
    /// The bytes as the proxy forwarded them, after [`Fault::Garble`]. As long as `sent`.
    pub forwarded: Vec<u8>,
}

impl FaultProxy {
    /// Starts a proxy to `target` on a free loopback port. The seed comes from the environment, or
    /// is random.
    ///
    /// # Errors
    /// If no port can be bound.
    pub async fn start(target: SocketAddr) -> io::Result<Self> {
        Self::with_seed(target, environment_seed()).await
    }

    /// Starts a proxy with this seed.
    ///
    /// # Errors
    /// If no port can be bound.
    pub async fn with_seed(target: SocketAddr, seed: u64) -> io::Result<Self> {
        Self::serve(
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?,
            target,
            seed,
        )
    }

    /// Starts a proxy to `target` on a socket that listens already, for example on a
    /// [`RemoteHost`](crate::RemoteHost). Call it within a tokio runtime.
    ///
    /// # Errors
    /// If the socket cannot be used.
    pub fn over(listener: std::net::TcpListener, target: SocketAddr) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Self::serve(TcpListener::from_std(listener)?, target, environment_seed())
    }

    fn serve(listener: TcpListener, target: SocketAddr, seed: u64) -> io::Result<Self> {
        let inner = Arc::new(Inner {
            address: listener.local_addr()?,
            seed,
            random: Mutex::new(fastrand::Rng::with_seed(seed)),
            global: Mutex::new(Global {
                target,
                fault: Fault::None,
                refusing: false,
                recording: false,
            }),
            connections: Log::new(DEFAULT_TIMEOUT),
        });
        let task = tokio::spawn(accept(Arc::clone(&inner), listener));
        Ok(Self { inner, task })
    }

    /// The address that the proxy listens on.
    pub fn address(&self) -> SocketAddr {
        self.inner.address
    }

    /// `http://ADDRESS:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// The seed of the random choices.
    pub fn seed(&self) -> u64 {
        self.inner.seed
    }

    /// Sets the target of new connections. Open connections keep their target.
    pub fn set_target(&self, target: SocketAddr) {
        self.inner.global().target = target;
    }

    /// Sets the fault of all connections, including new ones.
    pub fn set(&self, fault: Fault) {
        self.inner.global().fault = fault.clone();
        for connection in self.inner.connections.all() {
            connection.set(fault.clone());
        }
    }

    /// Sets the fault of new connections. Open connections keep their fault.
    pub fn set_new(&self, fault: Fault) {
        self.inner.global().fault = fault;
    }

    /// Closes all open connections.
    pub fn cut(&self) {
        for connection in self.inner.connections.all() {
            connection.set(Fault::Cut);
        }
    }

    /// Sets whether new connections are closed at once.
    pub fn refuse(&self, refusing: bool) {
        self.inner.global().refusing = refusing;
    }

    /// Records the bytes to the driver of all new connections, see
    /// [`ProxyConnection::recording`].
    pub fn record(&self) {
        self.inner.global().recording = true;
    }

    /// A random fault, with numbers small enough to wait for in a test. The same seed gives the
    /// same sequence.
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

    /// Waits for the next connection.
    ///
    /// # Panics
    /// If there is no connection within 10 s.
    #[track_caller]
    pub fn expect_connection(&self) -> impl Future<Output = ProxyConnection> + Send + '_ {
        let at = Location::caller();
        async move { self.inner.connections.expect_any("a connection", at).await }
    }
}

/// The seed in the environment, or a random one.
fn environment_seed() -> u64 {
    std::env::var(SEED)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| fastrand::u64(..))
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.task.abort();
        if std::thread::panicking() {
            eprintln!(
                "the seed of the fault proxy is {}; set {SEED}={} to repeat the run",
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
        lock(&self.global)
    }
}

impl ProxyConnection {
    /// The number of the connection, from 1 on.
    pub fn number(&self) -> u64 {
        self.0.number
    }

    /// Sets the fault of this connection. A closed connection stays closed.
    pub fn set(&self, fault: Fault) {
        self.0.fault.send_replace(fault);
    }

    /// Whether the connection is open.
    pub fn is_open(&self) -> bool {
        *self.0.open.borrow()
    }

    /// The bytes to the driver so far. `None` if the connection is older than
    /// [`FaultProxy::record`].
    pub fn recording(&self) -> Option<Recording> {
        let recording = self.0.recording.as_ref()?;
        Some(lock(recording).clone())
    }

    /// Waits until both sides are closed. Cancel safe.
    pub async fn closed(&self) {
        let mut open = self.0.open.subscribe();
        // The sender is in `self`.
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
        let (target, fault, refusing, recording) = {
            let global = inner.global();
            let Global {
                target,
                refusing,
                recording,
                ..
            } = *global;
            (target, global.fault.clone(), refusing, recording)
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
            recording: recording.then(Mutex::default),
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
