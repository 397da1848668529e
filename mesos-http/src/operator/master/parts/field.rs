//! The kinds of objects in a GET_STATE answer.

/// An object of the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Agent,
    RecoveredAgent,
    Framework,
    CompletedFramework,
    Executor,
    Task,
    UnreachableTask,
    CompletedTask,
}

#[cfg(feature = "json")]
impl Field {
    /// The kind by the names of the fields: of the message in the state, and of the list in it.
    pub(super) fn of(group: &str, list: &str) -> Option<Self> {
        Some(match (group, list) {
            ("get_tasks", "tasks") => Self::Task,
            ("get_tasks", "completed_tasks") => Self::CompletedTask,
            ("get_tasks", "unreachable_tasks") => Self::UnreachableTask,
            ("get_executors", "executors") => Self::Executor,
            ("get_frameworks", "frameworks") => Self::Framework,
            ("get_frameworks", "completed_frameworks") => Self::CompletedFramework,
            ("get_agents", "agents") => Self::Agent,
            ("get_agents", "recovered_agents") => Self::RecoveredAgent,
            _ => return None,
        })
    }
}
