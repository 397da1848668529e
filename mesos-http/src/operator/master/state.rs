//! The state of the cluster: one request and one answer.

use mesos_core::Result;
use mesos_proto::v1::master::{Call, call, call::Type, response};
use mesos_proto::v1::{FrameworkId, Operation, Role};

use super::{MasterClient, of};

impl MasterClient {
    /// GET_STATE: agents, frameworks, executors and tasks at once. Large in a large cluster; see
    /// [`max_record_size`](crate::OperatorClient::max_record_size). With the feature `json`, the answer
    /// is requested in JSON, as for [`get_tasks`](Self::get_tasks).
    /// [`get_state_parts`](Self::get_state_parts) needs less memory, and is faster in protobuf.
    pub async fn get_state(&self) -> Result<response::GetState> {
        self.complete(of(Type::GetState), |response| response.get_state)
            .await
    }

    /// GET_AGENTS: the agents that are registered, and those that have not returned since the
    /// election of the master.
    pub async fn get_agents(&self) -> Result<response::GetAgents> {
        self.list(of(Type::GetAgents), |response| response.get_agents)
            .await
    }

    /// GET_FRAMEWORKS: the frameworks, and those that have ended.
    pub async fn get_frameworks(&self) -> Result<response::GetFrameworks> {
        self.list(of(Type::GetFrameworks), |response| response.get_frameworks)
            .await
    }

    /// GET_EXECUTORS: the executors.
    pub async fn get_executors(&self) -> Result<Vec<response::get_executors::Executor>> {
        let body = self.list(of(Type::GetExecutors), |response| response.get_executors);
        Ok(body.await?.executors)
    }

    /// GET_OPERATIONS: the offer operations (since Mesos 1.6).
    pub async fn get_operations(&self) -> Result<Vec<Operation>> {
        let body = self.list(of(Type::GetOperations), |response| response.get_operations);
        Ok(body.await?.operations)
    }

    /// GET_TASKS: the tasks, and those that are unreachable or have ended, also those of frameworks that
    /// have ended.
    ///
    /// With the feature `json`, the answer is requested in JSON whatever the encoding of the client is.
    /// The answers of Mesos 1.11.0 in protobuf do not contain the tasks of frameworks that have ended
    /// (`serializeGetTasks` in src/master/readonly_handler.cpp adds the frameworks that the user must
    /// not see instead).
    pub async fn get_tasks(&self) -> Result<response::GetTasks> {
        self.complete(of(Type::GetTasks), |response| response.get_tasks)
            .await
    }

    /// GET_ROLES: the roles in use.
    pub async fn get_roles(&self) -> Result<Vec<Role>> {
        let body = self.list(of(Type::GetRoles), |response| response.get_roles);
        Ok(body.await?.roles)
    }

    /// GET_MASTER: the leading master, and when it was started and elected.
    pub async fn get_master(&self) -> Result<response::GetMaster> {
        self.list(of(Type::GetMaster), |response| response.get_master)
            .await
    }

    /// TEARDOWN: ends a framework. Mesos kills its tasks and executors, and its id cannot be used
    /// again. The status of an error for an unknown framework is 400.
    pub async fn teardown(&self, framework: impl Into<FrameworkId>) -> Result<()> {
        self.set(Call {
            teardown: Some(call::Teardown {
                framework_id: framework.into(),
            }),
            ..of(Type::Teardown)
        })
        .await
    }
}
