//! `mesos service`: a scheduler on a real Mesos.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::processes::{ended_with_argument, with_argument};
use crate::program::{Outcome, Running, User, cluster, within};

/// A service with a rolling update, as a file of the user.
pub(crate) fn file(user: &User, name: &str, instances: u32, command: &str) -> String {
    let text = format!(
        "services:\n\
         - name: {name}\n  \
           instances: {instances}\n  \
           task: {{command: '{command}'}}\n  \
           restart: {{first_delay: 100ms, crash_loop_after: 2}}\n  \
           update: {{healthy_for: 100ms}}\n"
    );
    let path = user.home().join(format!("{name}.yaml"));
    std::fs::write(&path, text).unwrap();
    path.into_os_string().into_string().unwrap()
}

/// Starts the scheduler in the foreground, with the given services.
fn start(user: &User, url: &str, options: &[&str]) -> Running {
    user.start(&[&["service", "run", "--master", url], options].concat())
}

/// Runs a command that succeeds.
async fn service(user: &User, args: &[&str]) -> Outcome {
    let end = user.outcome(&[&["service"], args].concat()).await;
    assert_eq!(end.code, Some(0), "{args:?}: {end:?}");
    end
}

async fn json(user: &User, args: &[&str]) -> Value {
    let end = service(user, &[args, &["-o", "json"]].concat()).await;
    serde_json::from_str(&end.stdout).unwrap()
}

/// The ids of the tasks of a service.
async fn tasks(user: &User, name: &str) -> Vec<String> {
    let service = json(user, &["inspect", name]).await;
    let instances = service["instances"].as_array().unwrap().iter();
    let tasks = instances.flat_map(|one| one["tasks"].as_array().unwrap());
    tasks
        .map(|task| task.as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn services_of_a_file_are_kept_shown_changed_and_stopped() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let url = cluster.master_url();
    let user = User::new();
    let mark = format!("{}", 9_000_000 + std::process::id());
    let path = file(&user, "web", 2, &format!("echo first; exec sleep {mark}"));
    let mut run = start(&user, &url, &["-f", &path]);
    run.prints("web/1: ready on ").await;
    run.prints("web: 2 of 2 ready; ready").await;

    let list = service(&user, &["list"]).await;
    let rows: Vec<&str> = list.stdout.split_whitespace().collect();
    assert_eq!(rows, ["NAME", "READY", "STATE", "web", "2/2", "ready"]);
    let status = json(&user, &["status"]).await;
    assert_eq!(status["connection"], "subscribed");
    assert_eq!(status["master"], url);
    assert_eq!(status["pid"], run.child.id().unwrap());
    let inspect = service(&user, &["inspect", "we"]).await;
    for text in [
        "Name:",
        "2 of 2",
        "Instances:",
        "Last events:",
        "launched on",
    ] {
        assert!(inspect.stdout.contains(text), "{text}: {inspect:?}");
    }
    let logs = service(&user, &["logs", "web"]).await;
    let mut lines: Vec<&str> = logs.stdout.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["web/1 | first", "web/2 | first"]);
    let logs = service(&user, &["logs", "web", "-i", "2", "-n", "1"]).await;
    assert_eq!(logs.stdout, "web/2 | first\n");

    let scale = service(&user, &["scale", "web", "3", "--wait"]).await;
    assert_eq!(scale.stdout, "service web is scaled to 3 instances\n");
    assert!(
        scale.stderr.contains("web: 3 of 3 ready; ready"),
        "{scale:?}"
    );
    service(&user, &["scale", "web", "1", "--wait"]).await;
    let before = tasks(&user, "web").await;
    assert_eq!(before.len(), 1);
    service(&user, &["restart", "web", "--wait"]).await;
    let restarted = tasks(&user, "web").await;
    assert!(restarted.len() == 1 && restarted != before, "{restarted:?}");

    // The file says two instances again, and another command.
    let path = file(&user, "web", 2, &format!("echo second; exec sleep {mark}"));
    let update = service(&user, &["update", "-f", &path, "--wait"]).await;
    assert_eq!(update.stdout, "service web is updated\n");
    let details = json(&user, &["inspect", "web"]).await;
    assert_eq!(
        details["spec"]["task"]["command"],
        format!("echo second; exec sleep {mark}")
    );
    assert_eq!(details["ready"], 2);
    service(&user, &["rollback", "web", "--wait"]).await;
    let details = json(&user, &["inspect", "web"]).await;
    assert_eq!(
        details["spec"]["task"]["command"],
        format!("echo first; exec sleep {mark}")
    );

    let other = file(&user, "other", 1, &format!("exec sleep {mark}"));
    service(&user, &["update", "-f", &other, "--wait"]).await;
    let names = service(&user, &["list", "-o", "name"]).await;
    assert_eq!(names.stdout, "other\nweb\n");
    let stop = service(&user, &["stop", "web", "--yes"]).await;
    assert_eq!(stop.stdout, "service web is stopped\n");
    assert!(with_argument(&mark) > 0);
    let down = service(&user, &["down", "--yes"]).await;
    assert_eq!(
        down.stdout,
        "scheduler mesos service has ended with its services\n"
    );
    assert_eq!(run.exit_code().await, Some(0));
    ended_with_argument(&mark).await;
}

