//! The measured scheduler, which does as little as possible.

use std::hint::black_box;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use anyhow::Result;
use async_trait::async_trait;
use futures_util::future::join_all;
use mesos_core::scheduler::{ReconcilePolicy, StatusUpdate, Subscribed};
use mesos_core::{
    BackoffPolicy, Disconnected, Framework, HandlerResult, Offer, Scheduler, SchedulerDriver,
};
use mesos_http::{Codec, HttpBackend};

use crate::job::{Drive, Handling, Outcome, known};
use crate::lock::lock;

/// The number of updates between two readings of resident memory.
const EVERY: u64 = 10_000;

/// The retry delays of a driver whose master returns; their maximum is the reference of a row.
pub(crate) fn backoff() -> BackoffPolicy {
    BackoffPolicy::new(Duration::from_millis(100), Duration::from_millis(400))
}

struct Load {
    drive: Drive,
    outcome: Arc<Mutex<Outcome>>,
    updates: u64,
    messages: u64,
    subscribed: bool,
    kept: Vec<Vec<Offer>>,
}

/// Runs the scheduler until the master has stopped.
pub(crate) async fn run(drive: Drive) -> Result<Outcome> {
    let outcome = Arc::new(Mutex::new(Outcome::default()));
    let backend = HttpBackend::new(drive.url.parse()?).codec(codec(drive.json)?);
    let mut framework = Framework::ephemeral("bench").backoff(backoff());
    if drive.track {
        // Under callgrind the answers take longer than the first delay, and a repeated request
        // would count twice.
        let once = BackoffPolicy::new(Duration::from_secs(600), Duration::from_secs(600));
        let policy = ReconcilePolicy::default().interval(Duration::ZERO);
        framework = framework.reconcile(policy.retry(once));
    }
    let load = Load {
        outcome: Arc::clone(&outcome),
        updates: 0,
        messages: 0,
        subscribed: false,
        kept: Vec::new(),
        drive,
    };
    let reconciles = load.drive.reconcile > 0;
    let driver = SchedulerDriver::start(load, framework, backend);
    if reconciles {
        let watched = driver.clone();
        let outcome = Arc::clone(&outcome);
        tokio::spawn(async move {
            // The driver also counts as reconciled before anything was requested.
            if watched.when_subscribed().await.is_ok() && watched.reconciled().await.is_ok() {
                let mut outcome = lock(&outcome);
                outcome.seconds = now() - outcome.seconds;
            }
            watched.abort();
        });
    }
    driver.join().await?;
    let mut outcome = lock(&outcome).clone();
    if !reconciles {
        outcome.seconds = 0.0;
    }
    Ok(outcome)
}

fn codec(json: bool) -> Result<Codec> {
    match json {
        false => Ok(Codec::Protobuf),
        #[cfg(feature = "json")]
        true => Ok(Codec::Json),
        #[cfg(not(feature = "json"))]
        true => anyhow::bail!("JSON needs the feature `json` of mesos-bench"),
    }
}

/// Seconds on a clock of this process.
fn now() -> f64 {
    use std::sync::LazyLock;
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_secs_f64()
}

#[async_trait]
impl Scheduler for Load {
    async fn subscribed(&mut self, driver: &SchedulerDriver, _: Subscribed) -> HandlerResult {
        if self.drive.reconcile > 0 && !self.subscribed {
            let tasks: Vec<_> = known(self.drive.reconcile).collect();
            let since = SystemTime::UNIX_EPOCH.elapsed()?.as_secs_f64();
            let mut outcome = lock(&self.outcome);
            (outcome.since, outcome.seconds) = (since, now());
            drop(outcome);
            driver.reconcile_until_answered(tasks)?;
        }
        self.subscribed = true;
        Ok(())
    }

    async fn disconnected(&mut self, driver: &SchedulerDriver, _: Disconnected) -> HandlerResult {
        if self.subscribed && !self.drive.stay {
            driver.abort();
        }
        Ok(())
    }

    async fn offers(&mut self, _: &SchedulerDriver, offers: Vec<Offer>) -> HandlerResult {
        lock(&self.outcome).count += offers.len() as u64;
        match self.drive.offers {
            Handling::Unread => {}
            Handling::Resources => {
                for offer in &offers {
                    black_box((offer.id(), offer.agent_id(), offer.hostname()));
                    black_box(offer.resources()?);
                }
            }
            Handling::All => {
                for offer in &offers {
                    black_box(&**offer);
                }
            }
            Handling::Keep => self.kept.push(offers),
        }
        Ok(())
    }

    async fn update(&mut self, driver: &SchedulerDriver, update: &StatusUpdate) -> HandlerResult {
        self.updates += 1;
        if self.drive.spin_us > 0 {
            let until = Instant::now() + Duration::from_micros(self.drive.spin_us);
            while Instant::now() < until {
                std::hint::spin_loop();
            }
            if self.updates.is_multiple_of(EVERY) {
                let resident = crate::usage::resident();
                lock(&self.outcome).resident.push((self.updates, resident));
            }
        }
        if self.drive.messages > 0 {
            let agent = update.agent_id.clone().unwrap_or_default();
            let first = self.messages;
            self.messages += u64::from(self.drive.messages);
            let calls = (first..self.messages).map(|number| {
                let data = number.to_string().into_bytes();
                driver.send_message(agent.clone(), "executor", data)
            });
            for sent in join_all(calls).await {
                sent?;
            }
        }
        Ok(())
    }
}
