//! Examples of which requests are due when.

use super::items::Position;
use super::tracker::{ObservedStatus, Request, Tracker};
use super::*;
use crate::scheduler::KillOptions;
use mesos_proto::v1::scheduler::call::reconcile_operations::Operation;
use mesos_proto::v1::task_status::Reason;
use mesos_proto::v1::{OperationState, OperationStatus, TaskId, TaskState};

const SECOND: Duration = Duration::from_secs(1);

fn tracking() -> Tracker {
    Tracker::new(Some(ReconcilePolicy::default()), true)
}

/// Handles an answer to RECONCILE.
fn answer(tracker: &mut Tracker, task: &str, state: TaskState) -> bool {
    answer_at(tracker, 0, task, state)
}

/// As [`answer`], at `seconds`.
fn answer_at(tracker: &mut Tracker, seconds: u32, task: &str, state: TaskState) -> bool {
    let observed = ObservedStatus {
        task_id: task,
        agent_id: Some("a"),
        state,
        reason: Reason::Reconciliation,
    };
    tracker.task_update(seconds * SECOND, &observed)
}

fn names_of(tracker: &mut Tracker, tasks: &[Position]) -> Vec<String> {
    let chunk = tracker.chunk(tasks);
    let name = |(task_id, agent_id): (&str, Option<&str>)| {
        let agent = agent_id.map(|agent| format!("@{agent}"));
        format!("{task_id}{}", agent.unwrap_or_default())
    };
    chunk.ids().map(name).collect()
}

/// The tasks and operations in the requests that are due at `seconds`; `*` for all.
fn requested(tracker: &mut Tracker, seconds: u32) -> Vec<String> {
    let requests = tracker.due(seconds * SECOND, 1.0);
    let names = requests.into_iter().flat_map(|request| match request {
        Request::Tasks(tasks) => names_of(tracker, &tasks),
        Request::Operations(operations) => operations
            .into_iter()
            .map(|operation| format!("op {}", operation.operation_id))
            .collect(),
        Request::Kills(kills) => panic!("unexpected kills: {kills:?}"),
        Request::AllTasks => vec!["*".to_owned()],
        Request::AllOperations => vec!["op *".to_owned()],
    });
    names.collect()
}

fn tasks(names: &[&str]) -> Vec<(TaskId, Option<mesos_proto::v1::AgentId>)> {
    let task = |name: &&str| (TaskId::from(*name), Some("a".into()));
    names.iter().map(task).collect()
}

#[test]
fn without_tasks_it_is_done_at_once_and_requests_all_states_at_intervals() {
    let mut tracker = tracking();
    assert!(!tracker.is_done(), "there is no subscription");
    tracker.subscribed(SECOND);
    assert!(tracker.is_done());
    assert_eq!(requested(&mut tracker, 1), ["*", "op *"]);
    assert!(requested(&mut tracker, 2).is_empty(), "not repeated");
    assert_eq!(tracker.next(), Some(901 * SECOND));
    assert_eq!(requested(&mut tracker, 901), ["*", "op *"]);
}

#[test]
fn unanswered_requests_are_repeated_after_waits_that_grow_to_minutes() {
    let mut tracker = Tracker::new(None, true);
    tracker.subscribed(Duration::ZERO);
    tracker.request_tasks(Duration::ZERO, tasks(&["t1", "t2"]), true);
    let mut times = Vec::new();
    let mut now = 0;
    while times.len() < 9 {
        let due = tracker.next().expect("retries never end").as_secs();
        now = u32::try_from(due).unwrap().max(now);
        if !requested(&mut tracker, now).is_empty() {
            times.push(now);
        }
        if times.len() == 3 {
            answer(&mut tracker, "t1", TaskState::TaskRunning);
        }
    }
    assert_eq!(times, [0, 10, 30, 70, 150, 310, 610, 910, 1210]);
    assert!(!tracker.is_done());
    assert_eq!(requested(&mut tracker, 1510), ["t2@a"]);
    assert!(
        answer(&mut tracker, "t2", TaskState::TaskGone),
        "the last one"
    );
    assert!(tracker.is_done());
    assert_eq!(tracker.next(), None);
}