#[tokio::test]
async fn a_scheduler_that_was_killed_adopts_its_instances() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let url = cluster.master_url();
    let user = User::new();
    let starts = user.home().join("starts");
    let line = format!("echo start >> {}; exec sleep 1000", starts.display());
    let path = file(&user, "web", 2, &line);
    let mut first = start(&user, &url, &["-f", &path]);
    first.prints("web: 2 of 2 ready; ready").await;
    let before = tasks(&user, "web").await;
    first.child.kill().await.unwrap();
    // Its socket is left, and does not answer.
    let end = user.outcome(&["service", "list"]).await;
    assert_eq!(end.code, Some(4), "{end:?}");

    let mut second = start(&user, &url, &["-f", &path]);
    second.prints("web: 2 of 2 ready; ready").await;
    assert_eq!(tasks(&user, "web").await, before);
    second.interrupt();
    second.prints("the services continue").await;
    assert_eq!(second.exit_code().await, Some(0));

    // The state has the services, so the file is not needed.
    let mut third = start(&user, &url, &[]);
    third.prints("web: 2 of 2 ready; ready").await;
    assert_eq!(tasks(&user, "web").await, before);
    let text = std::fs::read_to_string(&starts).unwrap();
    assert_eq!(text, "start\nstart\n");
    let down = service(&user, &["down", "--leave"]).await;
    assert!(
        down.stdout
            .ends_with("has ended, and its services continue\n"),
        "{down:?}"
    );
    assert_eq!(third.exit_code().await, Some(0));

    let mut last = start(&user, &url, &[]);
    last.prints("web: 2 of 2 ready; ready").await;
    assert_eq!(tasks(&user, "web").await, before);
    service(&user, &["down", "--yes"]).await;
    assert_eq!(last.exit_code().await, Some(0));
}

#[tokio::test]
async fn an_update_that_fails_is_paused_and_a_rollback_or_another_update_repairs_it() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let url = cluster.master_url();
    let user = User::new();
    let good = file(&user, "web", 1, "exec sleep 1000");
    let mut run = start(&user, &url, &["-f", &good]);
    run.prints("web: 1 of 1 ready; ready").await;
    let bad = file(&user, "web", 1, "exit 7");
    let end = user
        .outcome(&["service", "update", "-f", &bad, "--wait"])
        .await;
    assert_eq!(end.code, Some(1), "{end:?}");
    for text in [
        "the update of web has failed and is paused: the new instance 2 ended 2 times",
        "web/2: ended: TASK_FAILED",
        "hint: `mesos service resume` continues",
    ] {
        assert!(end.stderr.contains(text), "`{text}` is not in: {end:?}");
    }
    let list = service(&user, &["list", "-o", "json"]).await;
    let list: Value = serde_json::from_str(&list.stdout).unwrap();
    assert_eq!(list[0]["update"]["paused"], true);
    service(&user, &["rollback", "web", "--wait"]).await;

    // An update that waits for its instances is paused and continued.
    let slow = std::fs::read_to_string(file(&user, "web", 1, "exec sleep 1001")).unwrap();
    let slow = slow.replace("healthy_for: 100ms", "healthy_for: 5m");
    let path = user.home().join("slow.yaml");
    std::fs::write(&path, slow).unwrap();
    service(&user, &["update", "-f", path.to_str().unwrap()]).await;
    let pause = service(&user, &["pause", "web"]).await;
    assert_eq!(pause.stdout, "service web is paused\n");
    let end = user.outcome(&["service", "restart", "web"]).await;
    assert_eq!(end.code, Some(1), "{end:?}");
    assert!(end.stderr.contains("is paused; resume it"), "{end:?}");
    service(&user, &["resume", "web"]).await;
    service(&user, &["rollback", "web", "--wait"]).await;
    let end = user.outcome(&["service", "pause", "web"]).await;
    assert_eq!(end.code, Some(1), "{end:?}");
    assert!(
        end.stderr
            .contains("an update of the service \"web\" is not in progress"),
        "{end:?}"
    );
    service(&user, &["down", "--yes"]).await;
    assert_eq!(run.exit_code().await, Some(0));
}

#[tokio::test]
async fn a_detached_scheduler_serves_its_page_and_writes_its_log() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let url = cluster.master_url();
    let user = User::new();
    let path = file(&user, "web", 1, "exec sleep 1000");
    let args = [
        "run", "--master", &url, "-f", &path, "--status", "0", "--detach",
    ];
    let up = service(&user, &args).await;
    assert!(
        up.stdout.contains("the scheduler runs as framework "),
        "{up:?}"
    );
    let status = json(&user, &["status"]).await;
    let page = status["status_page"].as_str().unwrap();
    assert!(page.starts_with("http://127.0.0.1:"), "{page}");
    assert!(up.stdout.contains(page), "{up:?}");
    service(&user, &["scale", "web", "2", "--wait"]).await;
    let address = page.trim_start_matches("http://").trim_end_matches('/');
    let body = get(address, "/api/services").await;
    assert!(body.contains("\"name\":\"web\""), "{body}");

    let directory = user.home().join("mesos/service");
    let mode = |name: &str| {
        let path = directory.join(name);
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    };
    assert_eq!(mode(""), 0o700);
    assert_eq!(mode("control.sock"), 0o600);
    let again = user.outcome(&[&["service"], &args[..]].concat()).await;
    assert_eq!(again.code, Some(1), "{again:?}");
    let text = format!("process {} is already the scheduler", status["pid"]);
    assert!(again.stderr.contains(&text), "{again:?}");
    assert!(!again.stderr.contains("web"), "{again:?}");

    service(&user, &["down", "--yes"]).await;
    let log = std::fs::read_to_string(directory.join("scheduler.log")).unwrap();
    for text in ["web: 2 of 2 ready; ready", "stopping all services"] {
        assert!(log.contains(text), "`{text}` is not in: {log}");
    }
    let end = user.outcome(&["service", "status"]).await;
    assert_eq!(end.code, Some(4), "{end:?}");
}

/// The answer to a GET.
async fn get(address: &str, path: &str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer);
    within("the status page", read).await.unwrap();
    answer
}
