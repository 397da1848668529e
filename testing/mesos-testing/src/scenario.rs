//! Tests that read like the protocol: the calls that the master receives, and the events that it
//! sends.

use std::panic::Location;

use mesos_proto::v1::scheduler::call::Type;
use mesos_proto::v1::scheduler::{Call, Event};
use mesos_proto::v1::{FrameworkId, TaskStatus};

use crate::{FakeMaster, Received, Stream};

/// A conversation between a scheduler and a [scripted](FakeMaster::scripted) master, from the
/// master's point of view and line by line.
///
/// The order of calls matters: [`receives`](Self::receives) takes the *next* call and fails if the
/// call has another type. [Ignore](Self::ignoring) calls whose position does not matter. Where the
/// order is not important, use [`FakeMaster::expect`](crate::wire::Control::expect).
///
/// ```no_run
/// use mesos_testing::v1::scheduler::call::Type;
/// use mesos_testing::v1::{Resource, TaskState, TaskStatus};
/// use mesos_testing::{Scenario, events};
///
/// # async fn example() -> std::io::Result<()> {
/// let mut mesos = Scenario::start().await?;
/// // A driver with the scheduler to be tested connects to mesos.url(); then:
/// mesos.receives_subscribe().await;
/// mesos.sends(events::offers([events::offer("o1", "a1", "*", [Resource::scalar("cpus", 1.0)])]));
/// let accept = mesos.receives(Type::Accept).await.accept.unwrap();
/// let task = &accept.operations[0].launch.as_ref().unwrap().task_infos[0];
/// let running = TaskStatus::new(&task.task_id, TaskState::TaskRunning);
/// mesos.sends_update("a1", running).await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Scenario {
    master: FakeMaster,
    stream: Option<Stream>,
    ignored: Vec<Type>,
}

impl Scenario {
    /// Starts a scenario with a new scripted master.
    ///
    /// # Errors
    /// If no port can be bound.
    pub async fn start() -> std::io::Result<Self> {
        Ok(Self::with(FakeMaster::scripted().await?))
    }

    /// Creates a scenario with this master.
    pub fn with(master: FakeMaster) -> Self {
        Self {
            master,
            stream: None,
            ignored: Vec::new(),
        }
    }

    /// Ignores calls of this type.
    #[must_use]
    pub fn ignoring(mut self, call_type: Type) -> Self {
        self.ignored.push(call_type);
        self
    }

    /// The master, for everything that a scenario does not offer.
    pub fn master(&self) -> &FakeMaster {
        &self.master
    }

    /// The URL that the scheduler has to subscribe to.
    pub fn url(&self) -> String {
        self.master.url()
    }

    /// Receives SUBSCRIBE and accepts it. Returns the framework id. Later events go to this stream.
    ///
    /// # Panics
    /// If another call arrives, or none within the timeout. All `receives` methods panic like this.
    #[track_caller]
    pub fn receives_subscribe(&mut self) -> impl Future<Output = FrameworkId> + Send + '_ {
        let at = Location::caller();
        async move {
            self.next(Type::Subscribe, at).await;
            let stream = self.master.expect_stream().await;
            let framework_id = stream.framework_id();
            self.stream = Some(stream);
            framework_id
        }
    }

    /// Receives a call of this type.
    #[track_caller]
    pub fn receives(&self, call_type: Type) -> impl Future<Output = Call> + Send + '_ {
        let at = Location::caller();
        async move { self.next(call_type, at).await.into_call() }
    }

    /// Receives the ACKNOWLEDGE of this status.
    #[track_caller]
    pub fn receives_acknowledge<'a>(
        &'a self,
        status: &'a TaskStatus,
    ) -> impl Future<Output = ()> + Send + 'a {
        self.acknowledgement(status.clone(), Location::caller())
    }

    async fn acknowledgement(&self, status: TaskStatus, at: &'static Location<'static>) {
        let call = self.next(Type::Acknowledge, at).await.into_call();
        let acknowledged = call.acknowledge.unwrap_or_default();
        assert!(
            acknowledged.task_id == status.task_id
                && Some(&acknowledged.agent_id) == status.agent_id.as_ref()
                && Some(&acknowledged.uuid) == status.uuid.as_ref(),
            "{at}: expected the acknowledgement of {status:?}, got {acknowledged:?}"
        );
    }

    async fn next(&self, call_type: Type, at: &'static Location<'static>) -> Received {
        loop {
            let next = self.master.expect_any(call_type.as_str_name(), at).await;
            if next.call_type() == Some(call_type) {
                return next;
            }
            if !next
                .call_type()
                .is_some_and(|found| self.ignored.contains(&found))
            {
                panic!(
                    "{at}: expected {} as the next call, got {next}; all calls:{}",
                    call_type.as_str_name(),
                    self.master.transcript()
                );
            }
        }
    }

    /// Sends an event.
    ///
    /// # Panics
    /// If there was no subscription yet.
    #[track_caller]
    pub fn sends(&self, event: Event) {
        self.stream().send(event);
    }

    /// Sends an update like an agent, with a new uuid, and receives the acknowledgement.
    #[track_caller]
    pub fn sends_update(
        &self,
        agent_id: &str,
        status: TaskStatus,
    ) -> impl Future<Output = ()> + Send + '_ {
        let status = crate::events::from_agent(agent_id, status);
        self.sends(crate::events::update(status.clone()));
        self.acknowledgement(status, Location::caller())
    }

    /// The stream of the last subscription, to inject faults.
    ///
    /// # Panics
    /// If there was no subscription yet.
    #[track_caller]
    pub fn stream(&self) -> &Stream {
        match &self.stream {
            Some(stream) => stream,
            None => panic!("there was no subscription yet; call receives_subscribe() first"),
        }
    }
}
