//! The tools of a case: masters, drivers and recorders, the same in both worlds, and the report for
//! a failed case.

use std::fmt::Write as _;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use mesos_core::{BackoffPolicy, Framework, Scheduler, SchedulerDriver};

use crate::harness::{Harness, Tuning};
use crate::lock::lock;
use crate::mesos::Mesos;
use crate::steps::must;
use crate::timeout::{REAL_TIMEOUT, UNDECLARED};
use crate::world::{Cluster, ClusterKind, World};
use mesos_testing::{ExecutorRecorder, FakeAgent, FakeMaster, Recorder, Stream, Transcript};

/// The place where one case runs; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    case: &'static str,
    pub(crate) harness: Harness,
    world: World,
    report: Arc<Mutex<Report>>,
}

/// What the report of a failed case contains.
#[derive(Default)]
struct Report {
    masters: Vec<Transcript>,
    recorders: Vec<Transcript>,
    agents: Vec<Transcript>,
    executors: Vec<Transcript>,
    clusters: Vec<Arc<dyn Cluster>>,
}

impl std::fmt::Debug for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Report").finish_non_exhaustive()
    }
}

/// A driver with a subscription.
pub(crate) struct Subscribed<M = Mesos> {
    pub(crate) master: M,
    pub(crate) recorder: Recorder,
    pub(crate) driver: SchedulerDriver,
    pub(crate) stream: ObservedStream,
}

/// The stream of a subscription, if a fake master or proxy sees it. Dereferences to the stream, as
/// [`Mesos`] does to its master.
pub(crate) struct ObservedStream(Option<Stream>);

impl Deref for ObservedStream {
    type Target = Stream;

    fn deref(&self) -> &Stream {
        match &self.0 {
            Some(stream) => stream,
            None => panic!("{UNDECLARED}"),
        }
    }
}

/// A master that a driver can subscribe to.
pub(crate) trait Target {
    fn url(&self) -> String;
    fn wire(&self) -> Option<&FakeMaster>;
}

impl Target for FakeMaster {
    fn url(&self) -> String {
        self.url()
    }

    fn wire(&self) -> Option<&FakeMaster> {
        Some(self)
    }
}

impl Target for Mesos {
    fn url(&self) -> String {
        self.url()
    }

    fn wire(&self) -> Option<&FakeMaster> {
        self.wire()
    }
}

impl Stage {
    pub(super) fn new(case: &'static str, harness: Harness, world: World) -> Self {
        Self {
            case,
            harness,
            world,
            report: Arc::default(),
        }
    }