#[test]
fn no_request_is_repeated_while_answers_arrive() {
    let mut tracker = Tracker::new(None, true);
    tracker.subscribed(Duration::ZERO);
    tracker.request_tasks(Duration::ZERO, tasks(&["t1", "t2", "t3"]), true);
    assert_eq!(requested(&mut tracker, 0), ["t1@a", "t2@a", "t3@a"]);
    answer_at(&mut tracker, 9, "t1", TaskState::TaskRunning);
    assert!(requested(&mut tracker, 10).is_empty());
    answer_at(&mut tracker, 18, "t2", TaskState::TaskRunning);
    answer_at(&mut tracker, 20, "t1", TaskState::TaskFinished);
    assert_eq!(tracker.next(), Some(28 * SECOND), "t1 was answered before");
    assert_eq!(requested(&mut tracker, 28), ["t3@a"]);

    tracker.request_tasks(30 * SECOND, tasks(&["t4"]), true);
    answer_at(&mut tracker, 30, "t3", TaskState::TaskRunning);
    assert_eq!(
        requested(&mut tracker, 30),
        ["t4@a"],
        "it was not requested before"
    );
}

#[test]
fn a_new_subscription_requests_all_live_tasks_again() {
    let mut tracker = tracking();
    tracker.subscribed(Duration::ZERO);
    for task in ["t1", "t2", "t3"] {
        tracker.track_task(&task.into(), Some(&"a".into()));
    }
    answer(&mut tracker, "t2", TaskState::TaskFinished);
    tracker.untrack_task(&"t3".into());
    assert_eq!(requested(&mut tracker, 1), ["*", "op *"]);
    tracker.unsubscribed();
    assert!(requested(&mut tracker, 2).is_empty());
    assert!(!tracker.is_done());
    tracker.subscribed(100 * SECOND);
    assert_eq!(requested(&mut tracker, 100), ["t1@a"]);
    assert!(
        requested(&mut tracker, 105).is_empty(),
        "one round at a time"
    );
    tracker.unsubscribed();
    tracker.subscribed(106 * SECOND);
    assert_eq!(requested(&mut tracker, 106), ["t1@a"], "at once again");
    answer(&mut tracker, "t1", TaskState::TaskRunning);
    assert_eq!(
        requested(&mut tracker, 107),
        ["*", "op *"],
        "then all states"
    );
}

#[test]
fn a_task_that_the_master_does_not_know_is_answered_and_no_longer_tracked() {
    let mut tracker = tracking();
    tracker.track_task(&"t1".into(), None);
    tracker.subscribed(Duration::ZERO);
    assert_eq!(requested(&mut tracker, 0), ["t1"]);
    answer(&mut tracker, "t1", TaskState::TaskUnknown);
    assert!(tracker.is_done());
    tracker.subscribed(SECOND);
    assert!(tracker.is_done());
    answer(&mut tracker, "t1", TaskState::TaskRunning);
    tracker.subscribed(2 * SECOND);
    assert_eq!(
        requested(&mut tracker, 2),
        ["t1@a"],
        "tracked again after an update"
    );
}

#[test]
fn operation_recovering_does_not_count_as_an_answer() {
    let mut tracker = tracking();
    tracker.track_operation(&Operation {
        operation_id: "o1".into(),
        agent_id: Some("a".into()),
        resource_provider_id: None,
    });
    tracker.subscribed(Duration::ZERO);
    assert_eq!(requested(&mut tracker, 0), ["op o1"]);
    let status = |state: OperationState| OperationStatus {
        operation_id: Some("o1".into()),
        state: state as i32,
        ..Default::default()
    };
    tracker.operation_update(Duration::ZERO, &status(OperationState::OperationRecovering));
    assert!(!tracker.is_done());
    assert_eq!(requested(&mut tracker, 10), ["op o1"]);
    tracker.operation_update(Duration::ZERO, &status(OperationState::OperationPending));
    assert!(tracker.is_done());
    tracker.subscribed(20 * SECOND);
    assert_eq!(requested(&mut tracker, 20), ["op o1"], "it is still live");
    tracker.operation_update(Duration::ZERO, &status(OperationState::OperationFinished));
    tracker.subscribed(30 * SECOND);
    assert_eq!(requested(&mut tracker, 30), ["*", "op *"]);
}

