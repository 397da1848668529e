//! `cargo xtask record`: records sessions of the command mesos for the guide.

mod svg;
mod terminal;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::cargo::cargo;
use terminal::Terminal;

const PICTURES: &str = "docs/guide/pages/pictures";

/// The commands of the tour.
const TOUR: &[&str] = &[
    "mesos local up --detach --agents 2",
    "mesos status",
    "mesos run -n 3 'echo hello from Mesos'",
    "mesos agent list",
    "mesos task list --all",
    "mesos task logs run-2",
];

/// Starts a real Mesos, and writes pictures of a tour and of `mesos top` into the guide.
///
/// # Errors
/// A program does not build, or a command fails.
pub(crate) fn run(root: &Path) -> Result<()> {
    cargo(root, &["build", "--workspace", "--bins"], &[])?;
    let programs = root.join("target/debug");
    let home = tempfile::tempdir()?;
    let tour = Terminal::new(200, 100, &programs, home.path())?;
    let recorded = record(root, &tour, &programs, home.path());
    // Also if the recording failed.
    let stopped = Terminal::new(24, 100, &programs, home.path())?.run("mesos local down");
    recorded.and(stopped)
}

fn record(root: &Path, tour: &Terminal, programs: &Path, home: &Path) -> Result<()> {
    for command in TOUR {
        println!("{command}");
        tour.run(command)?;
    }
    write(root, "tour.svg", tour, "A tour of the command mesos")?;

    println!("mesos top");
    let tasks = Terminal::new(24, 100, programs, home)?;
    let tasks = tasks.start("mesos run -n 3 --name web --cpus 0.5 --mem 128 'sleep 1000'")?;
    let top = Terminal::new(24, 100, programs, home)?;
    let running = top.start("mesos top")?;
    top.wait_for(&["web-3", "running  "])?;
    write(root, "top.svg", &top, "The command mesos top")?;
    running.end_with("q")?;
    tasks.end_with("\x03")
}

fn write(root: &Path, name: &str, terminal: &Terminal, title: &str) -> Result<()> {
    let path = root.join(PICTURES).join(name);
    let picture = svg::picture(terminal.screen().screen(), title);
    fs::write(&path, picture).with_context(|| format!("cannot write {}", path.display()))?;
    println!("{}", path.display());
    Ok(())
}
