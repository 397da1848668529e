//! `mesos run -f FILE`: the jobs of a file on a real Mesos.

use std::path::PathBuf;
use std::process::Stdio;

use tokio::io::AsyncWriteExt as _;

use crate::processes::{ended_with_argument, with_argument};
use crate::program::{Outcome, User, cluster, within};

/// Writes a file into the home of the user.
fn file(user: &User, name: &str, text: &str) -> String {
    let path = user.home().join(name);
    std::fs::write(&path, text).unwrap();
    path.into_os_string().into_string().unwrap()
}

/// The state and the number of attempts of a job in the output `-o json`.
fn result<'a>(jobs: &'a serde_json::Value, name: &str) -> (&'a str, u64) {
    let mut jobs = jobs.as_array().unwrap().iter();
    let job = jobs.find(|job| job["name"] == name).unwrap();
    (
        job["state"].as_str().unwrap(),
        job["attempts"].as_u64().unwrap(),
    )
}

#[tokio::test]
async fn the_jobs_of_a_file_run_after_those_that_they_wait_for() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let url = cluster.master_url();
    let user = User::new();
    let mark = user.home().join("mark");
    let text = format!(
        "jobs:\n\
         - {{name: second, after: [first], task: {{command: 'test -e {mark}'}}}}\n\
         - {{name: first, task: {{command: 'touch {mark}'}}}}\n",
        mark = mark.display()
    );
    let path = file(&user, "jobs.yaml", &text);
    let end = user.outcome(&["run", "--master", &url, "-f", &path]).await;
    assert_eq!(end.code, Some(0), "{end:?}");
    let lines: Vec<Vec<&str>> = end
        .stdout
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(lines[0], ["NAME", "STATE", "EXIT", "ATTEMPTS", "AGENT"]);
    let agent = lines[1][4];
    assert_eq!(lines[1], ["second", "TASK_FINISHED", "0", "1", agent]);
    assert_eq!(lines[2], ["first", "TASK_FINISHED", "0", "1", agent]);
    assert_eq!(lines.len(), 3);
    let ended = |name| {
        end.stderr
            .find(&format!("{name}: TASK_FINISHED on {agent}"))
    };
    assert!(
        ended("first").unwrap() < ended("second").unwrap(),
        "{end:?}"
    );
    assert!(
        end.stderr.contains(&format!("first: launched on {agent}")),
        "{end:?}"
    );
}

#[tokio::test]
async fn a_job_that_fails_gives_its_exit_status_and_drops_those_that_wait_for_it() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let url = cluster.master_url();
    let text = "\
        jobs:\n\
        - name: broken\n  \
          task: {command: exit 3}\n  \
          retry: {max_attempts: 2, first_delay: 10ms}\n\
        - {name: well, task: {command: 'true'}}\n\
        - {name: next, after: [broken], task: {command: exit 4}}\n";
    let user = User::new();
    let mut command = user.command(&["run", "--master", &url, "-o", "json", "-f", "-"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(text.as_bytes()).await.unwrap();
    drop(stdin);
    let output = within("the program's end", child.wait_with_output()).await;
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let jobs = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(result(&jobs, "broken"), ("TASK_FAILED", 2));
    assert_eq!(result(&jobs, "well"), ("TASK_FINISHED", 1));
    assert_eq!(result(&jobs, "next"), ("TASK_DROPPED", 0));
    assert_eq!(jobs[0]["exit_status"], 3);
    assert!(jobs[0]["agent"]["id"].is_string(), "{jobs}");
    assert!(jobs[2]["agent"].is_null(), "{jobs}");
}

#[tokio::test]
async fn at_most_the_given_number_of_jobs_run_at_once() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let url = cluster.master_url();
    let user = User::new();
    let home = user.home().display();
    let run = |line: &str| {
        let job =
            |name| format!("- {{name: {name}, task: {{command: {line}, env: {{JOB: {name}}}}}}}\n");
        let text = format!("jobs:\n{}{}{}", job("a"), job("b"), job("c"));
        let path = file(&user, "jobs.yml", &text);
        ["run", "--master", &url, "-f", &path].map(str::to_owned)
    };
    let alone = run(&format!(
        "mkdir {home}/lock && sleep 0.3 && rmdir {home}/lock"
    ));
    let mut args: Vec<&str> = alone.iter().map(String::as_str).collect();
    args.extend(["--max-running", "1"]);
    let end = user.outcome(&args).await;
    assert_eq!(end.code, Some(0), "{end:?}");
    assert_eq!(end.stdout.matches("TASK_FINISHED").count(), 3, "{end:?}");

    // Without the limit they run together.
    let together = run(&format!(
        "cd {home} && touch $JOB && until test -e a -a -e b -a -e c; do sleep 0.05; done"
    ));
    let args: Vec<&str> = together.iter().map(String::as_str).collect();
    let end = user.outcome(&args).await;
    assert_eq!(end.code, Some(0), "{end:?}");
}

