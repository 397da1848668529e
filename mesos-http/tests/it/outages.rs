//! Outages of what a driver needs from its own machine: a file, a name server, descriptors and
//! threads. A driver that was subscribed once retries until the outage is over.

mod files;
#[cfg(target_os = "linux")]
mod limits;
mod names;

use std::net::SocketAddr;
use std::time::Duration;

use async_trait::async_trait;
use mesos_core::backend::{Backend, ExecutorApi, SchedulerApi};
use mesos_core::executor::{self, ExecutorEnvironment};
use mesos_core::scheduler;
use mesos_core::{
    BackoffPolicy, Disconnected, Endpoint, Executor, ExecutorDriver, Framework, HandlerResult,
    Scheduler, SchedulerDriver,
};
use mesos_http::HttpBackend;
use mesos_proto::v1::TaskInfo;
use mesos_testing::{FakeAgent, FakeMaster, FaultProxy};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::peer::soon;

/// What a driver reported to its handlers.
#[derive(Debug)]
enum Report {
    Subscribed,
    Disconnected(Disconnected),
}

/// A scheduler or an executor. Its driver drops it when the driver ends.
struct Reporter(UnboundedSender<Report>);

impl Reporter {
    fn report(&self, report: Report) -> HandlerResult {
        // The test that has ended does not read reports.
        let _ = self.0.send(report);
        Ok(())
    }
}

#[async_trait]
impl Scheduler for Reporter {
    async fn subscribed(&mut self, _: &SchedulerDriver, _: scheduler::Subscribed) -> HandlerResult {
        self.report(Report::Subscribed)
    }

    async fn disconnected(&mut self, _: &SchedulerDriver, lost: Disconnected) -> HandlerResult {
        self.report(Report::Disconnected(lost))
    }
}

#[async_trait]
impl Executor for Reporter {
    async fn subscribed(&mut self, _: &ExecutorDriver, _: executor::Subscribed) -> HandlerResult {
        self.report(Report::Subscribed)
    }

    async fn disconnected(&mut self, _: &ExecutorDriver, lost: Disconnected) -> HandlerResult {
        self.report(Report::Disconnected(lost))
    }

    async fn launch(&mut self, _: &ExecutorDriver, task: TaskInfo) -> HandlerResult {
        panic!("no test launches {}", task.task_id);
    }
}

/// The reports of a running driver.
struct Driven(UnboundedReceiver<Report>);

impl Driven {
    fn scheduler(backend: impl Backend<SchedulerApi> + 'static) -> Self {
        let (reports, received) = unbounded_channel();
        let framework = Framework::with_failover_timeout("f", Duration::from_secs(3600))
            .backoff(BackoffPolicy::new(FIRST_DELAY, MAX_DELAY));
        SchedulerDriver::<()>::start(Reporter(reports), framework, backend).detach();
        Self(received)
    }

    fn executor(
        mut environment: ExecutorEnvironment,
        backend: impl Backend<ExecutorApi> + 'static,
    ) -> Self {
        let (reports, received) = unbounded_channel();
        environment.subscription_backoff_max = 2 * MAX_DELAY;
        ExecutorDriver::<()>::start(Reporter(reports), environment, backend).detach();
        Self(received)
    }

    async fn next(&mut self) -> Report {
        let report = soon("a report", self.0.recv()).await;
        report.expect("the driver has ended")
    }

    async fn disconnected(&mut self) -> Disconnected {
        match self.next().await {
            Report::Disconnected(lost) => lost,
            other => panic!("{other:?}"),
        }
    }

    /// Waits for the next subscription, after any number of failed attempts.
    async fn subscribed(&mut self) {
        let subscribed = async { while !matches!(self.next().await, Report::Subscribed) {} };
        soon("a subscription", subscribed).await;
    }

    /// Waits for some more failed attempts, all of them with this text in the error.
    async fn fails(&mut self, text: &str) {
        for _ in 0..3 {
            let lost = self.disconnected().await;
            let error = format!("{:#}", lost.error);
            assert!(error.contains(text), "{error}");
        }
    }
}

const FIRST_DELAY: Duration = Duration::from_millis(20);
const MAX_DELAY: Duration = Duration::from_millis(100);

/// A master or an agent, behind a proxy that can cut the connections.
enum Fake {
    Master(FakeMaster),
    Agent(FakeAgent),
}

impl Fake {
    async fn both() -> [Self; 2] {
        let master = FakeMaster::start().await.unwrap();
        let agent = FakeAgent::start().await.unwrap();
        [Self::Master(master), Self::Agent(agent)]
    }

    fn address(&self) -> SocketAddr {
        match self {
            Self::Master(master) => master.address(),
            Self::Agent(agent) => agent.address(),
        }
    }

    async fn proxy(&self) -> FaultProxy {
        FaultProxy::start(self.address()).await.unwrap()
    }

    /// Its API at another address.
    fn at(&self, address: &str) -> Endpoint {
        match self {
            Self::Master(_) => format!("http://{address}").parse().unwrap(),
            Self::Agent(_) => Endpoint::from_pid(&format!("slave(1)@{address}")).unwrap(),
        }
    }

    /// Starts a driver, and waits until it is subscribed.
    async fn drive(&self, backend: HttpBackend) -> Driven {
        let mut driven = match self {
            Self::Master(_) => Driven::scheduler(backend),
            Self::Agent(agent) => Driven::executor(agent.environment(), backend),
        };
        driven.subscribed().await;
        driven
    }
}
