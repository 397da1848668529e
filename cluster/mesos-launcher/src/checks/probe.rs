//! One look (`src/checks/checker_process.cpp` in Mesos' tree).

use std::net::SocketAddr;
use std::time::Duration;

use mesos_proto::v1::CheckStatusInfo;
use tokio::net::TcpStream;
use tokio::time::timeout;
use ureq::tls::TlsConfig;

use super::spec::{Probe, Spec};
use super::{Commands, Exit};

/// As curl's.
const REDIRECTS: u32 = 50;

/// What came of one look.
#[derive(Debug)]
pub(super) enum Outcome {
    Done(CheckStatusInfo),
    Failed,
    /// No result, through no fault of the task's.
    Unavailable,
}

impl Spec {
    /// Looks once. Why it failed goes to stderr, which is a file of the sandbox.
    pub(super) async fn perform(&self, commands: &dyn Commands) -> Outcome {
        let mut status = self.empty();
        match &self.probe {
            Probe::Command(command) => match commands.run(command, self.timeout).await {
                Exit::Code(code) => {
                    status.command.get_or_insert_default().exit_code = Some(code);
                }
                Exit::Failed(reason) => return failed(&reason),
                Exit::Unavailable(reason) => {
                    eprintln!("a check has no result: {reason}");
                    return Outcome::Unavailable;
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
                None => return failed(&format!("no connection to {address} in time")),
            },
        }
        Outcome::Done(status)
    }
}

fn failed(reason: &str) -> Outcome {
    eprintln!("a check failed: {reason}");
    Outcome::Failed
}

/// Whether one can connect; none if that is not known in time.
async fn tcp(address: SocketAddr, limit: Option<Duration>) -> Option<bool> {
    let connect = TcpStream::connect(address);
    let connected = match limit {
        Some(limit) => timeout(limit, connect).await.ok()?,
        None => connect.await,
    };
    Some(connected.is_ok())
}

/// The status of `GET url`, redirects followed. Any certificate will do: it is the task that is
/// looked at, and not who it is.
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
