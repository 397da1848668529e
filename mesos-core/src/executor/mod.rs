//! Executors: the trait for programs that run tasks, its driver, and the environment that an
//! agent passes to an executor.

mod calls;
mod driver;
mod duration;
mod environment;
mod event;
mod grace;
mod journal;
mod runtime;
mod sender;
mod session;
mod shared;
mod token;
mod validate;

use async_trait::async_trait;
use bytes::Bytes;
use mesos_proto::v1::{
    AgentInfo, ContainerId, ExecutorInfo, FrameworkInfo, KillPolicy, TaskGroupInfo, TaskId,
    TaskInfo,
};

use crate::HandlerResult;
use crate::disconnected::Disconnected;
use crate::unknown::UnknownEvent;
pub use driver::ExecutorDriver;
pub use duration::parse_duration;
pub use environment::{EnvironmentError, ExecutorEnvironment};
pub use event::Event;
pub use grace::OnGraceTimeout;
pub use token::Token;

/// The handlers of an executor for the events of its agent.
///
/// The driver calls one handler at a time, in the order in which the agent sent the events. A
/// handler may await any call of the driver, but should not await a task: a KILL of the task
/// would have to wait. Spawn the supervision of the task instead. A handler must not block its
/// thread.
///
/// The driver logs the error of a failed handler and continues. It also reports a failed
/// [`launch`](Self::launch) as TASK_FAILED with the text of the error, unless the executor has
/// already sent a terminal update. A handler that panics ends the driver.
///
/// An executor belongs to the agent that started it. An agent refuses the SUBSCRIBE of an executor
/// that it does not know with status 400, for example a new agent after the cluster was replaced
/// (`Http::executor` in `src/slave/http.cpp`; while it recovers, it answers 503). The driver then
/// calls [`shutdown`](Self::shutdown) and ends with [`ErrorKind::Rejected`](crate::ErrorKind). The
/// C++ library reports the refusal as an ERROR event (`_send` in `src/executor/executor.cpp`). A
/// new agent can know an executor of the same id, because a scheduler launched the executor again.
/// SUBSCRIBED then has another agent id than `MESOS_SLAVE_ID`, and the driver ends in the same way:
/// the agent drops updates with the id of another agent (`statusUpdate` in `src/slave/slave.cpp`).
///
/// `M` is the type of the program's own messages to its executor, which arrive in
/// [`input`](Self::input). An executor without such messages implements `Executor`, which means
/// `Executor<()>`.
///
/// # All handlers, to copy
/// The page shows the expanded form of each `async fn`. This is what you write. Only `launch` is
/// required:
///
/// ```
/// use mesos::executor::Subscribed;
/// use mesos::v1::{KillPolicy, TaskGroupInfo, TaskId, TaskInfo};
/// use mesos::{Bytes, Disconnected, Executor, ExecutorDriver, HandlerResult, UnknownEvent};
///
/// struct MyExecutor;
///
/// #[mesos::async_trait]
/// impl Executor for MyExecutor {
///     async fn subscribed(&mut self, driver: &ExecutorDriver, subscribed: Subscribed) -> HandlerResult {
///         # let _ = (driver, subscribed);
///         Ok(())
///     }
///     async fn disconnected(&mut self, driver: &ExecutorDriver, disconnected: Disconnected) -> HandlerResult {
///         # let _ = (driver, disconnected);
///         Ok(())
///     }
///     async fn launch(&mut self, driver: &ExecutorDriver, task: TaskInfo) -> HandlerResult {
///         # let _ = (driver, task);
///         Ok(())
///     }
///     async fn launch_group(&mut self, driver: &ExecutorDriver, group: TaskGroupInfo) -> HandlerResult {
///         # let _ = (driver, group);
///         Ok(())
///     }
///     async fn kill(&mut self, driver: &ExecutorDriver, task_id: TaskId, kill_policy: Option<KillPolicy>) -> HandlerResult {
///         # let _ = (driver, task_id, kill_policy);
///         Ok(())
///     }
///     async fn acknowledged(&mut self, driver: &ExecutorDriver, task_id: TaskId, uuid: Bytes) -> HandlerResult {
///         # let _ = (driver, task_id, uuid);
///         Ok(())
///     }
///     async fn message(&mut self, driver: &ExecutorDriver, data: Bytes) -> HandlerResult {
///         # let _ = (driver, data);
///         Ok(())
///     }
///     async fn shutdown(&mut self, driver: &ExecutorDriver) -> HandlerResult {
///         # let _ = driver;
///         Ok(())
///     }
///     async fn error(&mut self, driver: &ExecutorDriver, message: String) -> HandlerResult {
///         # let _ = (driver, message);
///         Ok(())
///     }
///     async fn input(&mut self, driver: &ExecutorDriver, input: ()) -> HandlerResult {
///         # let _ = (driver, input);
///         Ok(())
///     }
///     async fn unknown(&mut self, driver: &ExecutorDriver, event: UnknownEvent) -> HandlerResult {
///         # let _ = (driver, event);
///         Ok(())
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not implement `Executor<{M}>`",
    note = "write `#[mesos::async_trait] impl Executor for {Self} {{ … }}`, or `impl Executor<M>` \
            for an executor that receives inputs of type `M`"
)]
#[async_trait]
pub trait Executor<M: Send + 'static = ()>: Send {
    /// The agent granted a subscription: the first one, and one after each reconnect.
    #[doc(alias = "registered", alias = "reregistered")]
    async fn subscribed(
        &mut self,
        driver: &ExecutorDriver<M>,
        subscribed: Subscribed,
    ) -> HandlerResult {
        let _ = (driver, subscribed);
        Ok(())
    }

    /// The agent is unreachable, or an attempt to subscribe failed. The driver retries after
    /// `disconnected.retry_in`. Tasks keep running, and the driver keeps their updates to send
    /// them again.
    async fn disconnected(
        &mut self,
        driver: &ExecutorDriver<M>,
        disconnected: Disconnected,
    ) -> HandlerResult {
        let _ = (driver, disconnected);
        Ok(())
    }

    /// Run a task.
    #[doc(alias = "launchTask")]
    async fn launch(&mut self, driver: &ExecutorDriver<M>, task: TaskInfo) -> HandlerResult;

    /// Run several tasks, all or none. The default refuses the group, and each task ends as
    /// TASK_FAILED.
    #[doc(alias = "launchTaskGroup")]
    async fn launch_group(
        &mut self,
        driver: &ExecutorDriver<M>,
        group: TaskGroupInfo,
    ) -> HandlerResult {
        let _ = (driver, group);
        Err("this executor does not support task groups".into())
    }

    /// Kill a task. The event arrives again if the scheduler repeats its call. `kill_policy`
    /// takes precedence over the policy of the task.
    #[doc(alias = "killTask")]
    async fn kill(
        &mut self,
        driver: &ExecutorDriver<M>,
        task_id: TaskId,
        kill_policy: Option<KillPolicy>,
    ) -> HandlerResult {
        let _ = (driver, task_id, kill_policy);
        Ok(())
    }

    /// The agent has stored an update. The scheduler may not have received the update yet. The
    /// driver tracks acknowledgements itself; implement this only for logging.
    async fn acknowledged(
        &mut self,
        driver: &ExecutorDriver<M>,
        task_id: TaskId,
        uuid: Bytes,
    ) -> HandlerResult {
        let _ = (driver, task_id, uuid);
        Ok(())
    }

    /// Bytes from the scheduler.
    #[doc(alias = "frameworkMessage")]
    async fn message(&mut self, driver: &ExecutorDriver<M>, data: Bytes) -> HandlerResult {
        let _ = (driver, data);
        Ok(())
    }

    /// End all tasks: the agent sent SHUTDOWN, or this executor has lost its agent permanently.
    /// Called at most once, and before every end except those by
    /// [`stop`](ExecutorDriver::stop), [`abort`](ExecutorDriver::abort) and a panic. After this
    /// handler the driver waits until each task has had its terminal update, and until the
    /// agent, if there is one, has acknowledged each update. The wait ends after the grace
    /// period. Then the driver ends.
    async fn shutdown(&mut self, driver: &ExecutorDriver<M>) -> HandlerResult {
        let _ = driver;
        Ok(())
    }

    /// The agent ended the subscription permanently. [`shutdown`](Self::shutdown) follows.
    async fn error(&mut self, driver: &ExecutorDriver<M>, message: String) -> HandlerResult {
        let _ = (driver, message);
        Ok(())
    }

    /// A message of the program itself, sent with [`ExecutorDriver::send`]. Also delivered while
    /// the driver is not subscribed.
    async fn input(&mut self, driver: &ExecutorDriver<M>, input: M) -> HandlerResult {
        let _ = (driver, input);
        Ok(())
    }

    /// An event of a type that this version does not know.
    async fn unknown(&mut self, driver: &ExecutorDriver<M>, event: UnknownEvent) -> HandlerResult {
        let _ = (driver, event);
        Ok(())
    }
}

/// A subscription that the agent granted.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Subscribed {
    /// This executor, as the scheduler described it.
    pub executor_info: ExecutorInfo,
    /// The framework of the executor.
    pub framework_info: FrameworkInfo,
    /// The agent of the executor.
    pub agent_info: AgentInfo,
    /// The container of the executor, if the agent reported it.
    pub container_id: Option<ContainerId>,
    /// Whether this driver had been subscribed before.
    pub resubscribed: bool,
    /// Tasks of an earlier process of this executor that have had no terminal update, in the
    /// order of their launches. This process has to find out their states and to send updates.
    /// Contained in the first subscription only, and empty without a
    /// [journal](ExecutorEnvironment::journal) on disk.
    pub recovered: Vec<TaskInfo>,
}
