//! Commands that change a cluster.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;

use mesos_local::LocalCluster;

use super::program::{Cluster, lines, matches, mesos, shared};
use super::scheduler;

#[test]
fn an_agent_is_deactivated_and_reactivated() {
    let shared = shared!();
    let cluster = &shared.cluster;
    let id = &cluster.agents()[1];
    let state = || {
        let text = cluster.run(&["agent", "inspect", id]).ok();
        let line = lines(&text)
            .into_iter()
            .find(|line| line.starts_with("State:"));
        line.unwrap().split_whitespace().last().unwrap().to_owned()
    };
    let text = cluster.run(&["agent", "deactivate", "S1"]).ok();
    assert_eq!(text, format!("agent {id} is deactivated\n"));
    assert_eq!(state(), "deactivated");
    let text = cluster.run(&["agent", "reactivate", "S1"]).ok();
    assert_eq!(text, format!("agent {id} is reactivated\n"));
    assert_eq!(state(), "active");
    let text = cluster.run(&["agent", "reactivate", "S1"]).failed(1);
    matches("error_reactivate_active", &text);
}

#[test]
fn weights_and_quotas_are_set_and_shown() {
    let Some(cluster) = Cluster::start(LocalCluster::builder()) else {
        return;
    };
    cluster.run(&["weights", "set", "team=2.5", "ops=3"]).ok();
    matches("table_weights_get", &cluster.run(&["weights", "get"]).ok());

    let limit = ["quota", "set", "team", "--limit", "cpus:2;mem:512"];
    cluster
        .run(&[&limit[..], &["--guarantee", "cpus:1"]].concat())
        .ok();
    matches("table_quota_get", &cluster.run(&["quota", "get"]).ok());
    matches(
        "error_quota_of_another_role",
        &cluster.run(&["quota", "get", "ops"]).failed(3),
    );
    let too_much = ["quota", "set", "team", "--guarantee", "cpus:1000"];
    let text = cluster.run(&too_much).failed(1);
    assert!(text.contains("hint: --force"), "{text}");
    cluster.run(&[&too_much[..], &["--force"]].concat()).ok();
    cluster.run(&["quota", "remove", "team"]).ok();
    matches(
        "table_quota_get_empty",
        &cluster.run(&["quota", "get"]).ok(),
    );
}

#[test]
fn reservations_and_volumes_are_created_resized_and_removed() {
    let shared = shared!();
    let cluster = &shared.cluster;
    let on = ["--agent", "S1", "--role", "db"];
    let run = |args: &[&str]| cluster.run(args).ok();
    run(&[
        &["reservation", "create", "cpus:1;disk:512"],
        &on[..],
        &["--principal", "me"],
    ]
    .concat());
    matches("table_reservation_list", &run(&["reservation", "list"]));

    let volume = [
        "volume", "create", "data-1", "--size", "100", "--path", "data",
    ];
    run(&[&volume[..], &on].concat());
    let size = || {
        let text = run(&["volume", "list", "-o", "json"]);
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        json[0]["volume"]["scalar"]["value"].as_f64().unwrap()
    };
    matches("table_volume_list", &run(&["volume", "list"]));
    run(&["volume", "grow", "data-1", "28MiB"]);
    assert_eq!(size(), 128.0);
    run(&["volume", "shrink", "data", "64"]);
    assert_eq!(size(), 64.0);
    let text = cluster.run(&["volume", "grow", "data-1", "1TiB"]).failed(1);
    matches("error_volume_too_large", &text);
    run(&["volume", "destroy", "data-1", "--yes"]);
    assert_eq!(run(&["volume", "list", "-o", "name"]), "");
    run(&[&["reservation", "remove"], &on[..], &["--yes"]].concat());
    assert_eq!(run(&["reservation", "list", "-o", "name"]), "");
    let text = cluster.run(&[&["reservation", "remove"], &on[..], &["--yes"]].concat());
    matches("error_no_reservation", &text.failed(3));
}

#[test]
fn maintenance_is_scheduled_started_and_stopped() {
    let Some(cluster) = Cluster::start(LocalCluster::builder()) else {
        return;
    };
    let run = |args: &[&str]| cluster.run(&[&["maintenance"], args].concat()).ok();
    let window = ["--start", "2030-01-31T12:00:00Z", "--duration", "2h"];
    run(&[&["schedule", "127.0.0.1"], &window[..]].concat());
    matches("table_maintenance_draining", &run(&["status"]));
    run(&["schedule", "127.0.0.1", "--remove"]);
    assert_eq!(run(&["status", "-o", "name"]), "");
    run(&["schedule", "127.0.0.1"]);
    run(&["start", "127.0.0.1", "--yes"]);
    matches("table_maintenance_down", &run(&["status"]));
    run(&["stop", "127.0.0.1"]);
    assert_eq!(run(&["status", "-o", "name"]), "");

    let two = ["schedule", "a/10.0.0.1", "b/10.0.0.2"];
    assert_eq!(
        run(&two),
        "machine a/10.0.0.1 is scheduled\nmachine b/10.0.0.2 is scheduled\n"
    );
    let names = run(&[&two[..], &["--remove", "-o", "name"]].concat());
    assert_eq!(names, "a/10.0.0.1\nb/10.0.0.2\n");
    let json = run(&[&two[..], &["-o", "json"]].concat());
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json[1]["name"], "b/10.0.0.2");
}

