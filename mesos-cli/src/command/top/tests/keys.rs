//! What keys do.

use std::sync::Arc;

use super::{app, cluster, press, press_control, screen, task};
use crate::command::top::app::{App, Effect, Over};
use crate::command::top::layout::Slot;
use crate::command::top::model::{Model, Pane as _};
use mesos::v1::TaskState;

fn selected(app: &App) -> &str {
    app.tasks.selected().unwrap().task.task_id.as_str()
}

#[test]
fn the_selection_moves_and_stays_within_the_rows() {
    let mut app = app();
    assert_eq!(selected(&app), "db-1");
    press(&mut app, "j");
    assert_eq!(selected(&app), "web-1");
    press(&mut app, "jjjj");
    assert_eq!(selected(&app), "web-2");
    press(&mut app, "g");
    assert_eq!(selected(&app), "db-1");
    press(&mut app, "kG");
    assert_eq!(selected(&app), "web-2");
}

#[test]
fn the_selected_task_stays_selected_when_the_cluster_changes() {
    let mut app = app();
    press(&mut app, "j");
    let mut changed = cluster();
    changed.tasks.remove(2);
    changed
        .tasks
        .push(task("a-new", "a-S1", "cpus:1", TaskState::TaskRunning, 0));
    changed
        .tasks
        .push(task("b-new", "a-S1", "cpus:1", TaskState::TaskRunning, 0));
    app.replace(Model::new(&changed));
    assert_eq!(selected(&app), "web-1");
    // The neighbor of a task that has ended is selected.
    changed.tasks.retain(|task| task.task_id.value != "web-1");
    app.replace(Model::new(&changed));
    assert_eq!(selected(&app), "web-2");
    changed.tasks.clear();
    app.replace(Model::new(&changed));
    assert!(app.tasks.selected().is_none());
}

#[test]
fn the_first_task_stays_selected_until_the_user_moves() {
    let mut app = app();
    let mut changed = cluster();
    changed
        .tasks
        .push(task("a-new", "a-S1", "cpus:1", TaskState::TaskRunning, 0));
    app.replace(Model::new(&changed));
    assert_eq!(selected(&app), "a-new");
}

#[test]
fn tasks_sort_by_the_chosen_column_and_in_reverse() {
    let mut app = app();
    // By state, then by CPUs with the largest first.
    press(&mut app, "ss");
    assert_eq!(app.tasks.sorted_by(), (2, true));
    press(&mut app, "G");
    assert_eq!(selected(&app), "web-1");
    press(&mut app, "rg");
    assert_eq!(selected(&app), "web-1");
    // By age, and the oldest first.
    press(&mut app, "ssg");
    assert_eq!(app.tasks.sorted_by(), (4, true));
    assert_eq!(selected(&app), "db-1");
}

#[test]
fn a_filter_has_an_effect_at_once_and_escape_restores_the_filter_before() {
    let mut app = app();
    press(&mut app, "/WEB-");
    assert_eq!(app.tasks.counts(), (2, 3));
    assert!(screen(&mut app, 80, 24).contains("/WEB-_"));
    // Letters are text, and no commands.
    press(&mut app, "q");
    assert_eq!(app.tasks.counts(), (0, 3));
    press(&mut app, "\x1b");
    assert_eq!(app.tasks.counts(), (3, 3));
    press(&mut app, "/staging\n");
    assert_eq!((app.tasks.counts(), selected(&app)), ((1, 3), "web-1"));
    press(&mut app, "\x1b");
    assert_eq!(app.tasks.counts(), (3, 3));
}

#[test]
fn numbers_and_tab_switch_panes_and_each_pane_has_its_filter() {
    let mut app = app();
    press(&mut app, "1/beta\n");
    assert_eq!((app.focus, app.agents.counts()), (Slot::Agents, (1, 3)));
    press(&mut app, "\t");
    assert_eq!((app.focus, app.tasks.counts()), (Slot::Tasks, (3, 3)));
    press(&mut app, "5\t");
    assert_eq!(app.focus, Slot::Agents);
    press(&mut app, "9");
    assert_eq!(app.focus, Slot::Agents);
}

#[test]
fn an_agent_and_a_framework_open_their_tasks() {
    let mut app = app();
    press(&mut app, "1j\n");
    assert_eq!((app.focus, app.tasks.counts()), (Slot::Tasks, (1, 3)));
    assert_eq!(selected(&app), "db-1");
    press(&mut app, "3\n");
    assert_eq!((app.focus, app.tasks.counts()), (Slot::Tasks, (3, 3)));
}

#[test]
fn a_task_opens_its_output_and_tab_opens_the_other_file() {
    let mut app = app();
    assert!(matches!(press(&mut app, "\n")[..], [Effect::Read]));
    let open = app.log().unwrap();
    assert_eq!((open.log.file, &*open.log.task), ("stdout", "db-1"));
    let expected = cluster().tasks[2].task_id.clone();
    assert_eq!(open.task.task_id, expected);
    assert_eq!(Arc::strong_count(&open.task), 2);
    assert!(matches!(press(&mut app, "\t")[..], [Effect::Read]));
    assert_eq!(app.log().unwrap().log.file, "stderr");
    // The first q closes the output, and the next one the view.
    let [Effect::StopReading, Effect::Quit] = press(&mut app, "qq")[..] else {
        panic!("q does not close");
    };
}

#[test]
fn every_key_closes_the_help_and_control_c_always_quits() {
    let mut app = app();
    press(&mut app, "?");
    assert!(matches!(app.over, Over::Help));
    assert!(matches!(press(&mut app, "q")[..], [Effect::Nothing]));
    assert!(matches!(app.over, Over::Nothing));
    // A key without a meaning.
    press(&mut app, "?x");
    assert!(matches!(app.over, Over::Nothing));
    for keys in ["", "?", "/x", "\n"] {
        let mut app = super::app();
        press(&mut app, keys);
        assert!(
            matches!(press_control(&mut app, 'c'), Effect::Quit),
            "{keys:?}"
        );
    }
}

#[test]
fn events_follow_the_newest_until_the_user_moves_up() {
    let mut app = app();
    let event = |app: &mut App, text: &str| {
        app.event(std::time::UNIX_EPOCH, "TASK_UPDATED", text.to_owned());
    };
    press(&mut app, "5");
    event(&mut app, "third");
    assert_eq!(app.events.window(1).0, 2..3);
    press(&mut app, "k");
    event(&mut app, "fourth");
    assert_eq!(app.events.window(1).0, 1..2);
    press(&mut app, "G");
    event(&mut app, "fifth");
    assert_eq!(app.events.window(1).0, 4..5);
}
