//! A framework with a pool and a controller on a real Mesos.

use std::time::Duration;

use mesos::framework::{DemandController, OfferPool, PoolPolicy};
use mesos::http::HttpBackend;
use mesos::operator::MasterClient;
use mesos::scheduler::{Failure, Subscribed};
use mesos::v1::OfferId;
use mesos::v1::master::response::get_frameworks;
use mesos::{Framework, HandlerResult, Offer, Scheduler, SchedulerDriver};
use mesos_local::LocalCluster;
use mesos_local::testing::require_real;

/// How long a test waits. Long, because the machines that run the tests are shared.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The attribute of all agents of the cluster.
pub(crate) const RACK: &str = "r1";

pub(crate) async fn cluster() -> Option<LocalCluster> {
    let builder = LocalCluster::builder()
        .agents(2)
        .env("MESOS_ATTRIBUTES", format!("rack:{RACK}"))
        .env("MESOS_ALLOCATION_INTERVAL", "50ms");
    require_real(builder.start().await)
}

#[derive(Clone)]
pub(crate) struct Running {
    pub(crate) pool: OfferPool,
    pub(crate) demand: DemandController,
    pub(crate) driver: SchedulerDriver,
    pub(crate) master: MasterClient,
    name: String,
}

struct Events {
    pool: OfferPool,
    demand: DemandController,
}

#[mesos::async_trait]
impl Scheduler for Events {
    async fn subscribed(&mut self, _: &SchedulerDriver, _: Subscribed) -> HandlerResult {
        self.pool.subscribed();
        self.demand.subscribed();
        Ok(())
    }

    async fn offers(&mut self, _: &SchedulerDriver, offers: Vec<Offer>) -> HandlerResult {
        self.pool.add(offers);
        Ok(())
    }

    async fn rescind(&mut self, _: &SchedulerDriver, offer_id: OfferId) -> HandlerResult {
        self.pool.rescind(&offer_id);
        Ok(())
    }

    async fn failure(&mut self, _: &SchedulerDriver, failure: Failure) -> HandlerResult {
        if let Failure::Agent(agent_id) = failure {
            self.pool.agent_lost(&agent_id);
        }
        Ok(())
    }
}

impl Running {
    /// Subscribes with the roles `a` and `b`.
    pub(crate) fn start(
        cluster: &LocalCluster,
        name: &str,
        policy: PoolPolicy,
        prepare: impl FnOnce(&DemandController),
    ) -> Self {
        Self::start_at(&cluster.master_url(), name, policy, prepare)
    }

    pub(crate) fn start_at(
        url: &str,
        name: &str,
        policy: PoolPolicy,
        prepare: impl FnOnce(&DemandController),
    ) -> Self {
        let framework = Framework::with_failover_timeout(name, Duration::from_secs(600));
        let framework = framework.role("a").role("b");
        let pool = OfferPool::new(policy);
        let demand = DemandController::with_offer_constraints(framework.info());
        prepare(&demand);
        let events = Events {
            pool: pool.clone(),
            demand: demand.clone(),
        };
        let backend = HttpBackend::new(url.parse().unwrap());
        let driver = SchedulerDriver::start(events, framework, backend).detach();
        let running = Self {
            pool,
            demand,
            driver,
            master: MasterClient::new(url.parse().unwrap()),
            name: name.to_owned(),
        };
        let companions = running.clone();
        tokio::spawn(async move {
            let Running {
                pool,
                demand,
                driver,
                ..
            } = companions;
            tokio::join!(pool.decline_expired(&driver), demand.run(&driver));
        });
        running
    }

    /// What the master knows about the framework.
    pub(crate) async fn known(&self) -> Option<get_frameworks::Framework> {
        let all = self.master.get_frameworks().await.unwrap();
        let mut frameworks = all.frameworks.into_iter();
        frameworks.find(|one| one.framework_info.name == self.name)
    }

    /// The number of offers that the master counts as held by the framework.
    pub(crate) async fn offers(&self) -> usize {
        self.known()
            .await
            .map_or(0, |framework| framework.offers.len())
    }

    /// Whether the role is suppressed, as the metrics of the master show it.
    pub(crate) async fn is_suppressed(&self, role: &str) -> Option<bool> {
        let metrics = self
            .master
            .get_metrics(Duration::from_secs(1))
            .await
            .unwrap();
        let end = format!("/roles/{role}/suppressed");
        let metric = metrics
            .into_iter()
            .find(|metric| metric.name.contains(&self.name) && metric.name.ends_with(&end))?;
        metric.value.map(|value| value != 0.0)
    }

    /// Waits until roles `a` and `b` are suppressed like this.
    pub(crate) async fn suppressed(&self, a: bool, b: bool) {
        until(&format!("suppressed: {a}, {b}"), || async {
            self.is_suppressed("a").await == Some(a) && self.is_suppressed("b").await == Some(b)
        })
        .await;
    }
}

pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(TIMEOUT, future).await {
        Ok(value) => value,
        Err(_) => panic!("timed out waiting for {what}"),
    }
}

/// Repeats a question to the master until the answer is yes.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut check: impl FnMut() -> F) {
    let wait = async {
        while !check().await {
            // sleep: the master has no event for what the tests wait for
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let done = tokio::time::timeout(TIMEOUT, wait).await;
    assert!(done.is_ok(), "timed out waiting for {what}");
}
