//! The agent's helper programs, started by someone who is no agent.
#![cfg(target_os = "linux")]

use std::process::{Command, Output};

const PROGRAMS: [(&str, &str); 2] = [
    ("mesos-executor", env!("CARGO_BIN_EXE_mesos-executor")),
    (
        "mesos-default-executor",
        env!("CARGO_BIN_EXE_mesos-default-executor"),
    ),
];

fn run(program: &str, arguments: &[&str]) -> (Output, String) {
    let output = Command::new(program).args(arguments).env_clear().output();
    let output = output.expect("the program");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output, said)
}

#[test]
fn an_unknown_flag_ends_an_executor_and_is_named() {
    for (name, program) in PROGRAMS {
        let (output, said) = run(program, &["--launcher_dir=/", "--no_such_flag=1"]);
        assert_eq!(output.status.code(), Some(2), "{name}");
        assert!(said.contains("--no_such_flag"), "{said}");
    }
}

#[test]
fn an_executor_without_an_agents_environment_names_all_that_is_missing() {
    for (name, program) in PROGRAMS {
        let (output, said) = run(program, &[]);
        assert_eq!(output.status.code(), Some(1), "{name}");
        assert!(said.starts_with(&format!("{name}: ")), "{said}");
        for variable in ["MESOS_FRAMEWORK_ID", "MESOS_EXECUTOR_ID", "MESOS_SLAVE_PID"] {
            assert!(said.contains(variable), "{variable}: {said}");
        }
    }
}

#[test]
fn a_fetcher_that_is_told_nothing_or_nonsense_fails_and_says_why() {
    let program = env!("CARGO_BIN_EXE_mesos-fetcher");
    let (output, said) = run(program, &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("MESOS_FETCHER_INFO"), "{said}");
    let directory = tempfile::tempdir().expect("a directory");
    for (uri, expected) in [
        (
            r#""value":"hdfs://h/f""#,
            "http://, https:// and file:// only",
        ),
        (
            r#""value":"/etc/hosts","output_file":"../f""#,
            "not inside of the sandbox",
        ),
        (
            r#""value":"http://127.0.0.1:1/f""#,
            "cannot fetch http://127.0.0.1:1/f",
        ),
    ] {
        let info = format!(
            r#"{{"sandbox_directory":"{}","items":[{{"uri":{{{uri}}},"action":"BYPASS_CACHE"}}]}}"#,
            directory.path().display()
        );
        let output = Command::new(program)
            .env("MESOS_FETCHER_INFO", info)
            .output();
        let output = output.expect("the program");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(expected), "{said}");
    }
}
