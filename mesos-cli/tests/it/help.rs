//! `--help` of every command.

use std::path::Path;

use super::program::{matches, mesos, run};

/// The commands below `path`, from its help.
fn commands(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = lines
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next());
    names
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

fn help(path: &[String]) -> String {
    run(mesos(Path::new("/nonexistent")).args(path).arg("--help")).ok()
}

#[test]
fn every_command_has_a_help_text() {
    let mut open = vec![Vec::<String>::new()];
    let mut count = 0;
    while let Some(path) = open.pop() {
        let text = help(&path);
        for name in commands(&text) {
            let mut path = path.clone();
            path.push(name);
            open.push(path);
        }
        // The global options are the same everywhere, and are in the text of the program.
        let own = match path.is_empty() {
            true => text,
            false => text.split("Global options:").next().unwrap().to_owned(),
        };
        let name = ["help".to_owned()]
            .into_iter()
            .chain(path)
            .collect::<Vec<_>>();
        matches(&name.join("_"), &own);
        count += 1;
    }
    // Each group has at least one command.
    assert!(count > 40, "{count}");
}

#[test]
fn every_shell_has_completions_with_all_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(mesos(Path::new("/nonexistent")).args(["completions", shell])).ok();
        for name in ["agent", "framework", "drain", "--master"] {
            let found = script.contains(name.trim_start_matches('-'));
            assert!(found, "{name} is not in the completions for {shell}");
        }
    }
}
