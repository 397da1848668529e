//! Checks and health checks of the command executor.

use mesos_proto::v1::check_info::{self, Command, Tcp};
use mesos_proto::v1::health_check::{self, HttpCheckInfo};
use mesos_proto::v1::task_status::Reason;
use mesos_proto::v1::{CheckInfo, CommandInfo, HealthCheck, TaskInfo, TaskState, TaskStatus};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::agent::Agent;
use super::{Progress, common, message, shell};

const SOON: Option<f64> = Some(0.02);

fn health_check(what: HealthCheck) -> HealthCheck {
    HealthCheck {
        delay_seconds: Some(0.0),
        interval_seconds: SOON,
        grace_period_seconds: Some(0.0),
        ..what
    }
}

fn healthy_while(script: &str) -> HealthCheck {
    health_check(HealthCheck {
        r#type: Some(health_check::Type::Command.into()),
        command: Some(CommandInfo::sh(script)),
        ..HealthCheck::default()
    })
}

fn with_health(task: TaskInfo, check: HealthCheck) -> TaskInfo {
    TaskInfo {
        health_check: Some(check),
        ..task
    }
}

fn with_check(task: TaskInfo, check: CheckInfo) -> TaskInfo {
    TaskInfo {
        check: Some(CheckInfo {
            delay_seconds: Some(0.0),
            interval_seconds: SOON,
            ..check
        }),
        ..task
    }
}

fn command_check(script: &str) -> CheckInfo {
    CheckInfo {
        r#type: Some(check_info::Type::Command.into()),
        command: Some(Command {
            command: CommandInfo::sh(script),
        }),
        ..CheckInfo::default()
    }
}

/// The health in an update about it.
fn healthy(status: &TaskStatus) -> bool {
    let reason = Reason::TaskHealthCheckStatusUpdated.into();
    assert_eq!(status.reason, Some(reason), "{status:?}");
    status.healthy.expect("a health status")
}

