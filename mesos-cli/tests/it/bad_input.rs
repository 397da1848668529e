//! Wrong arguments, and masters that cannot answer.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;

use super::program::{matches, mesos, run, run_on, shared};

/// A server that answers every request with `head` and `body`. It ends with the test program.
fn server(head: &'static str, body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            // The requests of these tests fit into one segment.
            let _ = stream.read(&mut [0; 4096]);
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
        }
    });
    address
}

#[test]
fn a_wrong_id_is_an_error_with_similar_ids() {
    let shared = shared!();
    let cluster = &shared.cluster;
    let text = cluster.run(&["framework", "inspect", "sleppers"]).failed(3);
    matches("error_wrong_framework", &text);
    let text = cluster
        .run(&["agent", "inspect", "nothing-like-it"])
        .failed(3);
    matches("error_wrong_agent", &text);
    let text = cluster.run(&["volume", "destroy", "v", "--yes"]).failed(3);
    matches("error_no_volumes", &text);
    let text = cluster
        .run(&["maintenance", "schedule", "nothing-like-it"])
        .failed(3);
    matches("error_wrong_machine", &text);
}

#[test]
fn an_error_does_not_control_the_terminal() {
    let shared = shared!();
    let text = shared
        .cluster
        .run(&["agent", "inspect", "a\x1b[2Jb"])
        .failed(3);
    assert!(!text.contains('\x1b'), "{text:?}");
    let address = server("403 Forbidden\r\nContent-Type: text/plain", "\x1b[2Jno");
    let text = run_on(&address, &["agent", "list"]).failed(5);
    assert!(!text.contains('\x1b') && text.contains("no"), "{text:?}");
}

#[test]
fn an_ambiguous_name_is_an_error_with_the_candidates() {
    let shared = shared!();
    let cluster = &shared.cluster;
    let mut text = cluster.run(&["agent", "inspect", "127.0.0.1"]).failed(3);
    // The master does not list agents in a defined order.
    let mut lines: Vec<_> = text.lines().collect();
    lines[2..].sort_unstable();
    text = lines.join("\n");
    matches("error_ambiguous_agent", &text);
}

#[test]
fn a_closed_port_is_reported_with_its_address() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let text = run_on(&address, &["status"]).failed(4);
    assert!(text.contains(&address), "{text}");
    matches("error_closed_port", &text);
}

#[test]
fn a_server_that_is_not_a_master_is_reported_with_its_address() {
    let address = server(
        "200 OK\r\nContent-Type: text/html",
        "<html><body>Welcome to nginx!</body></html>",
    );
    let text = run_on(&address, &["agent", "list"]).failed(4);
    assert!(text.contains(&address), "{text}");
    matches("error_html", &text);
}

#[test]
fn a_cluster_without_a_leader_is_reported_after_the_time_limit() {
    let address = server("503 Service Unavailable", "No leader elected");
    let text = run_on(&address, &["status", "--timeout", "1"]).failed(4);
    matches("error_no_leader", &text);
}

#[test]
fn events_of_a_wrong_address_are_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let text = run_on(&address, &["events"]).failed(4);
    assert!(text.contains(&address), "{text}");
}

#[test]
fn wrong_arguments_have_exit_code_2() {
    for (name, args) in [
        ("weight", &["weights", "set", "team=-1"][..]),
        ("quota_empty", &["quota", "set", "team"]),
        ("quota_text", &["quota", "set", "team", "--limit", "cpus:x"]),
        (
            "quota_ports",
            &["quota", "set", "team", "--limit", "ports:[1-2]"],
        ),
        ("size", &["volume", "grow", "v", "0"]),
        (
            "time",
            &["maintenance", "schedule", "m", "--start", "tomorrow"],
        ),
        ("timeout", &["status", "--timeout", "0"]),
        ("address", &["status", "--master", "zk://host:2181"]),
        ("confirm", &["framework", "teardown", "sleepers"]),
    ] {
        let text = match name {
            "confirm" => {
                let shared = shared!();
                shared.cluster.run(args).failed(2)
            }
            _ => run(mesos(Path::new("/nonexistent")).args(args)).failed(2),
        };
        matches(&format!("usage_{name}"), &text);
    }
}

#[test]
fn the_other_masters_of_a_list_are_shown_with_the_reason_if_they_are_down() {
    let shared = shared!();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = listener.local_addr().unwrap().to_string();
    drop(listener);
    let list = format!("{},{closed}", shared.cluster.local.master_url());
    let text = run_on(&list, &["status"]).ok();
    let line = text
        .lines()
        .find(|line| line.starts_with("Others:"))
        .unwrap();
    assert!(
        line.contains(&format!("{closed} (not reachable: ")),
        "{text}"
    );
    // The leader is not among the others.
    let port = format!(":{}", shared.cluster.local.port());
    assert!(!line.contains(&port), "{text}");
}
