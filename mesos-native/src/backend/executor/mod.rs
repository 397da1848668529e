//! The backend for executors: one libmesos driver for the one subscription of an executor.

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

use super::{EVENT_QUEUE, call::unsupported, check_environment, start_panicked, subscribe_body};
use crate::backend::thread;
use crate::library::Library;
use crate::sys::{self, Executor, Feature};
use acknowledge::SETTLE;
use presence::Presence;
use settings::Settings;
use subscription::{Calls, Driver, Events, Inlet, Running};

/// Runs an executor over libmesos's `MesosExecutorDriver`.
/// [`NativeBackend::for_executor`](crate::NativeBackend::for_executor) makes it.
///
/// ```no_run
/// use mesos::executor::ExecutorEnvironment;
/// use mesos::native::{Library, NativeBackend};
/// use mesos::{Executor, ExecutorDriver};
///
/// # async fn example(executor: impl Executor + 'static) -> Result<(), Box<dyn std::error::Error>> {
/// let environment = ExecutorEnvironment::from_env()?;
/// let backend = NativeBackend::for_executor(Library::find()?, &environment)?;
/// ExecutorDriver::run(executor, environment, backend).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Acknowledgements
/// libmesos sends updates itself, keeps updates that the agent has not acknowledged, and repeats
/// them to a restarted agent. It does not report acknowledgements. So
/// [`acknowledged`](mesos_core::Executor::acknowledged) is called, and the journal forgets an
/// update, once libmesos has had the update for one second in which the agent was reachable. One
/// second is long enough to send the update. Mesos's own executors of this kind wait the same time
/// before they end (`src/docker/executor.cpp`). The agent itself has not confirmed the update.
/// Consequences:
/// * A [`stop`](mesos_core::ExecutorDriver::stop) takes one second after the last update.
/// * If an agent receives an update and ends before it has stored the update, libmesos repeats the
///   update. If this process has ended as well, the update is lost.
/// * The scheduler receives a uuid of libmesos, not the uuid in the journal.
///
/// While the agent is unreachable, no update is reported as acknowledged. A second connection to
/// the agent, beside the connection of libmesos, detects this. With TLS there is no second
/// connection, and one second is the only condition.
///
/// # Limitations
/// * libmesos does not support task groups. It ignores the agent's message without an error, so the
///   tasks stay in TASK_STAGING. Launch such tasks one by one.
/// * KILL has no kill policy, including the policy that the scheduler sent.
/// * libmesos does not use an authentication token or the unix socket of an agent. It has its own
///   protocol and its own TLS.
/// * [`disconnected`](mesos_core::Executor::disconnected) is never called. libmesos does not report
///   a lost agent. It waits for the recovery timeout, or not at all without checkpointing, and then
///   calls [`shutdown`](mesos_core::Executor::shutdown). The driver then ends with
///   [`StopReason::ShutDown`](mesos_core::StopReason::ShutDown), or with
///   [`ErrorKind::Unacknowledged`] if updates are left.
/// * The process of an executor cannot be replaced, because the agent ends an executor that
///   registers twice (`registerExecutor` in `src/slave/slave.cpp`). A journal on disk is therefore
///   never sent to an agent.
///
/// # Environment
/// Since Mesos 1.7, libmesos accepts the values of [`ExecutorEnvironment`]. Older releases read only
/// the environment of this process, which must have the same values.
/// [`for_executor`](crate::NativeBackend::for_executor) checks this. All releases read the other
/// variables from the environment of this process: the address (`LIBPROCESS_…`) and the log
/// settings (`MESOS_LOGGING_LEVEL`, `MESOS_QUIET`, `GLOG_…`).
///
/// libmesos kills the process group of this process when the grace period is over. Since 1.7, this
/// backend gives libmesos an unlimited grace period, because the driver kills the group itself if
/// [`on_grace_timeout`](ExecutorEnvironment::on_grace_timeout) says so. Older releases always kill the group.
///
/// # Processes
/// A driver belongs to the process that created it. In a forked child its calls fail.
#[derive(Debug, Clone)]
pub struct NativeExecutorBackend {
    library: Library,
    settings: Settings,
    /// The time for which libmesos must have had an update.
    settle: Duration,
    event_queue: usize,
    /// Whether this backend has started a driver.
    used: Arc<AtomicBool>,
}