#[tokio::test]
async fn a_program_that_was_killed_adopts_the_jobs_of_its_state() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let url = cluster.master_url();
    let user = User::new();
    let at = |name: &str| -> PathBuf { user.home().join(name) };
    let line = format!(
        "echo start >> {}; while ! test -e {}; do sleep 0.05; done",
        at("starts").display(),
        at("go").display()
    );
    let text = format!("[[jobs]]\nname = \"long\"\ntask.command = \"{line}\"\n");
    let path = file(&user, "jobs.toml", &text);
    let state = at("state.redb").into_os_string().into_string().unwrap();
    let args = [
        "run", "--master", &url, "-f", &path, "--state", &state, "-o", "json",
    ];
    let mut first = user.start(&args);
    first.prints("long: running on").await;
    first.child.kill().await.unwrap();

    let mut second = user.start(&args);
    second.prints("long: running on").await;
    let other = user.outcome(&args).await;
    assert_eq!(other.code, Some(2), "{other:?}");
    assert!(
        other.stderr.contains("in use by another process"),
        "{other:?}"
    );
    std::fs::write(at("go"), "").unwrap();
    second.prints("long: TASK_FINISHED").await;
    assert_eq!(second.exit_code().await, Some(0));

    // What has ended is known, and is not repeated.
    let third = user.outcome(&args).await;
    assert_eq!(third.code, Some(0), "{third:?}");
    let jobs = serde_json::from_str(&third.stdout).unwrap();
    assert_eq!(result(&jobs, "long"), ("TASK_FINISHED", 1));
    assert_eq!(std::fs::read_to_string(at("starts")).unwrap(), "start\n");
}

#[tokio::test]
async fn a_state_with_other_jobs_is_refused_and_its_jobs_run_on() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let url = cluster.master_url();
    let user = User::new();
    let mark = format!("{}", 6_000_000 + std::process::id());
    let job = |name: &str, line: &str| {
        let text = format!("jobs:\n- {{name: {name}, task: {{command: {line}}}}}\n");
        file(&user, &format!("{name}.yaml"), &text)
    };
    let state = user.home().join("state.redb");
    let state = state.to_str().unwrap();
    let long = job("long", &format!("sleep {mark}"));
    let short = job("short", "'true'");
    let args = ["run", "--master", &url, "--state", state, "-f"];
    let mut first = user.start(&[&args[..], &[&long]].concat());
    first.prints("long: running on").await;
    first.child.kill().await.unwrap();
    let end = user.outcome(&[&args[..], &[&short]].concat()).await;
    assert_eq!(end.code, Some(2), "{end:?}");
    assert!(end.stderr.contains("the state has \"long\""), "{end:?}");
    let changed = job("long", "'true'");
    let end = user.outcome(&[&args[..], &[&changed]].concat()).await;
    assert_eq!(end.code, Some(2), "{end:?}");
    let other = "the job \"long\" exists with another specification";
    assert!(end.stderr.contains(other), "{end:?}");
    assert!(
        end.stderr.contains("use another file for --state"),
        "{end:?}"
    );
    assert!(with_argument(&mark) > 0, "the job does not run any more");

    let long = job("long", &format!("sleep {mark}"));
    let mut last = user.start(&[&args[..], &[&long]].concat());
    last.prints("long: running on").await;
    last.interrupt();
    last.prints("long: TASK_KILLED").await;
    assert_eq!(last.exit_code().await, Some(130));
    ended_with_argument(&mark).await;
}

#[tokio::test]
async fn an_interrupt_kills_all_jobs_of_the_file() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let url = cluster.master_url();
    let mark = format!("{}", 7_000_000 + std::process::id());
    let text = format!(
        "jobs:\n\
         - {{name: a, task: {{command: sleep {mark}}}}}\n\
         - {{name: b, task: {{command: sleep {mark}}}}}\n\
         - {{name: c, after: [a], task: {{command: 'true'}}}}\n"
    );
    let user = User::new();
    let path = file(&user, "jobs.yaml", &text);
    let mut run = user.start(&["run", "--master", &url, "-f", &path]);
    run.prints("running on").await;
    run.prints("running on").await;
    run.interrupt();
    run.prints("killing the jobs").await;
    run.prints("TASK_KILLED on").await;
    run.prints("TASK_KILLED on").await;
    let end = within("the program's end", run.child.wait_with_output()).await;
    let end = end.unwrap();
    assert_eq!(end.status.code(), Some(130));
    let table = String::from_utf8(end.stdout).unwrap();
    assert_eq!(table.matches("TASK_KILLED").count(), 3, "{table}");
    ended_with_argument(&mark).await;
}

