//! The tables of a cluster with two agents, a framework and a task.

use super::program::{matches, shared};

#[test]
fn tables_show_the_cluster() {
    let shared = shared!();
    let cluster = &shared.cluster;
    for (name, args) in [
        ("agent_list", &["agent", "list"][..]),
        ("agent_list_wide", &["agent", "list", "-o", "wide"]),
        ("agent_list_no_headers", &["agent", "list", "--no-headers"]),
        ("agent_inspect", &["agent", "inspect", "S0"]),
        ("framework_list", &["framework", "list"]),
        ("framework_inspect", &["framework", "inspect", "sleepers"]),
        ("role_list", &["role", "list"]),
        ("weights_get_empty", &["weights", "get"]),
        ("quota_get_empty", &["quota", "get"]),
        ("reservation_list_empty", &["reservation", "list"]),
        ("volume_list_empty", &["volume", "list"]),
        ("maintenance_status_empty", &["maintenance", "status"]),
        ("status", &["status"]),
    ] {
        // Agents in the order of their ids.
        let text = cluster.run(args).ok();
        let mut lines: Vec<_> = text.lines().collect();
        if args.starts_with(&["agent", "list"]) {
            let header = usize::from(!args.contains(&"--no-headers"));
            lines[header..].sort_unstable();
        }
        matches(&format!("table_{name}"), &lines.join("\n"));
    }
}

#[test]
fn json_and_yaml_have_the_messages_of_mesos() {
    let shared = shared!();
    let cluster = &shared.cluster;
    let text = cluster.run(&["agent", "list", "-o", "json"]).ok();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let agents = json["agents"].as_array().unwrap();
    assert_eq!(agents.len(), 2);
    assert_eq!(agents[0]["agent_info"]["hostname"], "127.0.0.1");

    let text = cluster
        .run(&["framework", "inspect", "sleepers", "-o", "yaml"])
        .ok();
    assert!(text.starts_with("framework_info:\n"), "{text}");
    assert!(text.contains("\n  name: sleepers\n"), "{text}");

    let text = cluster.run(&["status", "-o", "json"]).ok();
    let status: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(status["agents"]["active"], 2);
    assert_eq!(status["tasks"]["running"], 1);
    assert_eq!(status["resources"]["used"]["cpus"], 0.5);
}

#[test]
fn ids_are_found_by_their_end_and_by_their_beginning() {
    let shared = shared!();
    let cluster = &shared.cluster;
    let ids = cluster.agents();
    for wanted in [ids[1].as_str(), "S1"] {
        let found = cluster
            .run(&["agent", "inspect", wanted, "-o", "name"])
            .ok();
        assert_eq!(found.trim(), ids[1]);
    }
    let framework = cluster.run(&["framework", "list", "-o", "name"]).ok();
    let framework = framework.trim();
    for wanted in ["sleepers", "sleep", "0001", &framework[..8]] {
        let found = cluster
            .run(&["framework", "inspect", wanted, "-o", "name"])
            .ok();
        assert_eq!(found.trim(), framework);
    }
}
