//! The result of a round.

use mesos_core::resources::Resources;
use mesos_proto::v1::offer::Operation;
use mesos_proto::v1::{TaskId, TaskInfo};

use crate::{Report, RunningTask};

/// What a round decided. Every offer is in one of the accepts or in `unused`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Round<O> {
    /// The offers to accept, with the operations. The offers of one accept belong to one agent and
    /// one role.
    pub accepts: Vec<Accept<O>>,
    /// The offers that no instance needs.
    pub unused: Vec<O>,
    /// What was not placed, and why.
    pub report: Report,
}

/// One ACCEPT call.
///
/// With a driver: `driver.accept(accept.offers, accept.operations, None)`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Accept<O> {
    /// The offers.
    pub offers: Vec<O>,
    /// The operations, in their order: RESERVE, CREATE, LAUNCH, LAUNCH_GROUP.
    pub operations: Vec<Operation>,
    /// The instances that the operations launch.
    pub placed: Vec<Placed>,
    /// The resources of the offers that stay unused. Mesos declines them with the call.
    pub left: Resources,
}

impl<O> Accept<O> {
    /// The tasks that the operations launch.
    pub fn tasks(&self) -> impl Iterator<Item = &TaskInfo> {
        self.operations.iter().flat_map(|operation| {
            let launch = operation
                .launch
                .iter()
                .flat_map(|launch| &launch.task_infos);
            let groups = operation.launch_group.iter();
            launch.chain(groups.flat_map(|group| &group.task_group.tasks))
        })
    }
}

/// An instance of a request that was placed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Placed {
    /// The index of the request in the list of requests.
    pub request: usize,
    /// The ids of the tasks, in the order of the request.
    pub task_ids: Vec<TaskId>,
    /// The ports of the tasks, in the order of the request.
    pub ports: Vec<Vec<u16>>,
    /// The instance as later rounds need it, in [`Cluster::tasks`](crate::Cluster::tasks), for as
    /// long as the instance runs.
    pub running: RunningTask,
}
