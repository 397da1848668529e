//! Keeps COUNT instances of a command running, with several schedulers of which one leads.
//!
//! `cargo run --example ha MASTER STATE COUNT COMMAND`
//!
//! STATE is an address such as `zk://10.0.0.1:2181/ha`. Start the program on several machines with
//! the same words: one leads, and the others wait. If the leader is killed, paused or cut off, the
//! next one takes over, and the instances continue. Ctrl-C hands over at once.

use std::time::Duration;

use mesos::framework::{Runner, ServiceSpec, TaskSpec};
use mesos::http::HttpBackend;
use mesos::store::ZooKeeperState;
use mesos::{BoxError, Framework};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let mut words = std::env::args().skip(1);
    let mut word = || words.next().ok_or("usage: ha MASTER STATE COUNT COMMAND");
    let (master, state, count, command) = (word()?, word()?, word()?, word()?);
    let framework = Framework::with_failover_timeout("ha", Duration::from_secs(3600));
    let runner = Runner::builder(framework)
        .state(state.parse::<ZooKeeperState>()?)
        .on_standby(|leader| println!("waiting, {leader} leads"));
    let runner = runner.start(HttpBackend::new(master.parse()?)).await?;
    let service = ServiceSpec::new(TaskSpec::shell("ha", command)).instances(count.parse()?);
    let service = runner.keep(service).await?;
    println!("{} ready", service.wait_ready().await?.ready());
    tokio::select! {
        end = runner.join() => Ok(end?),
        _ = tokio::signal::ctrl_c() => Ok(runner.detach().await?),
    }
}
