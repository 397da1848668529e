//! A scheduler as small as a program can be, to measure the memory of a process: it acknowledges
//! updates and declines offers. Prints the lines of `/proc/self/status` about memory when the master
//! has ended the subscription.

#![forbid(unsafe_code)]

use std::error::Error;

use async_trait::async_trait;
use mesos_core::{Disconnected, Framework, HandlerResult, Scheduler, SchedulerDriver};
use mesos_http::HttpBackend;
use tokio::runtime::Builder;

struct Least;

#[async_trait]
impl Scheduler for Least {
    async fn disconnected(&mut self, driver: &SchedulerDriver, _: Disconnected) -> HandlerResult {
        let status = std::fs::read_to_string("/proc/self/status")?;
        for line in status.lines() {
            if line.starts_with("VmHWM") || line.starts_with("VmRSS") || line.starts_with("Rss") {
                println!("{line}");
            }
        }
        driver.abort();
        Ok(())
    }
}

/// The arguments are the address of the master, and the number of threads of the runtime.
fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let master = arguments
        .next()
        .ok_or("the address of the master is missing")?;
    let threads: usize = arguments.next().as_deref().unwrap_or("1").parse()?;
    let mut builder = match threads {
        1 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    let runtime = builder.worker_threads(threads).enable_all().build()?;
    runtime.block_on(async {
        let backend = HttpBackend::new(master.parse()?);
        let framework = Framework::ephemeral("least");
        SchedulerDriver::start(Least, framework, backend)
            .join()
            .await?;
        Ok(())
    })
}
