//! Terminals and pipes.

use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Stdio;

use nix::pty::{Winsize, openpty};

use super::program::{matches, mesos, shared};

/// What the program writes to a terminal with this many columns.
fn on_terminal(columns: u16, master: &str, args: &[&str], variables: &[(&str, &str)]) -> String {
    let size = Winsize {
        ws_row: 24,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    let terminal = openpty(&size, None).unwrap();
    let end = |fd: &OwnedFd| Stdio::from(fd.try_clone().unwrap());
    let mut command = mesos(Path::new("/nonexistent"));
    command.env("TERM", "xterm").envs(variables.iter().copied());
    command.args(["--master", master]).args(args);
    command
        .stdout(end(&terminal.slave))
        .stderr(end(&terminal.slave));
    let mut child = command.spawn().unwrap();
    // The terminal ends when nobody has its other end open.
    drop(command);
    drop(terminal.slave);
    let mut text = Vec::new();
    let mut file = std::fs::File::from(terminal.master);
    // EIO is the end.
    while read_some(&mut file, &mut text).is_ok_and(|count| count > 0) {}
    assert!(child.wait().unwrap().success());
    String::from_utf8(text).unwrap().replace("\r\n", "\n")
}

fn read_some(file: &mut std::fs::File, text: &mut Vec<u8>) -> std::io::Result<usize> {
    let mut buffer = [0; 4096];
    let count = file.read(&mut buffer)?;
    text.extend_from_slice(&buffer[..count]);
    Ok(count)
}

#[test]
fn a_table_fits_into_a_terminal_of_20_columns() {
    let shared = shared!();
    let master = shared.cluster.local.master_url();
    for args in [
        &["agent", "list"][..],
        &["framework", "list"],
        &["task", "list"],
        &["task", "list", "--all", "-o", "table"],
        &["role", "list"],
        &["maintenance", "status"],
    ] {
        for columns in [1, 20, 40] {
            let text = on_terminal(columns, &master, args, &[("NO_COLOR", "1")]);
            assert!(!text.is_empty());
            for line in text.lines() {
                let width = line.chars().count();
                assert!(width <= columns.into(), "{width} of {columns}: {line:?}");
            }
        }
    }
    let text = on_terminal(60, &master, &["framework", "list"], &[("NO_COLOR", "1")]);
    matches("terminal_of_60_columns", &text);
}

#[test]
fn only_a_terminal_has_colors_and_no_color_disables_them() {
    let shared = shared!();
    let cluster = &shared.cluster;
    let master = cluster.local.master_url();
    let args = ["agent", "list"];
    let colored = |text: &str| text.contains("\x1b[32mactive\x1b[0m");
    assert!(colored(&on_terminal(100, &master, &args, &[])));
    assert!(!on_terminal(100, &master, &args, &[("NO_COLOR", "1")]).contains('\x1b'));
    let never = ["agent", "list", "--color", "never"];
    assert!(!on_terminal(100, &master, &never, &[]).contains('\x1b'));
    assert!(!cluster.run(&args).ok().contains('\x1b'));
    assert!(colored(
        &cluster.run(&["agent", "list", "--color", "always"]).ok()
    ));
}

#[test]
fn a_closed_pipe_ends_the_program_silently() {
    let shared = shared!();
    let master = shared.cluster.local.master_url();
    for args in [
        &["agent", "list"][..],
        &["task", "list"],
        &["events"],
        &["completions", "bash"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = mesos(Path::new("/nonexistent"));
        command.args(["--master", &master]).args(args);
        let output = command
            .stdout(writer)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = output.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert!(output.stderr.is_empty(), "{args:?}");
    }
}
