//! The program `mesos-local` as a user runs it.

mod common;
#[path = "../../../mesos-zookeeper/tests/it/server.rs"]
#[allow(dead_code, reason = "this test program uses a part of it")]
mod zookeeper_server;

use std::io::BufReader;
use std::process::{Child, ChildStdout, Command, Stdio};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use common::{active_agents, get, line_after};
use mesos_local::testing::require_real;
use mesos_local::{DEFAULT_VERSION, LocalCluster};
use mesos_native::Library;
use mesos_zookeeper::masters::leading;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use zookeeper_client::Client;
use zookeeper_server::ZooKeeper;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mesos-local");

/// A running `mesos-local up`.
struct Up {
    program: Child,
    stdout: BufReader<ChildStdout>,
    url: String,
    port: u16,
}

impl Up {
    /// Waits until the cluster is up.
    fn start(change: impl FnOnce(&mut Command)) -> Self {
        let mut command = Command::new(PROGRAM);
        command.args(["up", "--port", "0"]).stdout(Stdio::piped());
        change(&mut command);
        let mut program = command.spawn().expect("mesos-local");
        let mut stdout = BufReader::new(program.stdout.take().expect("a pipe"));
        let rest = line_after(&mut stdout, "    http");
        let url = format!("http{rest}");
        let port = url
            .strip_suffix("/master")
            .and_then(|url| url.rsplit(':').next());
        let port = port.and_then(|port| port.parse().ok()).expect("a port");
        Self {
            program,
            stdout,
            url,
            port,
        }
    }

    fn stop(mut self) {
        kill(
            Pid::from_raw(self.program.id().cast_signed()),
            Signal::SIGTERM,
        )
        .expect("it runs");
        assert!(self.program.wait().expect("its end").success());
        get(self.port, "/master/health").expect_err("no master listens any more");
    }
}

/// Whether this machine can have a cluster.
async fn available() -> bool {
    require_real(LocalCluster::builder().agents(0).start().await).is_some()
}

#[tokio::test]
async fn up_runs_until_sigterm_and_leaves_no_process() {
    if !available().await {
        return;
    }
    let up = Up::start(|command| {
        command.args(["--agents", "2"]);
    });
    assert_eq!(active_agents(up.port), 2);
    up.stop();
}

#[tokio::test]
async fn the_path_that_fetch_prints_can_be_loaded_and_runs_a_cluster() {
    if !available().await {
        return;
    }
    let output = Command::new(PROGRAM).arg("fetch").output();
    let output = output.expect("mesos-local");
    assert!(output.status.success(), "{output:?}");
    let path = String::from_utf8(output.stdout).expect("UTF-8");
    let path = path.trim_end();
    let library = Library::open(path).expect("a libmesos");
    assert_eq!(library.version(), Some(DEFAULT_VERSION));
    let up = Up::start(|command| {
        command.env("MESOS_NATIVE_LIBRARY", path);
    });
    assert_eq!(active_agents(up.port), 1);
    up.stop();
}

/// The status of a subscription at the master of this URL.
fn subscribe(url: &str, authority: &str, credential: Option<&str>) -> u16 {
    let pem = std::fs::read(authority).expect("the authority's file");
    let certificate = Certificate::from_pem(&pem).expect("a certificate");
    let roots = RootCerts::new_with_certs(&[certificate]);
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .tls_config(TlsConfig::builder().root_certs(roots).build())
        .build()
        .new_agent();
    let mut request = agent
        .post(format!("{url}/api/v1/scheduler"))
        .header("Content-Type", "application/json");
    if let Some(credential) = credential {
        let token = BASE64_STANDARD.encode(credential);
        request = request.header("Authorization", format!("Basic {token}"));
    }
    let subscribe = r#"{"type": "SUBSCRIBE",
        "subscribe": {"framework_info": {"name": "up", "user": "nobody"}}}"#;
    let response = request.send(subscribe).expect("an answer over TLS");
    response.status().as_u16()
}

#[tokio::test]
async fn up_with_tls_and_credentials_serves_only_clients_that_have_both() {
    if !available().await {
        return;
    }
    let mut up = Up::start(|command| {
        command.args([
            "--tls",
            "--credential",
            "me:s3cret",
            "--credential",
            "you:s3",
        ]);
    });
    assert!(up.url.starts_with("https://127.0.0.1:"), "{}", up.url);
    let authority = line_after(&mut up.stdout, "clients have to trust ");
    for (credential, expected) in [
        (None, 401),
        (Some("me:wrong"), 401),
        (Some("me:s3cret"), 200),
        (Some("you:s3"), 200),
    ] {
        let status = subscribe(&up.url, &authority, credential);
        assert_eq!(status, expected, "{credential:?}");
    }
    get(up.port, "/master/health").expect_err("without TLS there is no answer");
    up.stop();
    assert!(!std::path::Path::new(&authority).exists(), "left behind");
}

#[test]
fn a_credential_without_a_secret_is_refused() {
    for credential in ["me", "me:", ":s3"] {
        let output = Command::new(PROGRAM)
            .args(["up", "--credential", credential])
            .output();
        let output = output.expect("mesos-local");
        assert_eq!(output.status.code(), Some(2), "{credential}");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(error.contains("PRINCIPAL:SECRET"), "{error}");
    }
}

#[tokio::test]
async fn up_registers_the_master_in_a_zookeeper_and_removes_it_at_the_end() {
    let Some(server) = ZooKeeper::start().await else {
        return;
    };
    if !available().await {
        return;
    }
    let address = format!("zk://{}/cluster/mesos", server.servers());
    let mut up = Up::start(|command| {
        command.args(["--tls", "--zookeeper", &address]);
    });
    let registered = line_after(&mut up.stdout, "the master is registered at ");
    assert_eq!(registered, address);
    let client = Client::connect(&server.servers()).await.expect("ZooKeeper");
    let path = "/cluster/mesos";
    let nodes = client.list_children(path).await.expect("the path");
    let leader = leading(&nodes).expect("the node of a master");
    let node = format!("{path}/{}", leader.node);
    let (data, stat) = client.get_data(&node).await.expect("the node");
    assert_ne!(stat.ephemeral_owner, 0, "the node is not ephemeral");
    let expected = format!("127.0.0.1:{}", up.port);
    assert_eq!(leader.address(&data).expect("an address"), expected);
    up.stop();
    let nodes = client.list_children(path).await.expect("the path");
    assert!(nodes.is_empty(), "{nodes:?}");
}

#[tokio::test]
async fn up_fails_with_the_address_if_zookeeper_does_not_run() {
    if !available().await {
        return;
    }
    // Bound and dropped: no process listens there.
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    let address = format!("zk://{}/mesos", free.expect("a free port"));
    let output = Command::new(PROGRAM)
        .args([
            "up",
            "--port",
            "0",
            "--agents",
            "0",
            "--zookeeper",
            &address,
        ])
        .output()
        .expect("mesos-local");
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8_lossy(&output.stderr);
    let expected = format!("cannot create the master's node in {address}: ");
    assert!(error.contains(&expected), "{error}");
}
