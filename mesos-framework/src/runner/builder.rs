//! How a runner starts.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::SystemTime;

use mesos_core::backend::{Backend, SchedulerApi};
use mesos_core::lint::Linter;
use mesos_core::scheduler::ReconcilePolicy;
use mesos_core::store::{IdInState, MemoryState, Standby, StateStore};
use mesos_core::{Error, Framework, Result, SchedulerDriver, error_chain};
use mesos_placement::{Placer, Strategy};
use mesos_proto::v1::framework_info::capability;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::{Runner, Shared, cannot_open};
use crate::engine::{Engine, LIVE, Now};
use crate::runtime::executors::Executors;
use crate::runtime::gate::{Gate, not_leading};
use crate::runtime::writer::Writer;
use crate::runtime::{Command, Driver, Runtime, Store};
use crate::store::upgrade;
use crate::view::Timeline;
use crate::{DemandController, OfferPool, PoolPolicy};

/// What happens to tasks of the framework that are in no record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum UnknownTasks {
    /// They are killed. Such a task is of an attempt that was replaced while its agent was lost,
    /// or its record was lost.
    #[default]
    Kill,
    /// They are only logged.
    Report,
}

/// The description of a [`Runner`].
pub struct RunnerBuilder {
    framework: Framework,
    state: Option<Store>,
    unknown: UnknownTasks,
    pool: PoolPolicy,
    placer: Placer,
    standby: Box<Standby>,
}

impl RunnerBuilder {
    pub(super) fn new(framework: Framework) -> Self {
        Self {
            framework,
            state: None,
            unknown: UnknownTasks::default(),
            pool: PoolPolicy::default(),
            placer: Placer::new(Strategy::FirstFit),
            standby: Box::new(|_| {}),
        }
    }

    /// Keeps the state and the framework's id in this store. Without this setting the state is in
    /// memory, and ends with the process.
    #[must_use]
    pub fn state(mut self, state: impl StateStore + 'static) -> Self {
        self.state = Some(Arc::new(state));
        self
    }

    /// Calls `standby` when [`start`](Self::start) waits because another process leads, with a
    /// description of that process such as `web-1 (process 42)`; again for each new leader.
    #[must_use]
    pub fn on_standby(mut self, standby: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.standby = Box::new(standby);
        self
    }

    /// Sets what happens to tasks of the framework that are in no record. They are killed by
    /// default.
    #[must_use]
    pub fn unknown_tasks(mut self, policy: UnknownTasks) -> Self {
        self.unknown = policy;
        self
    }

    /// Sets how long offers are held and refused.
    #[must_use]
    pub fn pool(mut self, policy: PoolPolicy) -> Self {
        self.pool = policy;
        self
    }

    /// Sets the placer; [`Strategy::FirstFit`] by default.
    #[must_use]
    pub fn placer(mut self, placer: Placer) -> Self {
        self.placer = placer;
        self
    }

    /// Loads the state and starts the runner. This does not wait for Mesos: jobs wait until the
    /// runner is subscribed.
    ///
    /// With a state that several processes can open, such as `ZooKeeperState`, this waits until the
    /// process leads; [`on_standby`](Self::on_standby) reports the leader. A runner that loses the lead
    /// ends with [`ErrorKind::TakenOver`](mesos_core::ErrorKind::TakenOver). Dropping the future
    /// gives up the place in the election.
    ///
    /// The framework gets the capabilities PARTITION_AWARE, so that a task on an unreachable agent
    /// is not counted as ended, and TASK_KILLING_STATE, so that instances of services leave an
    /// agent that is drained. The driver reconciles. A [`store`](Framework::store) of the
    /// framework is replaced by the state.
    ///
    /// # Errors
    /// [`ErrorKind::Store`](mesos_core::ErrorKind::Store) if the state cannot be read, or is of
    /// a newer version.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn start(self, backend: impl Backend<SchedulerApi> + 'static) -> Result<Runner> {
        let store = self.state.unwrap_or_else(|| Arc::new(MemoryState::new()));
        let shown = self.standby;
        let standby = move |leader: &str| {
            tracing::info!(leader, "another process leads; waiting");
            shown(leader);
        };
        store.lead(&standby).await.map_err(cannot_open)?;
        upgrade(&*store)
            .await
            .map_err(|error| cannot_open(error.into()))?;
        let entries = store.load(LIVE).await.map_err(cannot_open)?;
        let start = Instant::now();
        let now = Now {
            at: start.elapsed(),
            wall: SystemTime::now(),
        };
        let suffix = format!("{:06x}", fastrand::u32(..0x0100_0000));
        let executors = Executors::recover(&entries).map_err(cannot_open)?;
        let (engine, step) = Engine::recover(suffix, entries, now).map_err(cannot_open)?;
        let framework = self
            .framework
            .capability(capability::Type::PartitionAware)
            .capability(capability::Type::TaskKillingState)
            .store(IdInState(Arc::clone(&store)))
            .reconcile(ReconcilePolicy::default());
        let linter = Linter::new().framework(framework.info());
        let pool = OfferPool::new(self.pool);
        let demand = DemandController::new(framework.info());
        let (writer, work) = Writer::new(Arc::clone(&store));
        let failure = writer.failure();
        let parts = (pool.clone(), demand.clone(), self.placer);
        let timeline = Timeline::default();
        let runtime = Runtime::new(
            (engine, executors, step.actions),
            start,
            writer,
            parts,
            timeline.clone(),
            self.unknown,
        );
        let name = framework.info().name.clone();
        let held = pool.clone();
        let backend = Gate::new(backend, Arc::clone(&store));
        let driver = SchedulerDriver::start(runtime, framework, backend).detach();

        let stored = driver.clone();
        let writing = tokio::spawn(work.run(move |effects| {
            if !effects.is_empty() {
                // Fails if the driver has ended. What is stored is then for the next runner.
                let _ = stored.send(Command::Stored(effects));
            }
        }));
        let lost = Arc::new(OnceLock::new());
        let leading = tokio::spawn(keep_lead(
            Arc::clone(&store),
            driver.clone(),
            writing.abort_handle(),
            Arc::clone(&lost),
        ));
        let companion = driver.clone();
        tokio::spawn(async move {
            tokio::join!(pool.decline_expired(&companion), demand.run(&companion));
        });
        Ok(Runner {
            shared: Arc::new(Shared {
                driver,
                store,
                linter,
                failure,
                name,
                pool: held,
                timeline,
                tasks: Mutex::new(vec![writing, leading]),
                lost,
            }),
        })
    }
}

/// Ends the driver and the writer when this process does not lead any more.
async fn keep_lead(store: Store, driver: Driver, writing: AbortHandle, lost: Arc<OnceLock<Error>>) {
    tokio::select! {
        why = store.lost_lead() => {
            let error = not_leading(&error_chain(&*why));
            tracing::error!(%error);
            let _ = lost.set(error);
            driver.abort();
            writing.abort();
            store.release_lead().await;
        }
        _ = driver.join() => {}
    }
}

impl fmt::Debug for RunnerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunnerBuilder")
            .field("framework", self.framework.info())
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
