//! How events and answers change the state.

use mesos_core::ErrorKind;
use mesos_proto::v1::TaskStatus;
use mesos_proto::v1::master::response::{GetAgents, GetFrameworks, GetTasks};

use super::*;

fn agent(id: &str, version: &str) -> Agent {
    Agent {
        agent_info: AgentInfo {
            id: Some(id.into()),
            ..Default::default()
        },
        version: version.to_owned(),
        ..Default::default()
    }
}

fn framework(id: &str) -> Framework {
    Framework {
        framework_info: FrameworkInfo {
            id: Some(id.into()),
            ..Default::default()
        },
        ..Default::default()
    }
}

fn task(framework: &str, id: &str, state: TaskState) -> Task {
    Task {
        task_id: id.into(),
        framework_id: framework.into(),
        state: state.into(),
        ..Default::default()
    }
}

fn update(framework: &str, id: &str, state: TaskState) -> ClusterEvent {
    ClusterEvent::TaskUpdated(Box::new(TaskUpdated {
        framework_id: framework.into(),
        status: TaskStatus {
            data: Some("secret".into()),
            ..TaskStatus::new(id, state)
        },
        state: state.into(),
    }))
}

fn whole() -> ClusterEvent {
    ClusterEvent::Snapshot(Box::new(GetState {
        get_agents: Some(GetAgents {
            agents: vec![agent("a", "1")],
            recovered_agents: vec![agent("r", "1").agent_info],
        }),
        get_frameworks: Some(GetFrameworks {
            frameworks: vec![framework("f")],
            ..Default::default()
        }),
        get_tasks: Some(GetTasks {
            tasks: vec![
                task("f", "t", TaskState::TaskRunning),
                task("f", "ended", TaskState::TaskFinished),
            ],
            unreachable_tasks: vec![
                task("f", "away", TaskState::TaskUnreachable),
                task("f", "lost", TaskState::TaskLost),
            ],
            completed_tasks: vec![task("f", "done", TaskState::TaskFinished)],
            ..Default::default()
        }),
        ..Default::default()
    }))
}

/// A state to which these events were applied.
fn after(events: impl IntoIterator<Item = ClusterEvent>) -> ClusterSnapshot {
    let mut state = ClusterSnapshot::default();
    for event in events {
        state.apply(event, &mut Touched::default());
    }
    state
}

fn ids(state: &ClusterSnapshot) -> Vec<&str> {
    let mut ids: Vec<&str> = state.tasks().map(|task| task.task_id.as_str()).collect();
    ids.sort_unstable();
    ids
}

#[test]
fn a_snapshot_replaces_everything_known() {
    let state = after([whole()]);
    assert_eq!(ids(&state), ["away", "t"]);
    assert_eq!(state.agents().count(), 1);
    assert_eq!(state.recovered_agents().count(), 1);
    assert!(state.is_current() && !state.is_complete());

    let empty = ClusterEvent::Snapshot(Box::default());
    let state = after([whole(), empty]);
    assert_eq!(state.tasks().count() + state.agents().count(), 0);
    assert_eq!(state.frameworks().count(), 0);
}

#[test]
fn a_task_changes_with_its_updates_until_it_ends() {
    let (f, t) = ("f".into(), "t".into());
    let added = ClusterEvent::TaskAdded(Box::new(task("f", "t", TaskState::TaskStaging)));
    let mut state = after([added, update("f", "t", TaskState::TaskRunning)]);
    let before = state.clone();
    let found = state.task(&f, &t).expect("the task");
    assert_eq!(found.state(), TaskState::TaskRunning);
    assert_eq!(found.statuses.len(), 1);
    assert_eq!(found.statuses[0].data, None, "the master does not keep it");

    // A second update of one state replaces the first, as in the master.
    state.apply(
        update("f", "t", TaskState::TaskRunning),
        &mut Touched::default(),
    );
    let found = state.task(&f, &t).expect("the task");
    assert_eq!(found.statuses.len(), 1);
    state.apply(
        update("f", "t", TaskState::TaskKilled),
        &mut Touched::default(),
    );
    assert!(state.task(&f, &t).is_none());
    assert_eq!(state.tasks_of(&f).count(), 0);
    assert!(before.task(&f, &t).is_some(), "a snapshot does not change");
}

#[test]
fn updates_of_unknown_tasks_are_ignored() {
    for unknown in [
        update("g", "t", TaskState::TaskRunning),
        update("f", "u", TaskState::TaskRunning),
        update("f", "u", TaskState::TaskFailed),
    ] {
        assert_eq!(ids(&after([whole(), unknown])), ["away", "t"]);
    }
}

