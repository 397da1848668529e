//! Runs a command COUNT times, and shows the jobs on a web page on PORT, until Ctrl-C:
//! `cargo run --example status_page MASTER COUNT COMMAND PORT`

use std::time::Duration;

use mesos::framework::{Runner, TaskSpec};
use mesos::http::HttpBackend;
use mesos::operator::MasterClient;
use mesos::status::StatusPage;
use mesos::{BoxError, Framework, Master};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    tracing_subscriber::fmt::init(); // Shows why a connection fails.
    let mut words = std::env::args().skip(1);
    let mut word = || {
        words
            .next()
            .ok_or("usage: status_page MASTER COUNT COMMAND PORT")
    };
    let (master, count, command, port) = (word()?, word()?, word()?, word()?);
    let (master, count): (Master, u32) = (master.parse()?, count.parse()?);
    let framework = Framework::with_failover_timeout("status_page", Duration::from_secs(600));
    let backend = HttpBackend::new(master.clone());
    let runner = Runner::builder(framework).start(backend).await?;

    let page = StatusPage::new(&runner).logs(MasterClient::new(master));
    let page = page.listen(port.parse()?).await?;
    println!("open {}", page.url());

    for item in 0..count {
        let task = TaskSpec::shell(format!("item-{item}"), &command).env("ITEM", item);
        runner.submit(task.cpus(0.1).mem(32.0)).await?;
    }
    tokio::signal::ctrl_c().await?;
    runner.stop().await?;
    Ok(())
}