#[test]
fn a_drain_reports_its_progress_until_the_tasks_have_ended() {
    let Some(cluster) = Cluster::start(LocalCluster::builder().agents(2)) else {
        return;
    };
    let _scheduler = scheduler::start(&cluster);
    let id = cluster.agents()[0].clone();
    let drained = cluster.run(&["agent", "drain", "S0", "--max-grace-period", "1s"]);
    assert_eq!(drained.code, 0, "{drained:?}");
    assert_eq!(drained.stdout, format!("agent {id} is drained\n"));
    let progress = lines(&drained.stderr);
    assert_eq!(
        progress.first().unwrap(),
        "draining: 1 task is left",
        "{progress:?}"
    );
    matches(
        "table_agent_drained",
        &cluster.run(&["agent", "inspect", "S0"]).ok(),
    );

    // The drain was the end of the task, and this is the end of the framework and of an agent.
    let framework = cluster.run(&["framework", "list", "-o", "name"]).ok();
    let text = cluster
        .run(&["framework", "teardown", "sleepers", "--yes"])
        .ok();
    assert_eq!(text, format!("framework {} is ended\n", framework.trim()));
    assert_eq!(cluster.run(&["framework", "list", "-o", "name"]).ok(), "");
    let all = cluster
        .run(&["framework", "list", "--all", "-o", "name"])
        .ok();
    assert!(lines(&all).contains(&framework.trim().to_owned()), "{all}");
    let ended = cluster.run(&["framework", "inspect", "sleepers"]).ok();
    matches("table_framework_inspect_ended", &ended);
    let again = cluster.run(&["framework", "teardown", "sleepers", "--yes"]);
    let text = again.failed(3);
    assert!(text.contains("the list of frameworks is empty"), "{text}");
    let gone = cluster.agents()[1].clone();
    let text = cluster.run(&["agent", "gone", &gone, "--yes"]).ok();
    assert_eq!(text, format!("agent {gone} is gone\n"));
    // Also by an id that the master does not list any more.
    cluster.run(&["agent", "gone", &gone, "--yes"]).ok();
    let unknown = gone.replace("-S1", "-S99");
    let text = cluster.run(&["agent", "gone", &unknown, "--yes"]).failed(1);
    assert!(text.contains(&unknown) || text.contains("404"), "{text}");
}

#[test]
fn events_are_lines_that_a_type_selects() {
    let Some(cluster) = Cluster::start(LocalCluster::builder()) else {
        return;
    };
    let master = cluster.local.master_url();
    let follow = |args: &[&str]| {
        let mut command = mesos(Path::new("/nonexistent"));
        command.args(["--master", &master, "events"]).args(args);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        (child, lines.map(Result::unwrap))
    };
    let (mut child, mut all) = follow(&[]);
    let first = all.next().unwrap();
    assert_eq!(first, "SUBSCRIBED         agents=1 frameworks=0 tasks=0");
    let (mut json_child, mut json) = follow(&["--type", "task-added,task-updated", "-o", "json"]);
    // This stream starts before the framework only if its subscription is complete.
    let (mut started, mut subscribed) = follow(&["--type", "subscribed"]);
    subscribed.next().unwrap();
    let _scheduler = scheduler::start(&cluster);

    let added = all.find(|line| line.starts_with("TASK_ADDED")).unwrap();
    assert!(
        added.contains("task=sleeper-1 name=sleeper state=TASK_STAGING"),
        "{added}"
    );
    let mut types = Vec::new();
    while types.last().is_none_or(|last| last != "TASK_RUNNING") {
        let event: serde_json::Value = serde_json::from_str(&json.next().unwrap()).unwrap();
        let name = event["type"].as_str().unwrap();
        let body = &event[name.to_ascii_lowercase()];
        let state = body["task"]["state"].as_str().or(body["state"].as_str());
        assert!(name.starts_with("TASK_"), "{event}");
        types.push(state.unwrap().to_owned());
    }
    for child in [&mut child, &mut json_child, &mut started] {
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