#[test]
fn operations_are_not_requested_from_a_backend_without_operation_feedback() {
    let mut tracker = Tracker::new(Some(ReconcilePolicy::default()), false);
    tracker.subscribed(Duration::ZERO);
    assert_eq!(requested(&mut tracker, 0), ["*"]);
}

#[test]
fn a_task_whose_launch_may_still_be_under_way_is_requested_after_the_first_wait() {
    let mut tracker = Tracker::new(None, true);
    tracker.subscribed(Duration::ZERO);
    tracker.request_tasks(5 * SECOND, tasks(&["t1"]), false);
    assert!(requested(&mut tracker, 5).is_empty());
    assert_eq!(requested(&mut tracker, 15), ["t1@a"]);
    tracker.request_tasks(16 * SECOND, tasks(&["t2"]), false);
    tracker.unsubscribed();
    tracker.subscribed(17 * SECOND);
    assert_eq!(
        requested(&mut tracker, 17),
        ["t1@a", "t2@a"],
        "no launch is under way over a new subscription"
    );
}

#[test]
fn an_interval_of_zero_never_requests_all_states() {
    let policy = ReconcilePolicy::default().interval(Duration::ZERO);
    let mut tracker = Tracker::new(Some(policy), true);
    tracker.subscribed(Duration::ZERO);
    assert!(requested(&mut tracker, 0).is_empty());
    assert_eq!(tracker.next(), None);
}

/// The number of tasks and kills in the requests that are due at `seconds`.
fn count_due(tracker: &mut Tracker, seconds: u32) -> usize {
    let mut total = 0;
    loop {
        let requests = tracker.due(seconds * SECOND, 1.0);
        if requests.is_empty() {
            return total;
        }
        let counts = requests.iter().map(|request| match request {
            Request::Tasks(tasks) => tasks.len(),
            Request::Kills(kills) => kills.len(),
            other => panic!("unexpected request: {other:?}"),
        });
        total += counts.sum::<usize>();
    }
}

/// The tasks `t0`, `t1`, and so on.
fn many_tasks(count: u32) -> Vec<(TaskId, Option<mesos_proto::v1::AgentId>)> {
    let task = |number| (TaskId::from(format!("t{number}")), Some("a".into()));
    (0..count).map(task).collect()
}

#[test]
fn the_first_of_many_tasks_are_requested_before_the_others_are_in_the_table() {
    let mut tracker = Tracker::new(None, true);
    tracker.request_tasks(Duration::ZERO, many_tasks(2_500), true);
    tracker.subscribed(SECOND);
    for (count, random) in [(1_000, 1.0), (1_000, 0.1), (500, 0.7)] {
        assert!(!tracker.is_done());
        assert_eq!(
            (tracker.open(), tracker.next()),
            (2_500, Some(Duration::ZERO))
        );
        let requests = tracker.due(SECOND, random);
        assert!(matches!(&requests[..], [Request::Tasks(tasks)] if tasks.len() == count));
    }
    // They are repeated together.
    assert_eq!(tracker.next(), Some(11 * SECOND));
    assert_eq!(requested(&mut tracker, 11).len(), 2_500);
    for number in 0..2_500 {
        let last = answer(&mut tracker, &format!("t{number}"), TaskState::TaskRunning);
        assert!(!last || number == 2_499 || !tracker.is_done());
    }
    assert!(tracker.is_done());
}

#[test]
fn an_update_of_a_task_that_is_not_in_the_table_yet_is_its_answer() {
    let mut tracker = tracking();
    tracker.subscribed(Duration::ZERO);
    tracker.request_tasks(Duration::ZERO, many_tasks(2_500), true);
    assert_eq!(tracker.due(Duration::ZERO, 1.0).len(), 1);
    answer(&mut tracker, "t2400", TaskState::TaskFinished);
    assert_eq!(tracker.open(), 2_499);
    let requested = requested(&mut tracker, 0);
    assert_eq!(requested.len(), 1_499);
    assert!(!requested.contains(&"t2400@a".to_owned()));
}

#[test]
fn a_removed_framework_has_no_tasks_to_request() {
    let mut tracker = tracking();
    tracker.subscribed(Duration::ZERO);
    tracker.request_tasks(Duration::ZERO, many_tasks(2_500), true);
    tracker.clear();
    assert_eq!(tracker.open(), 0);
    assert_eq!(requested(&mut tracker, 0), ["*", "op *"]);
}

