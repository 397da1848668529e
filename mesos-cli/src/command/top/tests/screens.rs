//! Pictures of the view.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::{Color, Modifier};

use super::{NOW, app, press, screen};
use crate::command::top::app::{App, Connection};
use crate::command::top::draw::draw;
use crate::command::top::log::Part;
use crate::command::top::theme::Theme;

#[track_caller]
fn matches(name: &str, app: &mut App, width: u16, height: u16) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| insta::assert_snapshot!(name, screen(app, width, height)));
}

#[test]
fn a_usual_terminal_shows_resources_agents_tasks_and_events() {
    matches("usual", &mut app(), 100, 30);
}

#[test]
fn a_wide_terminal_also_shows_frameworks_and_roles() {
    matches("wide", &mut app(), 160, 30);
}

#[test]
fn a_terminal_of_20_columns_shows_the_start_of_each_row() {
    matches("narrow", &mut app(), 20, 24);
}

#[test]
fn a_terminal_of_a_few_lines_shows_the_pane_with_the_focus() {
    matches("flat", &mut app(), 60, 6);
}

#[test]
fn no_size_of_the_terminal_is_too_small() {
    let mut app = app();
    for width in 1..30 {
        for height in 1..20 {
            screen(&mut app, width, height);
            press(&mut app, "?");
            screen(&mut app, width, height);
            press(&mut app, "?\n");
            screen(&mut app, width, height);
            press(&mut app, "q\t");
        }
    }
}

#[test]
fn the_help_lists_the_keys() {
    let mut app = app();
    press(&mut app, "?");
    matches("help", &mut app, 60, 20);
}

#[test]
fn a_lost_connection_shows_its_reason_and_the_last_known_state() {
    let mut app = app();
    app.connection = Connection::Lost("connection refused".to_owned());
    matches("reconnecting", &mut app, 100, 24);
}

#[test]
fn a_cluster_without_anything_is_shown() {
    let mut app = App::new("127.0.0.1:5050".to_owned());
    matches("empty", &mut app, 60, 20);
}

#[test]
fn the_output_of_a_task_covers_the_panes() {
    let mut app = app();
    press(&mut app, "\n");
    let log = &mut app.log().unwrap().log;
    log.apply(Part::Bytes(b"one\n\x1b[32mtwo\x1b[0m\nthree".to_vec()));
    matches("log", &mut app, 60, 16);
    let log = &mut app.log().unwrap().log;
    log.apply(Part::Failed(
        "the sandbox does not exist any more".to_owned(),
    ));
    matches("log_failed", &mut app, 60, 16);
}

#[test]
fn without_colors_only_bold_and_reversed_text_remain() {
    let mut terminal = Terminal::new(TestBackend::new(100, 30)).unwrap();
    let now = std::time::UNIX_EPOCH + std::time::Duration::from_secs(NOW);
    let mut colored = |colors| {
        let mut app = app();
        let frame = terminal
            .draw(|frame| draw(frame, &mut app, Theme::new(colors), now))
            .unwrap();
        let cells = frame.buffer.content().iter();
        let colored = cells.clone().filter(|cell| cell.fg != Color::Reset);
        let known = Modifier::BOLD | Modifier::REVERSED;
        assert!(cells.clone().all(|cell| known.contains(cell.modifier)));
        colored.count()
    };
    assert_eq!(colored(false), 0);
    assert!(colored(true) > 50);
}