#[tokio::test]
async fn a_second_interrupt_does_not_wait_for_the_jobs() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let url = cluster.master_url();
    let mark = format!("{}", 8_000_000 + std::process::id());
    let text = format!(
        "jobs:\n\
         - name: stubborn\n  \
           task: {{command: 'trap \"\" TERM; sleep {mark}', kill_grace: 15s}}\n"
    );
    let user = User::new();
    let path = file(&user, "jobs.yaml", &text);
    let mut run = user.start(&["run", "--master", &url, "-f", &path]);
    run.prints("stubborn: running on").await;
    run.interrupt();
    run.prints("stubborn: killing").await;
    run.interrupt();
    let end = within("the program's end", run.child.wait_with_output()).await;
    let end = end.unwrap();
    assert_eq!(end.status.code(), Some(130));
    // The table would say how the job ended.
    assert_eq!(end.stdout, b"");
    ended_with_argument(&mark).await;
}

#[tokio::test]
async fn a_job_that_does_not_fit_is_explained() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let url = cluster.master_url();
    let user = User::new();
    let text = "jobs: [{name: large, task: {command: 'true', resources: 'cpus:64'}}]";
    let path = file(&user, "jobs.yaml", text);
    let mut run = user.start(&["run", "--master", &url, "-f", &path]);
    run.prints("large: 1 of 1 instance not placed").await;
    run.interrupt();
    assert_eq!(run.exit_code().await, Some(130));
}

/// The end of `mesos run -f` with a file that is refused before anything starts.
async fn refused(name: &str, text: &str, options: &[&str]) -> Outcome {
    let user = User::new();
    let path = file(&user, name, text);
    let end = user
        .outcome(&[&["run", "-f", &path], options].concat())
        .await;
    assert_eq!(end.code, Some(2), "{end:?}");
    assert!(!end.stderr.contains("panicked"), "{end:?}");
    end
}

#[tokio::test]
async fn a_mistake_in_the_file_is_named_with_its_line_and_column() {
    for (name, text, place) in [
        (
            "jobs.yaml",
            "jobs:\n- name: a\n  task:\n    comand: 'true'\n",
            "jobs.yaml:4:5: unknown key \"comand\"; did you mean \"command\"?",
        ),
        (
            "jobs.toml",
            "[[jobs]]\nname = 3\n",
            "jobs.toml:2:8: invalid type",
        ),
        ("jobs.json", "{\"jobs\": [}", "jobs.json:1:11: "),
        ("jobs.txt", "", "use .yaml, .toml or .json"),
        ("jobs.yaml", "jobs: []\n", "neither jobs nor services"),
        (
            "jobs.yaml",
            "jobs: [{name: a, after: [b], task: {command: 'true'}}]\n",
            "jobs[0].after[0]: the job \"b\" does not exist",
        ),
    ] {
        let end = refused(name, text, &[]).await;
        assert!(end.stderr.contains(place), "`{place}` is not in: {end:?}");
    }
}

#[tokio::test]
async fn a_file_with_services_is_refused_with_what_to_do() {
    let text = "services: [{name: web, task: {command: sleep 10}}]\n";
    let end = refused("jobs.yaml", text, &[]).await;
    for part in ["the service \"web\"", "`mesos service run -f FILE`"] {
        assert!(end.stderr.contains(part), "`{part}` is not in: {end:?}");
    }
}

#[tokio::test]
async fn options_of_a_command_are_refused_with_a_file() {
    let text = "jobs: [{name: a, task: {command: 'true'}}]\n";
    for options in [
        &["--cpus", "1"][..],
        &["-n", "2"],
        &["--time-limit", "1s"],
        &["true"],
        &["--", "echo", "hello"],
    ] {
        let end = refused("jobs.yaml", text, options).await;
        assert!(end.stderr.contains("cannot be used with"), "{end:?}");
    }
    let options = ["--max-running", "0"];
    let end = refused("jobs.yaml", text, &options).await;
    assert!(end.stderr.contains("--max-running"), "{end:?}");
    for option in ["--max-running", "--state"] {
        let end = User::new().outcome(&["run", option, "1", "true"]).await;
        assert_eq!(end.code, Some(2), "{end:?}");
        assert!(end.stderr.contains("cannot be used with"), "{end:?}");
        let end = User::new().outcome(&["run", option, "1"]).await;
        assert_eq!(end.code, Some(2), "{end:?}");
        assert!(end.stderr.contains("--file <FILE>"), "{end:?}");
    }
}

#[tokio::test]
async fn a_state_needs_a_mesos_that_stays() {
    let text = "jobs: [{name: a, task: {command: 'true'}}]\n";
    let end = refused("jobs.yaml", text, &["--state", "state.redb"]).await;
    assert!(end.stderr.contains("mesos local up"), "{end:?}");
}

#[tokio::test]
async fn a_master_that_cannot_be_reached_ends_a_file_with_exit_code_125() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let user = User::new();
    let text = "jobs: [{name: a, task: {command: 'true'}}]\n";
    let path = file(&user, "jobs.yaml", text);
    let end = user
        .outcome(&["run", "--master", &address, "-f", &path])
        .await;
    assert_eq!(end.code, Some(125), "{end:?}");
    assert!(end.stderr.contains(&address), "{end:?}");
}
