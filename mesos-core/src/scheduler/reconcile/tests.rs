//! What is asked when.

use super::plan::{ObservedStatus, Plan, Question};
use super::*;
use mesos_proto::v1::scheduler::call::reconcile_operations::Operation;
use mesos_proto::v1::task_status::Reason;
use mesos_proto::v1::{OperationState, OperationStatus, TaskId, TaskState};

const SECOND: Duration = Duration::from_secs(1);

fn on() -> Plan {
    Plan::new(Some(ReconcilePolicy::default()), true)
}

/// An answer to RECONCILE.
fn tell(plan: &mut Plan, task: &str, state: TaskState) -> bool {
    tell_at(plan, 0, task, state)
}

/// The same at this second.
fn tell_at(plan: &mut Plan, seconds: u32, task: &str, state: TaskState) -> bool {
    let told = ObservedStatus {
        task_id: &task.into(),
        agent_id: Some(&"a".into()),
        state,
        reason: Reason::Reconciliation,
    };
    plan.task(seconds * SECOND, &told)
}

/// The tasks asked for by name at `seconds`; `*` for the question for all.
fn asked(plan: &mut Plan, seconds: u32) -> Vec<String> {
    let questions = plan.due(seconds * SECOND, 1.0);
    let names = questions.into_iter().flat_map(|question| match question {
        Question::Tasks(tasks) => tasks
            .into_iter()
            .map(|task| {
                let agent = task.agent_id.map(|agent| format!("@{agent}"));
                format!("{}{}", task.task_id, agent.unwrap_or_default())
            })
            .collect(),
        Question::Operations(operations) => operations
            .into_iter()
            .map(|operation| format!("op {}", operation.operation_id))
            .collect(),
        Question::Kills(kills) => panic!("unexpected kills: {kills:?}"),
        Question::AllTasks => vec!["*".to_owned()],
        Question::AllOperations => vec!["op *".to_owned()],
    });
    names.collect()
}

fn tasks(names: &[&str]) -> Vec<(TaskId, Option<mesos_proto::v1::AgentId>)> {
    let task = |name: &&str| (TaskId::from(*name), Some("a".into()));
    names.iter().map(task).collect()
}

#[test]
fn without_tasks_it_is_done_at_once_and_asks_only_for_everything() {
    let mut plan = on();
    assert!(!plan.is_done(), "without a subscription nothing is known");
    plan.subscribed(SECOND);
    assert!(plan.is_done());
    assert_eq!(asked(&mut plan, 1), ["*", "op *"]);
    assert!(asked(&mut plan, 2).is_empty(), "which nobody waits for");
    assert_eq!(plan.next(), Some(901 * SECOND));
    assert_eq!(asked(&mut plan, 901), ["*", "op *"]);
}

#[test]
fn what_was_not_answered_is_asked_again_with_waits_that_grow_into_minutes() {
    let mut plan = Plan::new(None, true);
    plan.subscribed(Duration::ZERO);
    plan.ask_tasks(Duration::ZERO, tasks(&["t1", "t2"]), true);
    let mut times = Vec::new();
    let mut now = 0;
    while times.len() < 9 {
        let due = plan.next().expect("it never gives up").as_secs();
        now = u32::try_from(due).unwrap().max(now);
        if !asked(&mut plan, now).is_empty() {
            times.push(now);
        }
        if times.len() == 3 {
            tell(&mut plan, "t1", TaskState::TaskRunning);
        }
    }
    assert_eq!(times, [0, 10, 30, 70, 150, 310, 610, 910, 1210]);
    assert!(!plan.is_done());
    assert_eq!(asked(&mut plan, 1510), ["t2@a"]);
    assert!(tell(&mut plan, "t2", TaskState::TaskGone), "the last one");
    assert!(plan.is_done());
    assert_eq!(plan.next(), None);
}

#[test]
fn while_answers_come_nothing_is_asked_again() {
    let mut plan = Plan::new(None, true);
    plan.subscribed(Duration::ZERO);
    plan.ask_tasks(Duration::ZERO, tasks(&["t1", "t2", "t3"]), true);
    assert_eq!(asked(&mut plan, 0), ["t1@a", "t2@a", "t3@a"]);
    tell_at(&mut plan, 9, "t1", TaskState::TaskRunning);
    assert!(asked(&mut plan, 10).is_empty());
    tell_at(&mut plan, 18, "t2", TaskState::TaskRunning);
    tell_at(&mut plan, 20, "t1", TaskState::TaskFinished);
    assert_eq!(plan.next(), Some(28 * SECOND), "t1 was not open any more");
    assert_eq!(asked(&mut plan, 28), ["t3@a"]);

    plan.ask_tasks(30 * SECOND, tasks(&["t4"]), true);
    tell_at(&mut plan, 30, "t3", TaskState::TaskRunning);
    assert_eq!(asked(&mut plan, 30), ["t4@a"], "it was never asked");
}

