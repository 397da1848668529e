//! A real ZooKeeper for tests: one server or an ensemble, on loopback, with a temporary directory.
//! Requires Debian's package `zookeeper`, which depends on Java. Uses no other module of this crate.
//!
//! The servers end when the value is dropped. If the system has `setpriv`, they also end (by SIGKILL)
//! with the thread that started them.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

/// ZooKeeper's classes; the manifest names all dependencies.
const JAR: &str = "/usr/share/java/zookeeper.jar";

/// The time limit for the start of a server.
const START: Duration = Duration::from_secs(60);

/// If this variable is `1`, a test without a real ZooKeeper fails.
const REQUIRE_VARIABLE: &str = "MESOS_REQUIRE_REAL";

/// How long a session may last, unless the test names another limit.
const SESSIONS: Duration = Duration::from_secs(60);

/// The host of the servers, unless the test names another one.
const HOST: &str = "127.0.0.1";

/// The servers of one ZooKeeper.
pub(crate) struct ZooKeeper {
    servers: Vec<Server>,
    _directory: TempDir,
}

struct Server {
    /// As in an address: IPv6 in brackets.
    host: &'static str,
    port: u16,
    directory: PathBuf,
    process: Option<Child>,
}

impl ZooKeeper {
    /// Starts one server. Without an installed ZooKeeper it returns `None` and prints a notice, and the
    /// test should return.
    ///
    /// # Panics
    /// If ZooKeeper is required but not installed, or if it does not start.
    pub(crate) async fn start() -> Option<Self> {
        Self::ensemble(1).await
    }

    /// Like [`start`](Self::start), with `size` servers.
    pub(crate) async fn ensemble(size: usize) -> Option<Self> {
        Self::at(HOST, size).await
    }

    /// Like [`start`](Self::start), at the address `[::1]`, which the machine must have.
    #[allow(dead_code, reason = "not all users of this file test IPv6")]
    pub(crate) async fn start_at_ipv6() -> Option<Self> {
        Self::at("[::1]", 1).await
    }

    /// Like [`start`](Self::start), with sessions that last at most this long.
    #[allow(dead_code, reason = "not all users of this file wait for sessions")]
    pub(crate) async fn with_sessions_up_to(limit: Duration) -> Option<Self> {
        Self::limited(HOST, 1, limit).await
    }

    async fn at(host: &'static str, size: usize) -> Option<Self> {
        Self::limited(host, size, SESSIONS).await
    }

    async fn limited(host: &'static str, size: usize, sessions: Duration) -> Option<Self> {
        if !available() {
            return None;
        }
        // Another process may take a port between the check and its use.
        for _ in 0..5 {
            let mut zookeeper = Self::configured(host, size, sessions);
            if zookeeper.run().await {
                return Some(zookeeper);
            }
        }
        panic!("ZooKeeper has not started on any port");
    }

    fn configured(host: &'static str, size: usize, sessions: Duration) -> Self {
        let directory = TempDir::with_prefix("zookeeper-").expect("a directory");
        let listeners: Vec<TcpListener> = (0..3 * size)
            .map(|_| TcpListener::bind(format!("{host}:0")).expect("a port"))
            .collect();
        let ports: Vec<u16> = listeners
            .iter()
            .map(|listener| listener.local_addr().expect("an address").port())
            .collect();
        let members: String = if size == 1 {
            String::new()
        } else {
            ports
                .chunks(3)
                .zip(1..)
                .map(|(ports, id)| format!("server.{id}={host}:{}:{}\n", ports[1], ports[2]))
                .collect()
        };
        let servers = ports
            .chunks(3)
            .zip(1..)
            .map(|(ports, id)| {
                let address = (host, ports[0]);
                Server::configured(directory.path(), id, address, &members, sessions)
            })
            .collect();
        Self {
            servers,
            _directory: directory,
        }
    }

    /// Whether all servers accept requests. If not, one of them has ended.
    async fn run(&mut self) -> bool {
        for server in &mut self.servers {
            server.start();
        }
        for server in &mut self.servers {
            if !server.serves().await {
                return false;
            }
        }
        true
    }

    /// `host:port` of each server, separated by commas.
    pub(crate) fn servers(&self) -> String {
        let all: Vec<String> = self.servers.iter().map(Server::address).collect();
        all.join(",")
    }

    /// `host:port` of one server.
    pub(crate) fn server(&self, index: usize) -> String {
        self.servers[index].address()
    }

    /// Ends a server by SIGKILL. Its data stays.
    pub(crate) fn kill(&mut self, index: usize) {
        self.servers[index].kill();
    }

    /// Restarts a killed server, and waits until it accepts requests.
    pub(crate) async fn restart(&mut self, index: usize) {
        self.servers[index].start();
        assert!(self.servers[index].serves().await, "it ended again");
    }

    /// Removes all data of a killed server.
    pub(crate) fn forget(&mut self, index: usize) {
        fs::remove_dir_all(self.servers[index].directory.join("version-2")).expect("data");
    }

