//! `mesos lint`, without a cluster.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::{Command, Output};

const TASK: &str = r#"{"name": "web", "task_id": {"value": "web"}, "command": {"value": "serve"},
    "resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 1}},
                  {"name": "mem", "type": "SCALAR", "scalar": {"value": 32}}]}"#;

fn lint(arguments: &[&str], directory: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mesos"))
        .arg("lint")
        .args(arguments)
        .current_dir(directory)
        .output()
        .unwrap()
}

/// The exit code, stdout and stderr of `mesos lint` for a file with this name and content.
fn of(name: &str, content: &str, more: &[&str]) -> (i32, String, String) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(name), content).unwrap();
    let end = lint(&[&[name], more].concat(), directory.path());
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        end.status.code().unwrap(),
        text(end.stdout),
        text(end.stderr),
    )
}

#[test]
fn a_task_without_mistakes_has_no_output() {
    assert_eq!(
        of("task.json", TASK, &[]),
        (0, String::new(), String::new())
    );
}

#[test]
fn an_error_is_printed_with_its_remedy_and_fails_the_command() {
    let task = TASK.replace(r#""command": {"value": "serve"},"#, "");
    let (code, stdout, stderr) = of("task.json", &task, &[]);
    assert_eq!(code, 1);
    let expected = "error[command-or-executor] command: the task has neither a command nor an \
                    executor\n  set exactly one of command and executor\n";
    assert_eq!(stdout, expected);
    assert!(stderr.contains("1 error in task.json"), "{stderr}");
    let (code, ..) = of("task.json", &task, &["--allow", "command-or-executor"]);
    assert_eq!(code, 0);
}

#[test]
fn yaml_and_toml_are_read_by_the_ending_of_the_file() {
    let yaml = "user: me\nname: f\ncheckpoint: true\ncapabilities: [{type: PARTITION_AWARE}]\n";
    let toml =
        "user = 'me'\nname = 'f'\ncheckpoint = true\n[[capabilities]]\ntype = 'PARTITION_AWARE'\n";
    for (name, content) in [("f.yaml", yaml), ("f.toml", toml)] {
        let (code, stdout, _) = of(name, content, &["-o", "name"]);
        assert_eq!(
            (code, stdout.as_str()),
            (0, "no-failover-timeout\n"),
            "{name}"
        );
        let (code, ..) = of(name, content, &["--deny", "no-failover-timeout"]);
        assert_eq!(code, 1, "{name}");
    }
}

#[test]
fn a_field_that_mesos_does_not_know_is_reported() {
    let task = TASK.replace("\"value\": \"serve\"", r#""value": "serve", "shel": true"#);
    let (code, stdout, _) = of("task.json", &task, &[]);
    assert_eq!(code, 0);
    assert!(
        stdout.starts_with("warning[unknown-field] command.shel: "),
        "{stdout}"
    );
}

#[test]
fn the_framework_and_the_offer_are_considered() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    std::fs::write(path.join("task.json"), TASK.replace("\"mem\"", "\"gpus\"")).unwrap();
    std::fs::write(
        path.join("framework.json"),
        r#"{"user": "me", "name": "f"}"#,
    )
    .unwrap();
    let arguments = [
        "task.json",
        "--framework",
        "framework.json",
        "--offer",
        "cpus:1",
        "-o",
        "json",
    ];
    let end = lint(&arguments, path);
    let lints: Vec<serde_json::Value> = serde_json::from_slice(&end.stdout).unwrap();
    let rules: Vec<&str> = lints
        .iter()
        .filter_map(|lint| lint["rule"].as_str())
        .collect();
    assert_eq!(
        rules,
        ["missing-capability", "missing-amount", "more-than-offered"]
    );
}

#[test]
fn unusable_arguments_and_files_are_usage_errors() {
    for (content, arguments, text) in [
        (
            TASK,
            &["--allow", "nonsense"][..],
            "`nonsense` is not the name of a lint",
        ),
        (TASK, &["--kind", "executor"], "executor_id"),
        (
            TASK,
            &["--framework", "missing.json"],
            "cannot read missing.json",
        ),
        ("{", &[], "cannot read task.json"),
        ("{}", &[], "is not a task"),
    ] {
        let (code, stdout, stderr) = of("task.json", content, arguments);
        assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
        assert!(stderr.contains(text), "{stderr}");
    }
}

#[test]
fn all_rules_are_listed() {
    let end = lint(&["--rules", "-o", "name"], Path::new("."));
    let names = String::from_utf8(end.stdout).unwrap();
    assert_eq!(names.lines().count(), mesos::lint::RULES.len());
}