    fn reported(&self) -> MutexGuard<'_, Report> {
        lock(&self.report)
    }

    /// The same stage with other settings of the backend.
    pub(crate) fn tuned(&self, change: impl FnOnce(&mut Tuning)) -> Self {
        Self {
            harness: self.harness.clone().tuned(change),
            ..self.clone()
        }
    }

    /// Reduces the allowed silence to 1 s with a fake master (five intervals), or 15 s with a real
    /// one (one interval).
    pub(crate) fn with_short_silence(&self) -> Self {
        let missed = self.pick(5, 1);
        self.tuned(|tuning| tuning.missed_heartbeats = missed)
    }

    /// Whether events are encoded as JSON.
    pub(crate) fn json(&self) -> bool {
        self.harness.encoding() == mesos_testing::Encoding::Json
    }

    pub(crate) fn is_real(&self) -> bool {
        matches!(self.world, World::Real(_))
    }

    /// Returns one of two values, by the world.
    pub(crate) fn pick<T>(&self, fake: T, real: T) -> T {
        if self.is_real() { real } else { fake }
    }

    /// A Mesos with two agents.
    pub(crate) async fn mesos(&self) -> Mesos {
        self.mesos_of_kind(ClusterKind::Plain).await
    }

    /// A Mesos of this kind.
    pub(crate) async fn mesos_of_kind(&self, wanted: ClusterKind) -> Mesos {
        let mesos = match &self.world {
            World::Fake => Mesos::fake(wanted).await,
            World::Real(clusters) => {
                let direct = self.harness.is_direct();
                let wanted = match wanted {
                    ClusterKind::Authenticated if direct => ClusterKind::AuthenticatedDrivers,
                    wanted => wanted,
                };
                let cluster = match clusters.cluster(wanted).await {
                    Ok(cluster) => cluster,
                    Err(error) => panic!("no real Mesos: {error}"),
                };
                self.reported().clusters.push(Arc::clone(&cluster));
                match direct {
                    true => Mesos::direct(cluster),
                    false => Mesos::real(cluster).await,
                }
            }
        };
        let seen = mesos.wire().map(|master| master.transcript());
        self.reported().masters.extend(seen);
        mesos
    }

    /// A scripted master, for events that a real Mesos cannot be made to send.
    pub(crate) async fn scripted(&self) -> FakeMaster {
        self.fake(FakeMaster::builder().scripted()).await
    }

    /// A fake master with these settings.
    pub(crate) async fn fake(&self, builder: mesos_testing::Builder) -> FakeMaster {
        let master = must(builder.start().await);
        self.reported().masters.push(master.transcript());
        master
    }

    pub(crate) fn recorder(&self) -> Recorder {
        let recorder = match self.is_real() {
            true => Recorder::with_timeout(REAL_TIMEOUT),
            false => Recorder::new(),
        };
        self.reported().recorders.push(recorder.transcript());
        recorder
    }

    /// Includes an agent in the report.
    pub(super) fn watch_agent(&self, agent: &FakeAgent) {
        self.reported().agents.push(agent.transcript());
    }

    /// Includes an executor in the report.
    pub(super) fn watch_executor(&self, recorder: &ExecutorRecorder) {
        self.reported().executors.push(recorder.transcript());
    }

    /// A framework with a failover timeout and short retry delays.
    pub(crate) fn framework(&self) -> Framework {
        let backoff = BackoffPolicy::new(Duration::from_millis(2), Duration::from_millis(20));
        Framework::with_failover_timeout(self.case, Duration::from_secs(3600)).backoff(backoff)
    }

    /// A driver of that framework for the master at this URL.
    pub(crate) fn start(&self, url: &str, recorder: &Recorder) -> SchedulerDriver {
        self.start_as(self.framework(), url, recorder.clone())
    }

    pub(crate) fn start_as(
        &self,
        framework: Framework,
        url: &str,
        scheduler: impl Scheduler + 'static,
    ) -> SchedulerDriver {
        SchedulerDriver::start(scheduler, framework, self.harness.connect(url)).detach()
    }

    /// A driver that has subscribed to a Mesos with two agents.
    pub(crate) async fn subscribed(&self) -> Subscribed {
        self.subscribed_as(self.framework()).await
    }

    /// The same with this framework.
    pub(crate) async fn subscribed_as(&self, framework: Framework) -> Subscribed {
        let master = self.mesos().await;
        self.subscribed_to(master, framework).await
    }

    /// A driver that has subscribed to a scripted master.
    pub(crate) async fn subscribed_to_script(&self) -> Subscribed<FakeMaster> {
        let master = self.scripted().await;
        self.subscribed_to(master, self.framework()).await
    }

    /// A driver that has subscribed to this master.
    pub(crate) async fn subscribed_to<M>(&self, master: M, framework: Framework) -> Subscribed<M>
    where
        M: Target,
    {
        let recorder = self.recorder();
        let driver = self.start_as(framework, &master.url(), recorder.clone());
        let stream = match master.wire() {
            Some(master) => Some(master.expect_stream().await),
            None => None,
        };
        recorder.subscribed().await;
        let stream = ObservedStream(stream);
        Subscribed {
            master,
            recorder,
            driver,
            stream,
        }
    }

    /// All requests and events so far.
    pub(super) fn report(&self) -> String {
        let seen = self.reported();
        let mut text = String::new();
        for master in &seen.masters {
            let _ = writeln!(text, "the master received:{}", master);
        }
        for recorder in &seen.recorders {
            let _ = writeln!(text, "the scheduler received:{}", recorder);
        }
        for agent in &seen.agents {
            let _ = writeln!(text, "the agent received:{}", agent);
        }
        for recorder in &seen.executors {
            let _ = writeln!(text, "the executor received:{}", recorder);
        }
        for cluster in &seen.clusters {
            let log = cluster.save_log();
            let _ = writeln!(text, "the log of Mesos is at {}", log.display());
        }
        text
    }
}
