//! The programs, started by a process that is not an agent.
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
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    (output, stderr)
}

#[test]
fn an_executor_refuses_an_unknown_flag_by_name() {
    for (name, program) in PROGRAMS {
        let (output, stderr) = run(program, &["--launcher_dir=/", "--no_such_flag=1"]);
        assert_eq!(output.status.code(), Some(2), "{name}");
        assert!(stderr.contains("--no_such_flag"), "{stderr}");
    }
}

#[test]
fn an_executor_without_an_agents_environment_names_all_missing_variables() {
    for (name, program) in PROGRAMS {
        let (output, stderr) = run(program, &[]);
        assert_eq!(output.status.code(), Some(1), "{name}");
        assert!(stderr.starts_with(&format!("{name}: ")), "{stderr}");
        for variable in ["MESOS_FRAMEWORK_ID", "MESOS_EXECUTOR_ID", "MESOS_SLAVE_PID"] {
            assert!(stderr.contains(variable), "{variable}: {stderr}");
        }
    }
}

#[test]
fn a_fetcher_with_a_missing_or_invalid_request_reports_the_reason() {
    let program = env!("CARGO_BIN_EXE_mesos-fetcher");
    let (output, stderr) = run(program, &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.contains("MESOS_FETCHER_INFO"), "{stderr}");
    let directory = tempfile::tempdir().expect("a directory");
    for (uri, expected) in [
        (
            r#""value":"hdfs://h/f""#,
            "http://, https:// and file:// only",
        ),
        (
            r#""value":"/etc/hosts","output_file":"../f""#,
            "leads out of the directory",
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
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains(expected), "{stderr}");
    }
}
