//! The state of the agent: one request and one answer.

use mesos_core::Result;
use mesos_proto::v1::Operation;
use mesos_proto::v1::agent::{call::Type, response};

use super::{AgentClient, of};

impl AgentClient {
    /// GET_STATE: frameworks, executors and tasks at once.
    pub async fn get_state(&self) -> Result<response::GetState> {
        self.list(of(Type::GetState), |response| response.get_state)
            .await
    }

    /// GET_FRAMEWORKS: the frameworks with tasks or executors on the agent, and those that had them.
    pub async fn get_frameworks(&self) -> Result<response::GetFrameworks> {
        self.list(of(Type::GetFrameworks), |response| response.get_frameworks)
            .await
    }

    /// GET_EXECUTORS: the executors, and those that have ended.
    pub async fn get_executors(&self) -> Result<response::GetExecutors> {
        self.list(of(Type::GetExecutors), |response| response.get_executors)
            .await
    }

    /// GET_OPERATIONS: the offer operations (since Mesos 1.6).
    pub async fn get_operations(&self) -> Result<Vec<Operation>> {
        let body = self.list(of(Type::GetOperations), |response| response.get_operations);
        Ok(body.await?.operations)
    }

    /// GET_TASKS: the tasks, by state.
    pub async fn get_tasks(&self) -> Result<response::GetTasks> {
        self.list(of(Type::GetTasks), |response| response.get_tasks)
            .await
    }

    /// GET_AGENT: the agent itself, and its drain.
    pub async fn get_agent(&self) -> Result<response::GetAgent> {
        self.list(of(Type::GetAgent), |response| response.get_agent)
            .await
    }
}
