//! Runs a command COUNT times, at most 50 at once, each up to three times.
//!
//! `cargo run --example batch MASTER STATE COUNT COMMAND`
//!
//! The command finds its number in `$ITEM`. The file STATE keeps what was done. If the program is
//! killed, start it again: it continues where it was, and runs nothing twice.

use std::time::Duration;

use mesos::framework::store::RedbState;
use mesos::framework::{JobSpec, RetryPolicy, Runner, TaskSpec};
use mesos::http::HttpBackend;
use mesos::{BoxError, Framework};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let mut words = std::env::args().skip(1);
    let mut word = || {
        words
            .next()
            .ok_or("usage: batch MASTER STATE COUNT COMMAND")
    };
    let (master, state, count, command) = (word()?, word()?, word()?, word()?);
    let framework = Framework::with_failover_timeout("batch", Duration::from_secs(3600));
    let runner = Runner::builder(framework).state(RedbState::open(state)?);
    let runner = runner.start(HttpBackend::new(master.parse()?)).await?;
    let job = |item: u32| {
        let task = TaskSpec::shell(format!("item-{item}"), &command).env("ITEM", item);
        JobSpec::new(task).retry(RetryPolicy::attempts(3))
    };
    let mut outcomes = runner.run_all((0..count.parse()?).map(job)).max_running(50);
    while let Some(outcome) = outcomes.next().await {
        let outcome = outcome?;
        println!(
            "{} {} {:?}",
            outcome.name,
            outcome.state.as_str_name(),
            outcomes.progress()
        );
    }
    runner.stop().await?;
    Ok(())
}
