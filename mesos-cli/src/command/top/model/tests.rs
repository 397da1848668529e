//! The rows of a cluster.

use mesos::v1::TaskState;

use super::{List, Model, Pane as _, Share};
use crate::command::top::tests::{agent, cluster, task};

fn share(used: f64, offered: f64, total: f64) -> Share {
    Share {
        used,
        offered,
        total,
    }
}

#[test]
fn the_totals_are_the_sum_of_all_agents() {
    let model = Model::new(&cluster());
    assert_eq!(model.totals[0], share(9.0, 2.0, 12.0));
    assert_eq!(model.totals[1], share(3072.0, 1024.0, 12288.0));
    assert_eq!(model.totals[3], share(0.0, 0.0, 2.0));
}

#[test]
fn a_task_is_in_use_before_the_agent_is_reported_again() {
    let mut objects = cluster();
    // The master offered two CPUs, and the task uses them now.
    objects
        .tasks
        .push(task("web-3", "a-S0", "cpus:2", TaskState::TaskStaging, 0));
    let model = Model::new(&objects);
    assert_eq!(model.agents[0].shares[0], share(7.0, 1.0, 8.0));
    assert_eq!(model.agents[0].tasks, 3);
}

#[test]
fn executors_of_their_own_are_in_use_without_tasks() {
    let mut objects = cluster();
    objects.tasks.clear();
    let model = Model::new(&objects);
    assert_eq!(model.agents[0].shares[0], share(5.0, 2.0, 8.0));
}

#[test]
fn an_agent_that_has_not_returned_has_a_row_without_resources() {
    let model = Model::new(&cluster());
    assert_eq!(model.agents.len(), 3);
    assert_eq!(model.agents[2].host, "gamma");
    assert_eq!(model.agents[2].shares, [Share::default(); 4]);
}

#[test]
fn a_task_without_a_known_agent_shows_the_id_of_the_agent() {
    let mut objects = cluster();
    objects.tasks = vec![task(
        "lost",
        "a-S7",
        "cpus:1",
        TaskState::TaskUnreachable,
        0,
    )];
    let mut list = List::default();
    list.replace(Model::new(&objects).tasks);
    list.set_filter("a-s7".to_owned());
    assert_eq!(list.counts(), (1, 1));
}

#[test]
fn the_window_contains_the_selected_row_and_moves_only_as_far_as_needed() {
    let mut list = List::default();
    let agents = (0..10).map(|n| agent(&format!("a-S{n}"), &format!("h{n}"), "cpus:1", "", ""));
    let mut objects = cluster();
    objects.recovered.clear();
    objects.agents = agents.collect();
    list.replace(Model::new(&objects).agents);
    assert_eq!(list.window(4), (0..4, 0));
    list.step(5);
    assert_eq!(list.window(4), (2..6, 3));
    list.step(-2);
    assert_eq!(list.window(4), (2..6, 1));
    list.step(-2);
    assert_eq!(list.window(4), (1..5, 0));
    list.last();
    assert_eq!(list.window(4), (6..10, 3));
    // A larger window shows more rows above.
    assert_eq!(list.window(8), (2..10, 7));
    assert_eq!(list.window(0), (9..10, 0));
    list.set_filter("h1".to_owned());
    assert_eq!(list.window(4), (0..1, 0));
    list.set_filter("nothing".to_owned());
    assert_eq!(list.window(4), (0..0, 0));
}