    /// Suspends a server. Its sockets stay open.
    pub(crate) fn pause(&self, index: usize) {
        self.servers[index].signal("STOP");
        self.servers[index].wait_until_stopped();
    }

    /// Resumes a suspended server.
    pub(crate) fn resume(&self, index: usize) {
        self.servers[index].signal("CONT");
    }
}

impl Server {
    fn configured(
        parent: &Path,
        id: usize,
        (host, port): (&'static str, u16),
        members: &str,
        sessions: Duration,
    ) -> Self {
        let directory = parent.join(id.to_string());
        fs::create_dir(&directory).expect("a directory");
        fs::write(directory.join("myid"), id.to_string()).expect("myid");
        let data = directory.display();
        let ip = host.trim_matches(['[', ']']);
        let sessions = sessions.as_millis();
        // A short tick allows fast elections and short session timeouts.
        let configuration = format!(
            "dataDir={data}\nclientPort={port}\nclientPortAddress={ip}\n\
             tickTime=200\ninitLimit=100\nsyncLimit=50\n\
             minSessionTimeout=400\nmaxSessionTimeout={sessions}\nmaxClientCnxns=0\n\
             admin.enableServer=false\n4lw.commands.whitelist=srvr\n{members}"
        );
        fs::write(directory.join("zoo.cfg"), configuration).expect("zoo.cfg");
        Self {
            host,
            port,
            directory,
            process: None,
        }
    }

    fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    fn start(&mut self) {
        assert!(self.process.is_none(), "it runs already");
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.directory.join("log"))
            .expect("a log");
        let mut command = if runs("setpriv", "--version") {
            let mut command = Command::new("setpriv");
            command.args(["--pdeathsig", "KILL", "java"]);
            command
        } else {
            Command::new("java")
        };
        let process = command
            .args(["-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
            .args([
                "-cp",
                JAR,
                "org.apache.zookeeper.server.quorum.QuorumPeerMain",
            ])
            .arg(self.directory.join("zoo.cfg"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .spawn()
            .expect("java");
        self.process = Some(process);
    }

    /// Waits until the server accepts requests, or has ended.
    async fn serves(&mut self) -> bool {
        let deadline = Instant::now() + START;
        loop {
            let process = self.process.as_mut().expect("a process");
            if process.try_wait().expect("a child").is_some() {
                self.process = None;
                return false;
            }
            if self.has_mode().await {
                return true;
            }
            assert!(
                Instant::now() < deadline,
                "no ZooKeeper on port {} within {START:?}: {}",
                self.port,
                fs::read_to_string(self.directory.join("log")).unwrap_or_default()
            );
            // sleep: a server reports its state only when it is asked.
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Whether the server reports a mode. Before it has found the others, it has none.
    async fn has_mode(&self) -> bool {
        let asking = async {
            let mut stream = TcpStream::connect(self.address()).await?;
            stream.write_all(b"srvr").await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            std::io::Result::Ok(answer)
        };
        matches!(
            timeout(Duration::from_secs(5), asking).await,
            Ok(Ok(answer)) if answer.contains("Mode: ")
        )
    }

    fn signal(&self, signal: &str) {
        let process = self.process.as_ref().expect("a process");
        let sent = Command::new("kill")
            .args([format!("-{signal}"), process.id().to_string()])
            .status();
        assert!(sent.expect("kill").success());
    }

    /// Waits until all threads have stopped: `kill` returns earlier.
    fn wait_until_stopped(&self) {
        let process = self.process.as_ref().expect("a process");
        let tasks = format!("/proc/{}/task", process.id());
        let stopped = |task: fs::DirEntry| {
            // A thread that has just ended has no file any more.
            let stat = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
            // The state follows the name, which is in parentheses.
            stat.rsplit_once(") ")
                .is_none_or(|(_, rest)| rest.starts_with('T'))
        };
        let deadline = Instant::now() + START;
        while !fs::read_dir(&tasks)
            .expect("the threads")
            .all(|task| stopped(task.expect("a thread")))
        {
            assert!(Instant::now() < deadline, "the server does not stop");
            std::thread::yield_now();
        }
    }

    fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("a child");
            process.wait().expect("a child");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn available() -> bool {
    let missing = if !Path::new(JAR).exists() {
        JAR
    } else if !runs("java", "-version") {
        "java"
    } else {
        return true;
    };
    let required = std::env::var_os(REQUIRE_VARIABLE).is_some_and(|value| value == "1");
    assert!(
        !required,
        "no real ZooKeeper: {missing} is missing; install the package zookeeper"
    );
    eprintln!(
        "NOT TESTED: there is no real ZooKeeper here ({missing} is missing; the package zookeeper \
         has it), and {REQUIRE_VARIABLE} is not 1"
    );
    false
}

fn runs(program: &str, argument: &str) -> bool {
    Command::new(program)
        .arg(argument)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
