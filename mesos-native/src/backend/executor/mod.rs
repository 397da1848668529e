//! The backend for executors: one driver of libmesos' for the one subscription that it
//! gives an executor.

mod acknowledge;
mod call;
mod event;
mod presence;
mod settings;
mod subscription;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use mesos_core::backend::{Backend, ExecutorApi, Subscription};
use mesos_core::executor::ExecutorEnvironment;
use mesos_core::{Capabilities, Error, ErrorKind, Result};
use mesos_proto::v1::executor::Call;
use tokio::sync::oneshot;

use super::queue::Queue;
use super::thread::on_a_thread;
use crate::library::Library;
use crate::preflight;
use crate::sys::{self, Executor, Feature};
use acknowledge::SETTLE;
use presence::Presence;
use settings::Settings;
use subscription::{Calls, Driver, Events, Inlet, Reins};

/// How many callbacks may wait for their handler before libmesos has to wait.
const QUEUE: usize = 128;

/// Runs an executor over libmesos' `MesosExecutorDriver`.
///
/// ```no_run
/// use mesos_core::executor::ExecutorEnvironment;
/// use mesos_core::{Executor, ExecutorDriver};
/// use mesos_native::{Library, NativeExecutorBackend};
///
/// # async fn example(executor: impl Executor + 'static) -> Result<(), Box<dyn std::error::Error>> {
/// let environment = ExecutorEnvironment::from_env()?;
/// let backend = NativeExecutorBackend::new(Library::find()?, &environment)?;
/// ExecutorDriver::run(executor, environment, backend).await?;
/// # Ok(())
/// # }
/// ```
///
/// # What an acknowledgement means here
/// libmesos sends updates by itself, keeps those that the agent has not acknowledged, and
/// repeats them to an agent that comes back; it tells nobody what was acknowledged. So
/// [`acknowledged`](mesos_core::Executor::acknowledged) is called, and the journal forgets
/// an update, when libmesos has had it for a second in which the agent was there: long
/// enough to have it sent, and as long as Mesos' own executors of this kind wait before
/// they end (`src/docker/executor.cpp`). It is no word of the agent's. What this costs:
/// * A [`stop`](mesos_core::ExecutorDriver::stop) takes that second after the last update.
/// * An agent that takes a message and dies before it has stored it is made up for by
///   libmesos while this process lives, and by nobody after that.
/// * The uuid that the scheduler sees is libmesos', not that of the journal.
///
/// While the agent is away nothing is reported as acknowledged. Whether it is there is told
/// by a connection beside libmesos' own; not with TLS, where the second is all.
///
/// # What it cannot do
/// * No task groups. An agent sends them, and libmesos does not know the message: nobody is
///   told, and the tasks stay TASK_STAGING. Launch such tasks one by one.
/// * KILL has no kill policy, not even the scheduler's.
/// * No token, no unix socket of an agent: libmesos has its own protocol and its own TLS.
/// * [`disconnected`](mesos_core::Executor::disconnected) is never called: libmesos keeps a
///   loss to itself, waits for the recovery timeout, and then calls
///   [`shutdown`](mesos_core::Executor::shutdown), as it does at once without checkpointing.
///   What ends a driver so is [`StopReason::ShutDown`](mesos_core::StopReason::ShutDown), or
///   [`ErrorKind::Unacknowledged`] if updates were left.
/// * An executor's process cannot be replaced: the agent ends an executor that registers
///   twice (`registerExecutor` in `src/slave/slave.cpp`), so a journal on disk finds no agent.
///
/// # The environment
/// From Mesos 1.7 on, libmesos is told what [`ExecutorEnvironment`] says. Before, it reads
/// this process' environment and nothing else, so the two have to say the same, which
/// [`new`](Self::new) checks. Everything else it reads there in any case: its address
/// (`LIBPROCESS_…`) and its log (`MESOS_LOGGING_LEVEL`, `MESOS_QUIET`, `GLOG_…`).
///
/// libmesos kills this process' group when the grace period is over. From 1.7 on it is told
/// of a grace period without end, because the driver does that itself, where
/// [`on_grace_timeout`](ExecutorEnvironment::on_grace_timeout) says so; before, it does it in any case.
///
/// # Processes
/// A driver belongs to the process that made it; in a forked child its calls fail.
#[derive(Debug, Clone)]
pub struct NativeExecutorBackend {
    library: Library,
    settings: Settings,
    /// How long libmesos has to have had an update.
    settle: Duration,
    queue: usize,
    /// Whether there has been a driver.
    used: Arc<AtomicBool>,
}

