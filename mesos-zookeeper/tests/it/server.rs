//! A real ZooKeeper for tests: one server or an ensemble, on loopback, with a
//! directory of its own. Needs Debian's package `zookeeper`, which brings Java,
//! and nothing of this crate.
//!
//! The servers end with the value, and by SIGKILL with the thread that started
//! them where the system has `setpriv`.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

/// The classes of ZooKeeper; its manifest names all that it needs.
const JAR: &str = "/usr/share/java/zookeeper.jar";

/// How long a server may take to serve.
const START: Duration = Duration::from_secs(60);

/// Set to `1`, it makes a test fail that cannot have the real thing.
const REQUIRE_VARIABLE: &str = "MESOS_REQUIRE_REAL";

/// Servers that form one ZooKeeper.
pub(crate) struct ZooKeeper {
    servers: Vec<Server>,
    _directory: TempDir,
}

struct Server {
    port: u16,
    directory: PathBuf,
    process: Option<Child>,
}

impl ZooKeeper {
    /// One server that serves; or none, with a notice on stderr, where there is
    /// no ZooKeeper and none is required. The test should return then.
    ///
    /// # Panics
    /// If there is none and one is required, and if it does not start.
    pub(crate) async fn start() -> Option<Self> {
        Self::ensemble(1).await
    }

    /// The same with so many servers.
    pub(crate) async fn ensemble(size: usize) -> Option<Self> {
        if !available() {
            return None;
        }
        // Ports are free when they are asked for, and may be taken when they
        // are used.
        for _ in 0..5 {
            let mut zookeeper = Self::configured(size);
            if zookeeper.run().await {
                return Some(zookeeper);
            }
        }
        panic!("ZooKeeper has not started on any port");
    }

    fn configured(size: usize) -> Self {
        let directory = TempDir::with_prefix("zookeeper-").expect("a directory");
        let listeners: Vec<TcpListener> = (0..3 * size)
            .map(|_| TcpListener::bind("127.0.0.1:0").expect("a port"))
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
                .map(|(ports, id)| format!("server.{id}=127.0.0.1:{}:{}\n", ports[1], ports[2]))
                .collect()
        };
        let servers = ports
            .chunks(3)
            .zip(1..)
            .map(|(ports, id)| Server::configured(directory.path(), id, ports[0], &members))
            .collect();
        Self {
            servers,
            _directory: directory,
        }
    }

    /// Whether all servers serve; otherwise one of them has ended.
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

    /// `host:port` of each server, with commas between them.
    pub(crate) fn servers(&self) -> String {
        let all: Vec<String> = self.servers.iter().map(Server::address).collect();
        all.join(",")
    }

    /// `host:port` of one server.
    pub(crate) fn server(&self, index: usize) -> String {
        self.servers[index].address()
    }

    /// Ends a server by SIGKILL. What it has written stays.
    pub(crate) fn kill(&mut self, index: usize) {
        self.servers[index].kill();
    }

    /// Starts a server again that was killed, and waits until it serves.
    pub(crate) async fn restart(&mut self, index: usize) {
        self.servers[index].start();
        assert!(self.servers[index].serves().await, "it ended again");
    }

    /// Removes all data of a server that was killed.
    pub(crate) fn forget(&mut self, index: usize) {
        fs::remove_dir_all(self.servers[index].directory.join("version-2")).expect("data");
    }

    /// Stops a server from doing anything; its sockets stay.
    pub(crate) fn pause(&self, index: usize) {
        self.servers[index].signal("STOP");
    }

    /// Ends a pause.
    pub(crate) fn resume(&self, index: usize) {
        self.servers[index].signal("CONT");
    }
}

impl Server {
    fn configured(parent: &Path, id: usize, port: u16, members: &str) -> Self {
        let directory = parent.join(id.to_string());
        fs::create_dir(&directory).expect("a directory");
        fs::write(directory.join("myid"), id.to_string()).expect("myid");
        let data = directory.display();
        // The tick is what elections and short session timeouts need.
        let configuration = format!(
            "dataDir={data}\nclientPort={port}\nclientPortAddress=127.0.0.1\n\
             tickTime=200\ninitLimit=100\nsyncLimit=50\n\
             minSessionTimeout=400\nmaxSessionTimeout=60000\nmaxClientCnxns=0\n\
             admin.enableServer=false\n4lw.commands.whitelist=srvr\n{members}"
        );
        fs::write(directory.join("zoo.cfg"), configuration).expect("zoo.cfg");
        Self {
            port,
            directory,
            process: None,
        }
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
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

    /// Waits until it serves, or has ended.
    async fn serves(&mut self) -> bool {
        let deadline = Instant::now() + START;
        loop {
            let process = self.process.as_mut().expect("a process");
            if process.try_wait().expect("a child").is_some() {
                self.process = None;
                return false;
            }
            if self.says_so().await {
                return true;
            }
            assert!(
                Instant::now() < deadline,
                "no ZooKeeper on port {} within {START:?}: {}",
                self.port,
                fs::read_to_string(self.directory.join("log")).unwrap_or_default()
            );
            // sleep: a server has no other way to say that it serves than to be asked.
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// A server that has not found the others yet has no mode.
    async fn says_so(&self) -> bool {
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