impl NativeExecutorBackend {
    /// The errors are those of [`for_executor`](crate::NativeBackend::for_executor).
    pub(super) fn new(library: Library, environment: &ExecutorEnvironment) -> Result<Self> {
        if !library.loaded().has(Feature::Executors) {
            return Err(unsupported(format!(
                "{} has no MesosExecutorDriver (the libmesos of the Python package does not \
                 contain it); set MESOS_NATIVE_LIBRARY to a full libmesos, or use the HTTP backend",
                library.path().display()
            )));
        }
        let accepts_environment = library.loaded().has(Feature::ExecutorEnvironment);
        Ok(Self {
            library,
            settings: Settings::new(environment, accepts_environment)?,
            // The last update must be settled before the grace period is over.
            settle: SETTLE.min(environment.shutdown_grace_period / 2),
            event_queue: EVENT_QUEUE,
            used: Arc::default(),
        })
    }

    /// The number of callbacks that may wait for their handler before libmesos blocks (default:
    /// 128, at least 1).
    #[must_use]
    pub fn event_queue(mut self, callbacks: usize) -> Self {
        self.event_queue = callbacks;
        self
    }

    /// Creates and starts a driver. Blocks for some milliseconds.
    fn start(&self) -> Result<Running> {
        let inlet = Arc::new(Inlet::new(self.event_queue));
        let handler = Arc::clone(&inlet);
        let environment = self.settings.texts();
        let executor = Executor::new(
            self.library.loaded(),
            environment.as_deref(),
            move |event| handler.push(event),
        );
        let refused = |text: String| {
            let text = format!("libmesos did not start an executor driver: {text}");
            Error::new(ErrorKind::Config, text)
        };
        let mut executor = executor.map_err(refused)?;
        let status = executor.start().map_err(refused)?;
        if status != sys::MESOS_SHIM_RUNNING {
            // libmesos called the error callback before `start` returned.
            let reason = inlet.queue().error_text();
            return Err(refused(
                reason.unwrap_or_else(|| format!("driver status {status}")),
            ));
        }
        let driver = Arc::new(Driver::new(executor));
        Ok(Running { driver, inlet })
    }
}

#[async_trait]
impl Backend<ExecutorApi> for NativeExecutorBackend {
    fn name(&self) -> &'static str {
        "native"
    }

    /// Empty.
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    /// Creates a libmesos driver and starts it. This succeeds once: libmesos reconnects to the
    /// agent by itself, and the agent would end an executor that registers a second driver.
    ///
    /// Dropping the future ends the driver.
    async fn subscribe(&self, call: Call) -> Result<Subscription<ExecutorApi>> {
        let subscribe = subscribe_body(call.subscribe)?;
        check_environment()?;
        if self.used.swap(true, Ordering::AcqRel) {
            let text = "this executor has used its libmesos driver; an agent does not accept a \
                        second driver";
            return Err(Error::new(ErrorKind::AgentLost, text));
        }
        let backend = self.clone();
        let (sender, started) = oneshot::channel();
        let spawned = thread::spawn(move || match backend.start() {
            Ok(running) => {
                let driver = Arc::clone(&running.driver);
                // If the receiver is gone, this stops the driver.
                let _ = sender.send(Ok(running));
                driver.join();
            }
            Err(error) => drop(sender.send(Err(error))),
        });
        // Without a thread there is no driver yet.
        spawned.inspect_err(|_| self.used.store(false, Ordering::Release))?;
        let running = started.await.map_err(|_| start_panicked())??;
        let presence = Presence::watch(self.settings.agent());
        let calls = Calls::new(&running);
        Ok(Subscription::new(
            Events::new(running, presence, self.settle, subscribe),
            Arc::new(calls),
            self.settings.agent_pid().to_owned(),
        ))
    }
}
