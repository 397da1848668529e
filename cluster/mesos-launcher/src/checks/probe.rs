//! Performs one check (`src/checks/checker_process.cpp` in Mesos' tree).

use std::net::SocketAddr;
use std::time::Duration;

use mesos_core::backend::blocking;
use mesos_core::error_chain;
use mesos_process::{Pauses, TimeLimit};
use mesos_proto::v1::CheckStatusInfo;
use tokio::net::TcpStream;
use ureq::tls::TlsConfig;

use super::spec::{Probe, Spec};
use super::{CommandRunner, Exit};

/// curl's limit.
const REDIRECTS: u32 = 50;

/// The result of one check.
#[derive(Debug)]
pub(super) enum ProbeResult {
    Done(CheckStatusInfo),
    Failed,
    /// The result is unknown for a reason outside the task.
    Unavailable,
}

impl Spec {
    /// Performs the check once. Writes the reason of a failure to stderr, a file of the sandbox.
    pub(super) async fn perform(&self, commands: &dyn CommandRunner) -> ProbeResult {
        let mut status = self.empty();
        match &self.probe {
            Probe::Command(command) => match commands.run(command, self.timeout).await {
                Exit::Code(code) => {
                    status.command.get_or_insert_default().exit_code = Some(code);
                }
                Exit::Failed(reason) => return failed(&reason),
                Exit::Unavailable(reason) => {
                    eprintln!("a check has no result: {reason}");
                    return ProbeResult::Unavailable;
                }
            },
            Probe::Http(url) => match http(url, self.timeout).await {
                Ok(code) => {
                    status.http.get_or_insert_default().status_code = Some(code.into());
                }
                Err(reason) => return failed(&format!("{url}: {reason}")),
            },
            Probe::Tcp(address) => match tcp(*address, self.timeout).await {
                Some(succeeded) => {
                    status.tcp.get_or_insert_default().succeeded = Some(succeeded);
                }
                None => return failed(&format!("connecting to {address} timed out")),
            },
        }
        ProbeResult::Done(status)
    }
}

fn failed(reason: &str) -> ProbeResult {
    eprintln!("a check failed: {reason}");
    ProbeResult::Failed
}

/// Whether a connection succeeds; `None` after the limit.
async fn tcp(address: SocketAddr, limit: Option<Duration>) -> Option<bool> {
    let connect = TcpStream::connect(address);
    let connected = match limit {
        Some(limit) => TimeLimit::new(limit).limit(connect).await?,
        None => connect.await,
    };
    Some(connected.is_ok())
}

/// The status of `GET url`, after redirects. The limit of the HTTP library counts pauses of this
/// process, so a request that failed after a pause is repeated once.
async fn http(url: &str, limit: Option<Duration>) -> Result<u16, String> {
    let mut pauses = Pauses::default();
    let got = pauses.during(get(url.to_owned(), limit)).await;
    match got {
        Err(_) if !pauses.total().is_zero() => get(url.to_owned(), limit).await,
        got => got,
    }
}

/// Accepts any certificate: a check examines the task, not its identity.
async fn get(url: String, limit: Option<Duration>) -> Result<u16, String> {
    let get = move || {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(REDIRECTS)
            .timeout_global(limit)
            .proxy(None)
            .tls_config(TlsConfig::builder().disable_verification(true).build())
            .build()
            .new_agent();
        let response = agent.get(&url).call().map_err(|error| error.to_string())?;
        Ok(response.status().as_u16())
    };
    let got = blocking(get).await;
    got.unwrap_or_else(|error| Err(error_chain(&error)))
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn an_http_check_that_was_paused_for_longer_than_its_timeout_is_repeated() {
        let server = TcpListener::bind("127.0.0.1:0").expect("a socket");
        let url = format!("http://{}/", server.local_addr().expect("an address"));
        let (asked, asks) = tokio::sync::oneshot::channel();
        let server = thread::spawn(move || {
            let (mut unanswered, _) = server.accept().expect("a connection");
            read_head(&mut unanswered);
            asked.send(()).expect("the test runs");
            let (mut stream, _) = server.accept().expect("another connection");
            read_head(&mut stream);
            let answer = "HTTP/1.1 204 No Content\r\n\r\n";
            stream.write_all(answer.as_bytes()).expect("a client");
            drop(unanswered);
        });
        tokio::spawn(async {
            asks.await.expect("a request");
            // sleep: blocks the only thread of the runtime, which is the subject of the test.
            thread::sleep(3 * LIMIT);
        });
        assert_eq!(http(&url, Some(LIMIT)).await, Ok(204));
        server.join().expect("no panic");
    }

    fn read_head(stream: &mut std::net::TcpStream) {
        let lines = BufReader::new(stream).lines();
        lines.map_while(Result::ok).find(String::is_empty);
    }
}
