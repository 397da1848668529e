//! Runs a task on the master that a command prints, for example a client of a service registry:
//! `cargo run --example custom_detector 'consul kv get mesos/leader'`

use std::time::Duration;

use mesos::framework::{Runner, TaskSpec};
use mesos::http::HttpBackend;
use mesos::http::detect::{Detection, Detector};
use mesos::{Error, ErrorKind, Framework};
use tokio::process::Command;
use tokio::sync::watch;

/// Runs the command every second while a subscription wants to know the leader.
#[derive(Debug)]
struct Ask(String);

impl Detector for Ask {
    fn watch(&self) -> watch::Receiver<Detection> {
        let unknown = Error::new(ErrorKind::NotLeader, "the command has not ended yet");
        let (sender, receiver) = watch::channel(Err(unknown));
        let command = self.0.clone();
        tokio::spawn(async move {
            while !sender.is_closed() {
                let found = ask(&command).await;
                sender.send_if_modified(|known| {
                    let changed = known.as_ref().ok() != found.as_ref().ok();
                    *known = found;
                    changed
                });
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        receiver
    }
}

/// Errors of this kind make the driver wait for the next answer.
async fn ask(command: &str) -> Detection {
    let failed = |reason: String| Error::new(ErrorKind::NotLeader, format!("{command}: {reason}"));
    let output = Command::new("sh").args(["-c", command]).output().await;
    let output = output.map_err(|error| failed(error.to_string()))?;
    let printed = String::from_utf8_lossy(&output.stdout);
    match printed.trim().parse() {
        Ok(endpoint) => Ok(vec![endpoint]),
        Err(error) => Err(failed(format!("{error} ({})", output.status))),
    }
}

#[tokio::main]
async fn main() -> Result<(), mesos::BoxError> {
    tracing_subscriber::fmt::init(); // Shows why a connection fails.
    let usage = "usage: custom_detector COMMAND";
    let command = std::env::args().nth(1).ok_or(usage)?;
    let backend = HttpBackend::with_detector(Ask(command));
    let framework = Framework::ephemeral("custom detector");
    let runner = Runner::builder(framework).start(backend).await?;
    let outcome = runner.run(TaskSpec::shell("hello", "echo hello")).await?;
    println!("hello: {:?}", outcome.state);
    runner.stop().await?;
    Ok(())
}
