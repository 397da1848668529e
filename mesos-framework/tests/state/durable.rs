//! What was reported as committed survives SIGKILL.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use mesos_framework::store::{Change, RedbState, RedbStateError, StateStore};

const VARIABLE: &str = "STATE_TO_WRITE";

/// How many entries each commit sets to the same number.
const ENTRIES: usize = 8;

const KILLS: u32 = 20;

/// Commits increasing numbers, and prints each number after its commit.
async fn write_forever(path: &Path) {
    let state = RedbState::open(path).unwrap();
    let last = state.get("entry/0").await.unwrap();
    let last = last.map_or(0, |text| str::from_utf8(&text).unwrap().parse().unwrap());
    let padding = "x".repeat(500);
    for number in last + 1_u64.. {
        let entry = |place| Change::put(format!("entry/{place}"), number.to_string());
        let mut changes: Vec<Change> = (0..ENTRIES).map(entry).collect();
        changes.push(Change::put(format!("history/{number}"), padding.clone()));
        state.commit(changes).await.unwrap();
        println!("committed {number}");
        std::io::stdout().flush().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_committed_survives_sigkill() {
    if let Some(path) = std::env::var_os(VARIABLE) {
        return write_forever(Path::new(&path)).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.redb");
    let mut random = fastrand::Rng::with_seed(7);
    let mut last_reported = 0;
    for kill in 0..KILLS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "durable::what_was_committed_survives_sigkill",
                "--nocapture",
            ])
            .env(VARIABLE, &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // At least one commit of this process, and then a kill at any moment.
        let mut reported = |line: &str| {
            let number = line
                .split_once("committed ")
                .map(|(_, number)| number.parse());
            if let Some(Ok(number)) = number {
                last_reported = number;
            }
            number.is_some()
        };
        while !reported(&lines.next().unwrap().unwrap()) {}
        if kill == 0 {
            let error = RedbState::open(&path).unwrap_err();
            assert!(matches!(error, RedbStateError::InUse { .. }), "{error}");
        }
        // sleep: the moment of the kill is random.
        tokio::time::sleep(Duration::from_micros(random.u64(0..30_000))).await;
        child.kill().unwrap();
        // What was printed before the kill was committed.
        for line in lines.map_while(Result::ok) {
            reported(&line);
        }
        child.wait().unwrap();

        let state = RedbState::open(&path).unwrap();
        let entries = state.load("entry/").await.unwrap();
        let numbers: Vec<u64> = entries
            .iter()
            .map(|(_, value)| str::from_utf8(value).unwrap().parse().unwrap())
            .collect();
        assert_eq!(numbers.len(), ENTRIES, "kill {kill}");
        assert!(
            numbers.iter().all(|number| *number == numbers[0]),
            "kill {kill}: {numbers:?}"
        );
        // The last commit may have been complete without a report.
        let now = numbers[0];
        assert!(
            (last_reported..=last_reported + 1).contains(&now),
            "{now} {last_reported}"
        );
        assert_eq!(state.count("history/").await.unwrap(), now, "kill {kill}");
    }
    println!("{last_reported} commits, {KILLS} kills");
}
