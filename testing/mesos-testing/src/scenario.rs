//! Tests that read like the protocol: what the master receives, what it sends.

use std::panic::Location;

use mesos_proto::v1::scheduler::call::Type;
use mesos_proto::v1::scheduler::{Call, Event};
use mesos_proto::v1::{FrameworkId, TaskStatus};

use crate::{FakeMaster, Received, Stream};

/// A conversation between a scheduler and a [scripted](FakeMaster::scripted)
/// master, told from the master's side and line by line.
///
/// Every call has to come in its turn: [`receives`](Self::receives) takes the
/// *next* one and fails if it is another. Calls whose turn does not matter are
/// [left out](Self::ignoring); where order matters little, use
/// [`FakeMaster::expect`].
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
    /// With a scripted master of its own.
    ///
    /// # Errors
    /// If no port can be bound.
    pub async fn start() -> std::io::Result<Self> {
        Ok(Self::with(FakeMaster::scripted().await?))
    }

    /// With this master.
    pub fn with(master: FakeMaster) -> Self {
        Self {
            master,
            stream: None,
            ignored: Vec::new(),
        }
    }

    /// Calls of this type are passed over.
    #[must_use]
    pub fn ignoring(mut self, call_type: Type) -> Self {
        self.ignored.push(call_type);
        self
    }

    /// The master, for what a scenario has no words for.
    pub fn master(&self) -> &FakeMaster {
        &self.master
    }

    /// Where the scheduler is to subscribe.
    pub fn url(&self) -> String {
        self.master.url()
    }

    /// Receives SUBSCRIBE, which the master grants; returns the framework's id.
    /// What is sent goes there from now on.
    ///
    /// # Panics
    /// If something else comes, or nothing. So do all `receives` methods.
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

    /// Receives the ACKNOWLEDGE of this very status.
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
            let next = self.master.take_next(call_type.as_str_name(), at).await;
            if next.call_type() == Some(call_type) {
                return next;
            }
            if !next
                .call_type()
                .is_some_and(|found| self.ignored.contains(&found))
            {
                panic!(
                    "{at}: expected {} as the next call, got {next}; all of them:{}",
                    call_type.as_str_name(),
                    self.master.transcript()
                );
            }
        }
    }

    /// Sends an event.
    ///
    /// # Panics
    /// If nobody has subscribed yet.
    #[track_caller]
    pub fn sends(&self, event: Event) {
        self.stream().send(event);
    }

    /// Sends an update as the agent does, with a new uuid, and receives its
    /// acknowledgement.
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

    /// The stream of the last subscription received, for what goes wrong.
    ///
    /// # Panics
    /// If nobody has subscribed yet.
    #[track_caller]
    pub fn stream(&self) -> &Stream {
        match &self.stream {
            Some(stream) => stream,
            None => panic!("nobody has subscribed yet; receives_subscribe() comes first"),
        }
    }
}
