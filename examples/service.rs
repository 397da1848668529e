//! Keeps COUNT instances of a command running.
//!
//! `cargo run --example service MASTER STATE COUNT COMMAND`
//!
//! The file STATE keeps what runs. If the program is killed, the instances continue. Start it again
//! with the same words to take over, or with another number or command to change the service.
//! Ctrl-C removes the service.

use std::time::Duration;

use mesos::framework::store::RedbState;
use mesos::framework::{Runner, ServiceSpec, TaskSpec};
use mesos::http::HttpBackend;
use mesos::{BoxError, Framework};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let mut words = std::env::args().skip(1);
    let mut word = || {
        words
            .next()
            .ok_or("usage: service MASTER STATE COUNT COMMAND")
    };
    let (master, state, count, command) = (word()?, word()?, word()?, word()?);
    let framework = Framework::with_failover_timeout("service", Duration::from_secs(3600));
    let runner = Runner::builder(framework).state(RedbState::open(state)?);
    let runner = runner.start(HttpBackend::new(master.parse()?)).await?;
    let service = ServiceSpec::new(TaskSpec::shell("service", command)).instances(count.parse()?);
    let service = runner.keep(service).await?;
    println!("{} ready", service.wait_ready().await?.ready());
    tokio::signal::ctrl_c().await?;
    service.remove().await?;
    runner.stop().await?;
    Ok(())
}