#[test]
fn a_framework_keeps_its_resources_over_an_update_because_events_have_none() {
    let mut known = framework("f");
    known.allocated_resources = vec![Default::default()];
    known.offers = vec![Default::default()];
    let answer = Refreshed {
        frameworks: Some(vec![known]),
        ..Default::default()
    };
    let mut state = after([whole()]);
    state.refresh(answer, &Touched::default());
    let updated = ClusterEvent::FrameworkUpdated(Box::new(framework("f")));
    state.apply(updated, &mut Touched::default());
    let found = state.framework(&"f".into()).expect("the framework");
    assert_eq!(found.allocated_resources.len(), 1);
    assert_eq!(found.offers.len(), 0);
}

#[test]
fn a_framework_that_ends_takes_its_tasks_away() {
    let removed = ClusterEvent::FrameworkRemoved(Box::new(framework("f").framework_info));
    let state = after([whole(), removed]);
    assert_eq!(state.tasks().count() + state.frameworks().count(), 0);
}

#[test]
fn an_agent_that_returns_is_not_recovered_any_more() {
    let added = ClusterEvent::AgentAdded(Box::new(agent("r", "2")));
    let removed = ClusterEvent::AgentRemoved("a".into());
    let state = after([whole(), added, removed]);
    assert!(state.agent(&"r".into()).is_some());
    assert!(state.agent(&"a".into()).is_none());
    assert_eq!(state.recovered_agents().count(), 0);
}

#[test]
fn a_lost_connection_keeps_the_state_and_says_so() {
    let error = Error::new(ErrorKind::Transport, "lost");
    let state = after([
        whole(),
        ClusterEvent::Disconnected {
            error,
            retry_after: Default::default(),
        },
    ]);
    assert!(!state.is_current());
    assert_eq!(state.tasks().count(), 2);
    assert_eq!(
        state.disconnected().map(Error::kind),
        Some(ErrorKind::Transport)
    );
    assert!(after([whole(), whole()]).disconnected().is_none());
}

#[test]
fn an_answer_does_not_undo_a_later_event() {
    let mut state = after([whole()]);
    let mut touched = Touched::default();
    state.apply(ClusterEvent::AgentRemoved("a".into()), &mut touched);
    let new = ClusterEvent::AgentAdded(Box::new(agent("b", "1")));
    state.apply(new, &mut touched);
    // The master answered before both events.
    let refreshed = Refreshed {
        agents: Some(GetAgents {
            agents: vec![agent("a", "1"), agent("c", "1")],
            ..Default::default()
        }),
        frameworks: Some(vec![]),
        roles: Some(vec![]),
    };
    state.refresh(refreshed, &touched);
    let mut found: Vec<_> = state.agents.keys().map(AgentId::as_str).collect();
    found.sort_unstable();
    assert_eq!(found, ["b", "c"]);
    assert_eq!(state.frameworks().count(), 0);
    assert!(state.is_complete());
}

#[test]
fn parts_that_do_not_change_are_shared() {
    let state = after([whole()]);
    let mut next = state.clone();
    let same = Refreshed {
        agents: Some(GetAgents {
            agents: vec![agent("a", "1"), agent("b", "1")],
            ..Default::default()
        }),
        ..Default::default()
    };
    next.refresh(same, &Touched::default());
    let of = |state: &ClusterSnapshot| Arc::as_ptr(state.agent(&"a".into()).expect("the agent"));
    assert_eq!(of(&state), of(&next));
    assert_eq!((state.agents().count(), next.agents().count()), (1, 2));
}

#[test]
fn an_event_copies_one_object_and_only_if_a_snapshot_has_it() {
    let tasks = (0..1000).map(|n| task("f", &n.to_string(), TaskState::TaskRunning));
    let state = GetState {
        get_tasks: Some(GetTasks {
            tasks: tasks.collect(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let mut state = after([ClusterEvent::Snapshot(Box::new(state))]);
    let addresses = |state: &ClusterSnapshot| -> HashSet<*const Task> {
        state.tasks().map(Arc::as_ptr).collect()
    };
    let before = addresses(&state);
    state.apply(
        update("f", "7", TaskState::TaskKilling),
        &mut Touched::default(),
    );
    assert_eq!(addresses(&state), before, "nothing has the former state");

    let held = state.clone();
    state.apply(
        update("f", "8", TaskState::TaskKilling),
        &mut Touched::default(),
    );
    assert_eq!(addresses(&state).intersection(&before).count(), 999);
    let state_in_held = held.task(&"f".into(), &"8".into()).map(|task| task.state());
    assert_eq!(state_in_held, Some(TaskState::TaskRunning));
}
