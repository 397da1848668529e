//! A host that can vanish: a network namespace behind a virtual cable.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::thread;

use nix::sched::{CloneFlags, unshare};
use nix::unistd::gettid;

/// The name of the table that discards all packets.
const TABLE: &str = "mesos_testing_lost";

/// Another host on the network, for tests of lost hosts. It is a network namespace of Linux.
///
/// While its [packets are lost](Self::lose_packets), the host is as silent as a host without power:
/// no FIN and no RST arrives, and nothing is acknowledged. A [`FaultProxy`](crate::FaultProxy)
/// cannot do this, because the kernel of its own host acknowledges every byte.
///
/// It requires root, and the commands `ip` (Debian: `iproute2`) and `nft` or `iptables`. A test that
/// cannot have it prints why:
///
/// ```
/// use mesos_testing::{FakeMaster, FaultProxy, RemoteHost};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let host = match RemoteHost::start() {
///     Ok(host) => host,
///     Err(error) => {
///         eprintln!("SKIPPED: {error}");
///         return Ok(());
///     }
/// };
/// let master = FakeMaster::start().await?;
/// let proxy = FaultProxy::over(host.listen()?, master.address())?;
/// // A driver connects to proxy.url(); then:
/// host.lose_packets()?;
/// # Ok(())
/// # }
/// ```
///
/// Dropping the host removes the cable. Sockets that listen on the host stay valid without it.
pub struct RemoteHost {
    address: Ipv4Addr,
    /// The end of the cable on this host.
    cable: String,
    thread: mpsc::Sender<Task>,
}

/// Work for the thread in the namespace.
type Task = Box<dyn FnOnce() + Send>;

impl RemoteHost {
    /// Starts a host with an address in 198.18.0.0/15, the range for tests of networks (RFC 2544).
    ///
    /// # Errors
    /// If this process may not create network namespaces, or a command is missing. The message says
    /// what is required.
    pub fn start() -> io::Result<Self> {
        let (thread, tasks) = mpsc::channel::<Task>();
        let (started, entered) = mpsc::channel();
        // A namespace belongs to a thread. The thread's end removes the namespace, also when the
        // process is killed.
        thread::Builder::new()
            .name("remote-host".to_owned())
            .spawn(move || {
                let namespace = unshare(CloneFlags::CLONE_NEWNET).map(|()| gettid());
                let _ = started.send(namespace);
                while let Ok(task) = tasks.recv() {
                    task();
                }
            })?;
        let namespace = entered
            .recv()
            .map_err(io::Error::other)?
            .map_err(|error| required("root", error))?
            .to_string();

        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let process = std::process::id();
        let cable = format!("mt{process}-{number}");
        // Four addresses for each cable; processes of one test run have neighboring ids.
        let net = (process.wrapping_mul(8).wrapping_add(number) % (1 << 15)) << 2;
        let base = u32::from(Ipv4Addr::new(198, 18, 0, 0)) | net;
        let (here, address) = (Ipv4Addr::from(base | 1), Ipv4Addr::from(base | 2));
        let host = Self {
            address,
            cable,
            thread,
        };
        let (cable, far) = (host.cable.as_str(), "cable");
        let mut link = vec!["link", "add", cable, "type", "veth"];
        link.extend(["peer", "name", far, "netns", &namespace]);
        run("ip", link)?;
        run("ip", ["addr", "add", &format!("{here}/30"), "dev", cable])?;
        run("ip", ["link", "set", cable, "up"])?;
        host.inside(move || {
            run("ip", ["addr", "add", &format!("{address}/30"), "dev", far])?;
            run("ip", ["link", "set", far, "up"])?;
            run("ip", ["link", "set", "lo", "up"])
        })?;
        // The commands that are needed later.
        host.lose_packets()?;
        host.pass_packets()?;
        Ok(host)
    }

    /// The address of the host.
    pub fn address(&self) -> IpAddr {
        self.address.into()
    }

    /// Listens on a free port of the host. The socket is in this process.
    ///
    /// # Errors
    /// If no port can be bound.
    pub fn listen(&self) -> io::Result<TcpListener> {
        let address = (self.address, 0);
        let listener = self.inside(move || TcpListener::bind(address))?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    }

    /// From now on, all packets from and to the host are lost.
    ///
    /// # Errors
    /// If neither `nft` nor `iptables` can discard the packets.
    pub fn lose_packets(&self) -> io::Result<()> {
        self.inside(|| {
            let rules = format!(
                "table inet {TABLE} {{ \
                   chain in {{ type filter hook input priority 0; policy drop; }}; \
                   chain out {{ type filter hook output priority 0; policy drop; }}; \
                 }}"
            );
            run("nft", [rules]).or_else(|nft| {
                policy("DROP")
                    .map_err(|error| required("nft or iptables", format!("{nft}; {error}")))
            })
        })
    }

    /// From now on, packets arrive again.
    ///
    /// # Errors
    /// If a command fails.
    pub fn pass_packets(&self) -> io::Result<()> {
        self.inside(|| run("nft", ["delete", "table", "inet", TABLE]).or_else(|_| policy("ACCEPT")))
    }

    /// Runs `task` in the namespace of the host. So do the commands that it starts.
    fn inside<T: Send + 'static>(
        &self,
        task: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let (sender, result) = mpsc::channel();
        let task = Box::new(move || {
            let _ = sender.send(task());
        });
        // Without a thread there is no result either.
        let _ = self.thread.send(task);
        result.recv().map_err(io::Error::other)?
    }
}

impl Drop for RemoteHost {
    fn drop(&mut self) {
        // The namespace would remove it as well, but only after its last socket is closed.
        let _ = run("ip", ["link", "del", &self.cable]);
    }
}

impl fmt::Debug for RemoteHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteHost")
            .field("address", &self.address)
            .field("cable", &self.cable)
            .finish_non_exhaustive()
    }
}

/// Sets what iptables does with all packets.
fn policy(target: &str) -> io::Result<()> {
    run("iptables", ["-P", "INPUT", target])?;
    run("iptables", ["-P", "OUTPUT", target])
}

fn run(program: &str, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> io::Result<()> {
    let output = Command::new(program).args(arguments).output();
    let output = output.map_err(|error| required(program, error))?;
    if output.status.success() {
        return Ok(());
    }
    let reason = String::from_utf8_lossy(&output.stderr);
    Err(required(
        &format!("root and {program}"),
        format!("{program} failed: {}", reason.trim()),
    ))
}

fn required(what: &str, error: impl fmt::Display) -> io::Error {
    io::Error::other(format!("a remote host requires {what}: {error}"))
}
