//! Keeps the master informed about what the roles of a framework need.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mesos_core::{ErrorKind, Result, SchedulerDriver};
use mesos_placement::{Change, Demand, DueCall, Next, Request};
use mesos_proto::v1::FrameworkInfo;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

/// How many calls are made at once, and how often afterwards.
const BURST: u32 = 4;
const REFILL: Duration = Duration::from_secs(1);

/// The wait after a call that failed.
const RETRY: Duration = Duration::from_secs(1);

/// Suppresses the roles of a framework that have no demand, revives those with new demand, and
/// updates the roles and the offer constraints. Clones share their state.
///
/// Up to four calls are made at once, and one per second afterwards; changes in between are
/// combined. After each subscription everything is asserted again.
///
/// Do not call SUPPRESS, REVIVE and UPDATE_FRAMEWORK beside a controller.
#[derive(Clone, Debug)]
pub struct DemandController {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    demand: Demand,
    info: FrameworkInfo,
}

impl DemandController {
    /// The controller of a framework with the capability MULTI_ROLE, whose roles have no demand
    /// yet. `info` is the description that the framework subscribes with.
    pub fn new(info: &FrameworkInfo) -> Self {
        Self::with(info, Demand::new(&info.roles, BURST, REFILL))
    }

    /// Like [`new`](Self::new), and lets the master offer only agents on which waiting requests can
    /// be placed. A master older than Mesos 1.11 offers all agents.
    pub fn with_offer_constraints(info: &FrameworkInfo) -> Self {
        let demand = Demand::new(&info.roles, BURST, REFILL);
        Self::with(info, demand.with_offer_constraints())
    }

    fn with(info: &FrameworkInfo, demand: Demand) -> Self {
        let state = State {
            demand,
            info: info.clone(),
        };
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(state),
                changed: Notify::new(),
            }),
        }
    }

    /// No code panics while it has changed half of the state.
    fn lock(&self) -> MutexGuard<'_, State> {
        let state = self.shared.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.shared.changed.notify_one();
    }

    /// The framework has a new subscription.
    pub fn subscribed(&self) {
        self.change(|state| state.demand.subscribed(&state.info.roles));
    }

    /// Sets what waits for offers, over all roles.
    pub fn set_waiting<'a>(&self, requests: impl IntoIterator<Item = &'a Request>) {
        self.change(|state| state.demand.set_waiting(requests));
    }

    /// Replaces the roles of the framework.
    pub fn set_roles(&self, roles: impl IntoIterator<Item = impl Into<String>>) {
        self.change(|state| state.demand.set_roles(roles));
    }

    /// Divides a number of offers fairly among the roles, by what they wait for.
    pub fn shares(&self, total: u64) -> BTreeMap<String, u64> {
        self.lock().demand.shares(total)
    }

    /// Makes the calls that are due, until the driver ends.
    ///
    /// Canceling the future stops this. The next run continues.
    pub async fn run<M: Send + 'static>(&self, driver: &SchedulerDriver<M>) {
        tokio::select! {
            _ = driver.join() => {}
            () = self.run_forever(driver) => {}
        }
    }

    async fn run_forever<M: Send + 'static>(&self, driver: &SchedulerDriver<M>) {
        loop {
            let changed = self.shared.changed.notified();
            if driver.when_subscribed().await.is_err() {
                // The driver has ended.
                return;
            }
            let next = self.lock().demand.next(Instant::now().into_std());
            match next {
                Next::Nothing => changed.await,
                Next::At(at) => sleep_until(at.into()).await,
                Next::Call(due) => match self.call(driver, &due).await {
                    Ok(()) => self.done(&due),
                    Err(error) => {
                        tracing::debug!(%error, change = ?due.change, "the call failed");
                        if error.kind() == ErrorKind::Unsupported {
                            self.give_up(&due);
                        }
                        sleep(RETRY).await;
                    }
                },
            }
        }
    }

    async fn call<M: Send + 'static>(
        &self,
        driver: &SchedulerDriver<M>,
        due: &DueCall,
    ) -> Result<()> {
        match &due.change {
            Change::Suppress(roles) => driver.suppress_roles(roles).await,
            Change::Revive(roles) => driver.revive_roles(roles).await,
            Change::Update {
                roles,
                suppressed,
                constraints,
            } => {
                let mut info = self.lock().info.clone();
                info.roles.clone_from(roles);
                let suppressed = suppressed.clone();
                driver
                    .update_framework(info, suppressed, constraints.clone())
                    .await
            }
        }
    }

    fn done(&self, due: &DueCall) {
        let mut state = self.lock();
        if let Change::Update { roles, .. } = &due.change {
            // The driver subscribes with these roles from now on.
            state.info.roles.clone_from(roles);
        }
        state.demand.done(due);
    }

    /// The master does not know offer constraints. Without them, an unsupported call stays due, and
    /// the next master may support it.
    fn give_up(&self, due: &DueCall) {
        if let Change::Update {
            constraints: Some(_),
            ..
        } = &due.change
        {
            tracing::warn!("the master does not support offer constraints");
            self.lock().demand.give_up_offer_constraints();
        }
    }
}