fn exit_code(status: &TaskStatus) -> Option<i32> {
    let check = status.check_status.as_ref().expect("a check status");
    assert_eq!(check.r#type(), check_info::Type::Command);
    check
        .command
        .as_ref()
        .expect("the status of a command check")
        .exit_code
}

#[tokio::test]
async fn a_task_with_too_many_failed_health_checks_is_killed() {
    let directory = tempfile::tempdir().expect("a directory");
    let mark = directory.path().join("healthy");
    std::fs::write(&mark, "").expect("a file");
    let check = healthy_while(&format!("test -e {}", mark.display()));
    let mut agent = Agent::start().await;
    agent.launch(&with_health(shell("exec sleep 1000"), check));
    agent.running().await;
    let status = agent.update(TaskState::TaskRunning).await;
    assert!(healthy(&status));
    std::fs::remove_file(&mark).expect("the file");
    for _ in 0..3 {
        let status = agent.update(TaskState::TaskRunning).await;
        assert!(!healthy(&status));
    }
    let status = agent.update(TaskState::TaskKilling).await;
    assert_eq!(status.healthy, None, "only the last status carries it");
    let status = agent.update(TaskState::TaskKilled).await;
    assert_eq!(status.healthy, Some(false));
    assert_eq!(
        message(&status),
        "Command terminated with signal Terminated"
    );
    agent
        .end()
        .await
        .expect("the executor ends without an error");
}

#[tokio::test]
async fn a_check_without_a_first_result_is_not_reported() {
    let directory = tempfile::tempdir().expect("a directory");
    let marks = directory.path().join("marks");
    std::fs::write(&marks, "").expect("a file");
    let marks = marks.display();
    // The command of the check has no exit code. The third one begins after two results.
    let check = command_check(&format!("echo >>{marks}; kill -KILL $$"));
    let script = format!("until test $(wc -l <{marks}) -ge 3; do sleep 0.05; done");
    let mut agent = Agent::start().await;
    agent.launch(&with_check(shell(&script), check));
    agent.running().await;
    agent.update(TaskState::TaskFinished).await;
    agent
        .end()
        .await
        .expect("the executor ends without an error");
}

#[tokio::test]
async fn each_status_of_a_task_has_its_check_status_and_changes_are_reported() {
    let directory = tempfile::tempdir().expect("a directory");
    let code = directory.path().join("code");
    std::fs::write(&code, "0").expect("a file");
    let check = command_check(&format!("exit $(cat {})", code.display()));
    let mut agent = Agent::start().await;
    agent.launch(&with_check(shell("exec sleep 1000"), check));
    for state in [TaskState::TaskStarting, TaskState::TaskRunning] {
        let status = agent.update(state).await;
        assert_eq!(exit_code(&status), None);
    }
    let status = agent.update(TaskState::TaskRunning).await;
    let reason = Reason::TaskCheckStatusUpdated.into();
    assert_eq!((exit_code(&status), status.reason), (Some(0), Some(reason)));
    // In one step, so that a check cannot read half a file.
    let next = directory.path().join("next");
    std::fs::write(&next, "7").expect("a file");
    std::fs::rename(&next, &code).expect("a new file");
    let status = agent.update(TaskState::TaskRunning).await;
    assert_eq!(exit_code(&status), Some(7), "only changes are reported");
    agent.kill("t", None);
    let status = agent.update(TaskState::TaskKilling).await;
    assert_eq!(exit_code(&status), None);
    let status = agent.update(TaskState::TaskKilled).await;
    assert_eq!(exit_code(&status), None);
    agent
        .end()
        .await
        .expect("the executor ends without an error");
}

#[tokio::test]
async fn a_check_that_times_out_is_killed_with_its_processes_and_has_no_result() {
    let mut progress = Progress::new();
    let fifo = progress.path();
    let check = CheckInfo {
        timeout_seconds: Some(0.1),
        ..command_check(&format!("sleep 1000 & echo $! > {}; wait", fifo.display()))
    };
    let mut agent = Agent::start().await;
    agent.launch(&with_check(shell("exec sleep 1000"), check));
    agent.running().await;
    let pid = progress.pid().await;
    // The next check begins after the end of the first one.
    assert_ne!(progress.pid().await, pid);
    common::wait_until("the check's process ended", || !common::runs(pid));
    // No status reports a check without a result.
    agent.kill("t", None);
    agent.update(TaskState::TaskKilling).await;
    agent.update(TaskState::TaskKilled).await;
    agent
        .end()
        .await
        .expect("the executor ends without an error");
}

#[tokio::test]
async fn a_check_ends_with_its_task() {
    let mut progress = Progress::new();
    let check = format!("sleep 1000 & echo $! > {}; wait", progress.path().display());
    let mut agent = Agent::start().await;
    agent.launch(&with_check(shell("exec sleep 1000"), command_check(&check)));
    agent.running().await;
    let pid = progress.pid().await;
    agent.kill("t", None);
    agent.update(TaskState::TaskKilling).await;
    agent.update(TaskState::TaskKilled).await;
    common::wait_until("the check's process ended", || !common::runs(pid));
    agent
        .end()
        .await
        .expect("the executor ends without an error");
}

#[tokio::test]
async fn an_http_health_check_follows_redirects_and_checks_the_status() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let check = health_check(HealthCheck {
        r#type: Some(health_check::Type::Http.into()),
        http: Some(HttpCheckInfo {
            port: port.into(),
            path: Some("/health".into()),
            ..HttpCheckInfo::default()
        }),
        ..HealthCheck::default()
    });
    let serve = async |expected: &str, answer: &str| {
        let (mut stream, _) = listener.accept().await.expect("a request");
        let mut request = [0; 1024];
        let read = stream.read(&mut request).await.expect("a request");
        let request = String::from_utf8_lossy(&request[..read]);
        assert!(
            request.starts_with(&format!("GET {expected} ")),
            "{request}"
        );
        let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        stream
            .write_all(answer.as_bytes())
            .await
            .expect("an answer");
    };
    let mut agent = Agent::start().await;
    agent.launch(&with_health(shell("exec sleep 1000"), check));
    agent.running().await;
    serve("/health", "302 Found\r\nLocation: /other").await;
    serve("/other", "200 OK").await;
    let status = agent.update(TaskState::TaskRunning).await;
    assert!(healthy(&status));
    serve("/health", "503 Service Unavailable").await;
    let status = agent.update(TaskState::TaskRunning).await;
    assert!(!healthy(&status));
    agent.kill("t", None);
    agent.update(TaskState::TaskKilling).await;
    agent.update(TaskState::TaskKilled).await;
    agent
        .end()
        .await
        .expect("the executor ends without an error");
}

#[tokio::test]
async fn a_tcp_check_reports_whether_the_port_accepts_connections() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let check = CheckInfo {
        r#type: Some(check_info::Type::Tcp.into()),
        tcp: Some(Tcp { port: port.into() }),
        ..CheckInfo::default()
    };
    let mut agent = Agent::start().await;
    agent.launch(&with_check(shell("exec sleep 1000"), check));
    agent.running().await;
    let succeeded = |status: TaskStatus| status.check_status?.tcp?.succeeded;
    let status = agent.update(TaskState::TaskRunning).await;
    assert_eq!(succeeded(status), Some(true));
    drop(listener);
    let status = agent.update(TaskState::TaskRunning).await;
    assert_eq!(succeeded(status), Some(false));
    agent.kill("t", None);
    agent.update(TaskState::TaskKilling).await;
    agent.update(TaskState::TaskKilled).await;
    agent
        .end()
        .await
        .expect("the executor ends without an error");
}
