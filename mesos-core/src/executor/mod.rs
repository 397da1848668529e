//! Executors: the trait that runs tasks, the driver it is run by, and the
//! environment an agent hands it.

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
pub use grace::GraceOver;
pub use token::Token;

/// What an executor does with what its agent tells it.
///
/// Handlers are called one at a time, in the order in which the agent sent the
/// events. A handler may await any driver call, but should not await a task:
/// a KILL would wait behind it. Spawn the task's supervision instead.
///
/// A handler that returns an error: the error is logged and the driver goes
/// on. A failed [`launch`](Self::launch) is also reported as TASK_FAILED with
/// the error's text, unless the executor already sent a terminal update. A
/// handler that panics ends the driver.
#[async_trait]
pub trait Executor: Send {
    /// The agent accepted the subscription: first, and again after each
    /// reconnect.
    async fn subscribed(
        &mut self,
        driver: &ExecutorDriver,
        subscribed: Subscribed,
    ) -> HandlerResult {
        let _ = (driver, subscribed);
        Ok(())
    }

    /// The agent is gone, or an attempt to subscribe failed; the driver tries
    /// again after `disconnected.retry_in`. Tasks go on meanwhile; their
    /// updates are kept and sent again.
    async fn disconnected(
        &mut self,
        driver: &ExecutorDriver,
        disconnected: Disconnected,
    ) -> HandlerResult {
        let _ = (driver, disconnected);
        Ok(())
    }

    /// Run a task.
    async fn launch(&mut self, driver: &ExecutorDriver, task: TaskInfo) -> HandlerResult;

    /// Run several tasks, all or none. The default refuses, and each task
    /// ends as TASK_FAILED.
    async fn launch_group(
        &mut self,
        driver: &ExecutorDriver,
        group: TaskGroupInfo,
    ) -> HandlerResult {
        let _ = (driver, group);
        Err("this executor runs no task groups".into())
    }

    /// Kill a task. Comes again if the scheduler asks again; `kill_policy`
    /// overrules that of the task.
    async fn kill(
        &mut self,
        driver: &ExecutorDriver,
        task_id: TaskId,
        kill_policy: Option<KillPolicy>,
    ) -> HandlerResult {
        let _ = (driver, task_id, kill_policy);
        Ok(())
    }

    /// The agent has stored an update (which does not mean that the scheduler
    /// has it). The driver keeps book by itself; this is for curiosity.
    async fn acknowledged(
        &mut self,
        driver: &ExecutorDriver,
        task_id: TaskId,
        uuid: Bytes,
    ) -> HandlerResult {
        let _ = (driver, task_id, uuid);
        Ok(())
    }

    /// Bytes from the scheduler.
    async fn message(&mut self, driver: &ExecutorDriver, data: Bytes) -> HandlerResult {
        let _ = (driver, data);
        Ok(())
    }

    /// End all tasks: the agent sent SHUTDOWN, or there will be no agent for
    /// this executor any more. Called once at most, and before every end but
    /// those by [`stop`](ExecutorDriver::stop), [`abort`](ExecutorDriver::abort)
    /// and a panic. After this the driver waits until each task has had its
    /// terminal update, and each update its acknowledgement where there is an
    /// agent to give it; at most for the grace period. Then it ends.
    async fn shutdown(&mut self, driver: &ExecutorDriver) -> HandlerResult {
        let _ = driver;
        Ok(())
    }

    /// The agent ended the subscription for good.
    /// [`shutdown`](Self::shutdown) comes next.
    async fn error(&mut self, driver: &ExecutorDriver, message: String) -> HandlerResult {
        let _ = (driver, message);
        Ok(())
    }

    /// An event of a type that this version does not know.
    async fn unknown(&mut self, driver: &ExecutorDriver, event: UnknownEvent) -> HandlerResult {
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
    /// The framework it belongs to.
    pub framework_info: FrameworkInfo,
    /// The agent it runs on.
    pub agent_info: AgentInfo,
    /// The container it runs in, if the agent said so.
    pub container_id: Option<ContainerId>,
    /// Whether this driver had been subscribed before.
    pub resubscribed: bool,
    /// Tasks that an earlier process of this executor was given and that have
    /// had no terminal update, in the order of their launches: it is for this
    /// process to find out what became of them, and to say so. Told once, and
    /// empty without a [journal](ExecutorEnvironment::journal) on disk.
    pub recovered: Vec<TaskInfo>,
}