#[test]
fn a_task_that_was_answered_before_its_call_was_made_is_left_out() {
    let mut tracker = Tracker::new(None, true);
    tracker.subscribed(Duration::ZERO);
    tracker.request_tasks(Duration::ZERO, tasks(&["t1", "t2"]), true);
    let requests = tracker.due(Duration::ZERO, 1.0);
    let [Request::Tasks(positions)] = &requests[..] else {
        panic!("unexpected requests: {requests:?}");
    };
    answer(&mut tracker, "t1", TaskState::TaskFinished);
    assert_eq!(names_of(&mut tracker, positions), ["t2@a"]);
    answer(&mut tracker, "t2", TaskState::TaskFinished);
    assert!(tracker.chunk(positions).is_empty());
}

#[test]
fn a_call_per_second_does_not_repeat_the_requests_that_are_already_open() {
    let open: u32 = 50_000;
    let task = |number: u32| (TaskId::from(format!("t{number}")), Some("a".into()));
    let mut tracker = Tracker::new(None, true);
    tracker.subscribed(Duration::ZERO);
    tracker.request_tasks(Duration::ZERO, (0..open).map(task).collect(), true);
    let mut requested = Vec::new();
    let mut now = 0;
    while now < 620 {
        // A scheduler that asks for another task each second.
        tracker.request_tasks(now * SECOND, vec![task(open + now)], true);
        requested.push(count_due(&mut tracker, now));
        assert!(requested[requested.len() - 1] >= 1, "the new task at once");
        now += 1;
    }
    // Each of them at 0, 10, 30, 70, 150, 310 and 610 s, as without the other calls.
    let of_all = requested.iter().filter(|count| **count >= 50_000).count();
    assert_eq!(of_all, 7);
    let others: usize = requested.iter().sum::<usize>() - 7 * 50_000;
    assert!(others < 620 * 7, "{others}");
}

#[test]
fn a_loop_of_single_requests_costs_as_much_as_one_request() {
    let mut tracker = Tracker::new(None, true);
    tracker.subscribed(Duration::ZERO);
    let mut requested = 0;
    for number in 0..5_000 {
        let task = (TaskId::from(format!("t{number}")), None);
        tracker.request_tasks(Duration::ZERO, vec![task], true);
        requested += count_due(&mut tracker, 0);
    }
    assert_eq!(requested, 5_000);
    assert_eq!(count_due(&mut tracker, 10), 5_000, "together");
    assert_eq!(tracker.next(), Some(30 * SECOND));
}

#[test]
fn launches_with_unknown_result_do_not_postpone_each_other() {
    let mut tracker = Tracker::new(None, true);
    tracker.subscribed(Duration::ZERO);
    let mut first = None;
    for now in 0..60 {
        let name = format!("t{now}");
        tracker.request_tasks(now * SECOND, tasks(&[&name]), false);
        if requested(&mut tracker, now).contains(&"t0@a".to_owned()) {
            first.get_or_insert(now);
        }
    }
    assert_eq!(first, Some(10));
}

#[test]
fn a_kill_per_second_neither_postpones_nor_repeats_the_others() {
    let mut tracker = Tracker::new(None, true);
    tracker.subscribed(Duration::ZERO);
    let mut killed = Vec::new();
    for now in 0..300 {
        let id = TaskId::from(format!("t{now}"));
        tracker.kills.add(now * SECOND, id, KillOptions::new());
        for request in tracker.due(now * SECOND, 1.0) {
            match request {
                Request::Kills(kills) => killed.extend(kills.into_iter().map(|one| (now, one))),
                other => panic!("unexpected request: {other:?}"),
            }
        }
    }
    let of = |id: &str| -> Vec<u32> {
        let named = killed.iter().filter(|(_, kill)| kill.task_id == id);
        named.map(|(now, _)| *now).collect()
    };
    let first = of("t0");
    assert_eq!(first[..6], [0, 5, 15, 35, 75, 135]);
    // A kill may be sent a quarter of its wait earlier, together with others.
    let mut gaps = first[5..].windows(2).map(|two| two[1] - two[0]);
    assert!(gaps.all(|gap| (45..=60).contains(&gap)), "{first:?}");
    assert_eq!(of("t299"), [299]);
    assert!(killed.len() < 300 * 9, "{}", killed.len());
}
