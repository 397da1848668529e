//! Performs one check (`src/checks/checker_process.cpp` in Mesos' tree).

use std::net::SocketAddr;
use std::time::Duration;

use mesos_proto::v1::CheckStatusInfo;
use tokio::net::TcpStream;
use tokio::time::timeout;
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
            Probe::Http(url) => match http(url.clone(), self.timeout).await {
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
        Some(limit) => timeout(limit, connect).await.ok()?,
        None => connect.await,
    };
    Some(connected.is_ok())
}

/// The status of `GET url`, after redirects. Accepts any certificate: a check examines the task, not
/// its identity.
async fn http(url: String, limit: Option<Duration>) -> Result<u16, String> {
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
    let got = tokio::task::spawn_blocking(get).await;
    got.unwrap_or_else(|end| Err(end.to_string()))
}