impl NativeExecutorBackend {
    /// For the agent that `environment` names.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`]: this libmesos has no executor driver, as that of the
    /// Python package has not. [`ErrorKind::Config`]: something that libmesos needs is
    /// missing in the environment, or is not what it would read.
    pub fn new(library: Library, environment: &ExecutorEnvironment) -> Result<Self> {
        if !library.loaded().has(Feature::Executors) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "{} has no MesosExecutorDriver (the library of the Python package lacks it); \
                     name a full libmesos in MESOS_NATIVE_LIBRARY, or use the HTTP backend",
                    library.path().display()
                ),
            ));
        }
        let told = library.loaded().has(Feature::ExecutorEnvironment);
        Ok(Self {
            library,
            settings: Settings::new(environment, told)?,
            // The last update has to be settled before the grace period is over.
            settle: SETTLE.min(environment.shutdown_grace_period / 2),
            queue: QUEUE,
            used: Arc::default(),
        })
    }

    /// How many callbacks may wait for their handler before libmesos has to wait; 128
    /// unless set, at least 1.
    #[must_use]
    pub fn queue(mut self, callbacks: usize) -> Self {
        self.queue = callbacks;
        self
    }

    /// Makes and starts a driver. Blocks for some milliseconds.
    fn start(&self) -> Result<Reins> {
        let inlet = Arc::new(Inlet::new(Queue::new(self.queue)));
        let handler = Arc::clone(&inlet);
        let environment = self.settings.texts();
        let executor = Executor::new(
            self.library.loaded(),
            environment.as_deref(),
            move |event| handler.take(event),
        );
        let refused = |text: String| {
            let text = format!("libmesos did not start an executor driver: {text}");
            Error::new(ErrorKind::Config, text)
        };
        let mut executor = executor.map_err(refused)?;
        let status = executor.start().map_err(refused)?;
        if status != sys::MESOS_SHIM_RUNNING {
            // The reason has been called back before `start` returned.
            let reason = inlet.failure();
            return Err(refused(
                reason.unwrap_or_else(|| format!("driver status {status}")),
            ));
        }
        let driver = Arc::new(Driver::new(executor));
        Ok(Reins { driver, inlet })
    }
}

#[async_trait]
impl Backend<ExecutorApi> for NativeExecutorBackend {
    fn name(&self) -> &'static str {
        "native"
    }

    /// None.
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    /// Makes a driver of libmesos' and starts it, once: libmesos finds its way back to the
    /// agent by itself, and a second driver would be ended by it.
    ///
    /// Dropping the future ends the driver.
    async fn subscribe(&self, call: Call) -> Result<Subscription<ExecutorApi>> {
        let Some(subscribe) = call.subscribe else {
            let text = "the call to subscribe with is no SUBSCRIBE";
            return Err(Error::new(ErrorKind::Config, text));
        };
        preflight::check().map_err(|error| {
            Error::new(ErrorKind::Config, "libmesos would end this process").with_source(error)
        })?;
        if self.used.swap(true, Ordering::AcqRel) {
            let text =
                "this executor had its driver of libmesos', and an agent takes no second one";
            return Err(Error::new(ErrorKind::AgentLost, text));
        }
        let backend = self.clone();
        let (sender, started) = oneshot::channel();
        let work = move || match backend.start() {
            Ok(reins) => {
                let driver = Arc::clone(&reins.driver);
                // Where nobody waits any more, this stops the driver.
                let _ = sender.send(Ok(reins));
                driver.accompany();
            }
            Err(error) => drop(sender.send(Err(error))),
        };
        on_a_thread(work).map_err(|error| {
            Error::new(ErrorKind::Backend, "no thread can be started").with_source(error)
        })?;
        let reins = started.await.map_err(|_| {
            let text = "the thread that starts a driver has panicked";
            Error::new(ErrorKind::Backend, text)
        })??;
        let presence = Presence::watch(self.settings.agent());
        let calls = Calls::new(&reins);
        Ok(Subscription {
            events: Box::new(Events::new(reins, presence, self.settle, subscribe)),
            calls: Arc::new(calls),
            peer: self.settings.agent_pid().to_owned(),
        })
    }
}
