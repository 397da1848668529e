//! Helpers of several test programs.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::io::{BufRead, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Longer than anything here takes on a slow machine.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);

/// The status line and the body of `GET path`.
pub(crate) fn get(port: u16, path: &str) -> std::io::Result<(String, String)> {
    get_within(port, path, TIMEOUT)
}

/// As [`get`], with a timeout for the response.
pub(crate) fn get_within(
    port: u16,
    path: &str,
    limit: Duration,
) -> std::io::Result<(String, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(limit))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    Ok((head.lines().next().unwrap_or_default().into(), body.into()))
}

/// Whether a process of this id runs. A process that waits to be reaped does not.
pub(crate) fn runs(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat[stat.rfind(')').expect("a name") + 1..].starts_with(" Z"))
}

/// The processes whose command line, or environment if it is readable, contains this text.
pub(crate) fn processes_with(text: &str) -> Vec<i32> {
    let has = |pid: i32, file: &str| {
        std::fs::read(format!("/proc/{pid}/{file}"))
            .is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(text))
    };
    let entries = std::fs::read_dir("/proc").expect("/proc").flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| *pid != std::process::id().cast_signed())
        .filter(|pid| has(*pid, "cmdline") || has(*pid, "environ"))
        .filter(|pid| runs(*pid))
        .collect()
}

/// Waits for a condition that nothing announces to this process.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(
            start.elapsed() < TIMEOUT,
            "not so after {TIMEOUT:?}: {what}"
        );
        // sleep: the end of another's child is not announced; bounded above.
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The number of agents that are active at the master.
pub(crate) fn active_agents(port: u16) -> usize {
    let (_, body) = get(port, "/master/slaves").expect("an answer");
    let state: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    let agents = state["slaves"].as_array().expect("agents");
    agents
        .iter()
        .filter(|agent| agent["active"] == true)
        .count()
}

/// The rest of the first line that starts with `start`. The pipe stays open, because a program fails
/// to write to a closed one.
pub(crate) fn line_after(stdout: &mut impl BufRead, start: &str) -> String {
    stdout
        .lines()
        .map(|line| line.expect("a line"))
        .find_map(|line| line.strip_prefix(start).map(str::to_owned))
        .expect("the line")
}