#[test]
fn a_new_subscription_starts_over_with_all_that_lives() {
    let mut plan = on();
    plan.subscribed(Duration::ZERO);
    for task in ["t1", "t2", "t3"] {
        plan.launching(&task.into(), Some(&"a".into()));
    }
    tell(&mut plan, "t2", TaskState::TaskFinished);
    plan.not_launched(&"t3".into());
    assert_eq!(asked(&mut plan, 1), ["*", "op *"]);
    plan.lost();
    assert!(asked(&mut plan, 2).is_empty());
    assert!(!plan.is_done());
    plan.subscribed(100 * SECOND);
    assert_eq!(asked(&mut plan, 100), ["t1@a"]);
    assert!(asked(&mut plan, 105).is_empty(), "one round at a time");
    plan.lost();
    plan.subscribed(106 * SECOND);
    assert_eq!(asked(&mut plan, 106), ["t1@a"], "at once again");
    tell(&mut plan, "t1", TaskState::TaskRunning);
    assert_eq!(asked(&mut plan, 107), ["*", "op *"], "then for everything");
}

#[test]
fn a_task_that_the_master_does_not_know_is_answered_and_remembered_no_more() {
    let mut plan = on();
    plan.launching(&"t1".into(), None);
    plan.subscribed(Duration::ZERO);
    assert_eq!(asked(&mut plan, 0), ["t1"]);
    tell(&mut plan, "t1", TaskState::TaskUnknown);
    assert!(plan.is_done());
    plan.subscribed(SECOND);
    assert!(plan.is_done());
    tell(&mut plan, "t1", TaskState::TaskRunning);
    plan.subscribed(2 * SECOND);
    assert_eq!(asked(&mut plan, 2), ["t1@a"], "an update brought it back");
}

#[test]
fn a_recovering_operation_has_not_been_answered_for() {
    let mut plan = on();
    plan.operating(&Operation {
        operation_id: "o1".into(),
        agent_id: Some("a".into()),
        resource_provider_id: None,
    });
    plan.subscribed(Duration::ZERO);
    assert_eq!(asked(&mut plan, 0), ["op o1"]);
    let status = |state: OperationState| OperationStatus {
        operation_id: Some("o1".into()),
        state: state as i32,
        ..Default::default()
    };
    plan.operation(Duration::ZERO, &status(OperationState::OperationRecovering));
    assert!(!plan.is_done());
    assert_eq!(asked(&mut plan, 10), ["op o1"]);
    plan.operation(Duration::ZERO, &status(OperationState::OperationPending));
    assert!(plan.is_done());
    plan.subscribed(20 * SECOND);
    assert_eq!(asked(&mut plan, 20), ["op o1"], "it still lives");
    plan.operation(Duration::ZERO, &status(OperationState::OperationFinished));
    plan.subscribed(30 * SECOND);
    assert_eq!(asked(&mut plan, 30), ["*", "op *"]);
}

#[test]
fn operations_are_left_out_where_the_backend_knows_none() {
    let mut plan = Plan::new(Some(ReconcilePolicy::default()), false);
    plan.subscribed(Duration::ZERO);
    assert_eq!(asked(&mut plan, 0), ["*"]);
}

#[test]
fn what_may_still_be_on_its_way_is_asked_for_a_little_later() {
    let mut plan = Plan::new(None, true);
    plan.subscribed(Duration::ZERO);
    plan.ask_tasks(5 * SECOND, tasks(&["t1"]), false);
    assert!(asked(&mut plan, 5).is_empty());
    assert_eq!(asked(&mut plan, 15), ["t1@a"]);
    plan.ask_tasks(16 * SECOND, tasks(&["t2"]), false);
    plan.lost();
    plan.subscribed(17 * SECOND);
    assert_eq!(
        asked(&mut plan, 17),
        ["t1@a", "t2@a"],
        "nothing is, by then"
    );
}

#[test]
fn an_interval_of_zero_never_asks_for_everything() {
    let policy = ReconcilePolicy::default().interval(Duration::ZERO);
    let mut plan = Plan::new(Some(policy), true);
    plan.subscribed(Duration::ZERO);
    assert!(asked(&mut plan, 0).is_empty());
    assert_eq!(plan.next(), None);
}
