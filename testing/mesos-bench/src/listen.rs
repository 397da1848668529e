//! Messages of an executor to its scheduler on a real Mesos: callbacks without an answer, which
//! measure the path to the handler.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use anyhow::{Result, bail};
use async_trait::async_trait;
use bytes::Bytes;
use mesos_core::{HandlerResult, Offer, Scheduler, SchedulerDriver};
use mesos_proto::v1::{AgentId, ExecutorId, ExecutorInfo, TaskInfo};

use crate::job::{Launch, Outcome};
use crate::launch::{executor, schedule};
use crate::lock::lock;
use crate::usage::cpu;

struct Listening {
    executor: ExecutorInfo,
    launched: bool,
    all: u32,
    received: u32,
    /// The time of the first message, and the CPU time used until then.
    began: Option<(Instant, f64)>,
    outcome: Arc<Mutex<Outcome>>,
}

/// Counts the messages. Measures the time and the CPU time of this process from the first to the
/// last message.
pub(crate) async fn run(listen: Launch) -> Result<Outcome> {
    let outcome = Arc::default();
    let listening = Listening {
        executor: executor()?,
        launched: false,
        all: listen.count,
        received: 0,
        began: None,
        outcome: Arc::clone(&outcome),
    };
    schedule(listening, &listen).await?;
    let outcome = lock(&outcome).clone();
    if outcome.count == 0 {
        bail!("the scheduler ended before all messages arrived");
    }
    Ok(outcome)
}

#[async_trait]
impl Scheduler for Listening {
    async fn offers(&mut self, driver: &SchedulerDriver, offers: Vec<Offer>) -> HandlerResult {
        let Some(offer) = offers.into_iter().next().filter(|_| !self.launched) else {
            return Ok(());
        };
        self.launched = true;
        let task = TaskInfo::builder("talking")
            .cpus(0.1)
            .mem(32.0)
            .executor(self.executor.clone())
            .data(self.all.to_string());
        driver.launch(offer, [task.build()]).await?;
        Ok(())
    }

    async fn message(
        &mut self,
        driver: &SchedulerDriver,
        _: AgentId,
        _: ExecutorId,
        _: Bytes,
    ) -> HandlerResult {
        let (since, cpu_before) = match self.began {
            Some(began) => began,
            None => *self.began.insert((Instant::now(), cpu()?)),
        };
        self.received += 1;
        if self.received == self.all {
            let mut outcome = lock(&self.outcome);
            outcome.seconds = since.elapsed().as_secs_f64();
            outcome.cpu = cpu()? - cpu_before;
            outcome.count = u64::from(self.all);
            driver.stop();
        }
        Ok(())
    }
}
