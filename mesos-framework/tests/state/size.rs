//! Large states.

use std::fs;
use std::time::{Duration, Instant};

use mesos_framework::store::{Change, RedbState, StateStore};

const JOBS: usize = 100_000;

#[tokio::test]
async fn a_state_with_100_000_finished_jobs_opens_in_two_seconds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.redb");
    let state = RedbState::open(&path).unwrap();
    let value = bytes::Bytes::from("x".repeat(600));
    let job = |number: usize| Change::put(format!("done/job/{number:06}"), value.clone());
    for chunk in 0..JOBS / 1000 {
        let jobs = (chunk * 1000..(chunk + 1) * 1000).map(job);
        state.commit(jobs.collect()).await.unwrap();
    }
    state
        .commit(vec![Change::put("live/job/a", "x")])
        .await
        .unwrap();
    let crashed = folder.path().join("crashed.redb");
    // The file as it is while it is open is what a crash leaves behind.
    fs::copy(&path, &crashed).unwrap();
    state.close().await.unwrap();
    for path in [&path, &crashed] {
        let start = Instant::now();
        let state = RedbState::open(path).unwrap();
        let opened = start.elapsed();
        let live = state.load("live/").await.unwrap();
        let done = state.count("done/job/").await.unwrap();
        let took = start.elapsed();
        let size = fs::metadata(path).unwrap().len();
        println!(
            "{}: opened in {opened:?}, counted in {took:?}, {size} bytes",
            path.display()
        );
        assert_eq!((live.len(), done), (1, JOBS as u64));
        assert!(took < Duration::from_secs(2), "{took:?}");
    }
}

#[tokio::test]
async fn a_file_that_is_mostly_unused_is_compacted_when_it_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.redb");
    let state = RedbState::open(&path).unwrap();
    let keys: Vec<String> = (0..300).map(|number| format!("big/{number}")).collect();
    let big = keys.iter().map(|key| Change::put(key, vec![1; 100 << 10]));
    state.commit(big.collect()).await.unwrap();
    let gone = keys.iter().skip(3).map(Change::remove);
    state.commit(gone.collect()).await.unwrap();
    // A close would make the file smaller, so this is what a crash leaves behind.
    let crashed = folder.path().join("crashed.redb");
    fs::copy(&path, &crashed).unwrap();
    let before = fs::metadata(&crashed).unwrap().len();
    let state = RedbState::open(&crashed).unwrap();
    let after = fs::metadata(&crashed).unwrap().len();
    println!("{before} bytes before, {after} after");
    assert!(before > 16 << 20, "{before}");
    assert!(after < 4 << 20, "{before} {after}");
    assert_eq!(state.count("big/").await.unwrap(), 3);
}
