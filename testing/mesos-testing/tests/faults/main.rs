//! The fault matrix: many tasks over the HTTP driver while a fault happens again and again. No
//! update may be lost.
//!
//! The peers are a [`FakeMaster`](mesos_testing::FakeMaster) and a real Mesos, both behind a fault
//! proxy. `MESOS_FAULTS_SECONDS` sets the duration of each row, and runs all rows; without it only
//! a few rows run on the real Mesos. `MESOS_TESTING_SEED` repeats the random choices.

#![allow(clippy::unwrap_used)]

mod fake;
mod fault;
mod real;
mod table;
mod worker;

use std::time::Duration;

use crate::fault::Fault;
use crate::table::Row;

/// The encodings of the messages.
const ENCODINGS: [mesos_http::Codec; 2] = [mesos_http::Codec::Protobuf, mesos_http::Codec::Json];

/// The number of rows that run at the same time; each has its own master.
const AT_ONCE: usize = 4;

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().expect("a number"))
}

fn seed() -> u64 {
    let seed = number("MESOS_TESTING_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("MESOS_TESTING_SEED={seed}");
    seed
}

/// Prints the table, then fails if a row is bad.
fn settle(rows: &[Row]) {
    println!("{}", table::print(rows));
    let bad: Vec<_> = rows.iter().filter_map(Row::wrong).collect();
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_update_is_lost_between_the_driver_and_a_fake_master() {
    let length =
        number("MESOS_FAULTS_SECONDS").map_or(Duration::from_millis(700), Duration::from_secs);
    let seed = seed();
    let mut waiting = Vec::new();
    for fault in Fault::ALL.into_iter().filter(|fault| fault.fits_a_fake()) {
        for codec in ENCODINGS {
            waiting.push((fault, codec, seed.wrapping_add(waiting.len() as u64)));
        }
    }
    waiting.reverse();
    let mut running = tokio::task::JoinSet::new();
    let mut rows = Vec::new();
    loop {
        while running.len() < AT_ONCE
            && let Some((fault, codec, seed)) = waiting.pop()
        {
            running.spawn(fake::row(fault, codec, seed, length));
        }
        match running.join_next().await {
            Some(row) => rows.push(row.unwrap()),
            None => break,
        }
    }
    rows.sort_by_key(Row::order);
    settle(&rows);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_update_is_lost_between_the_driver_and_a_real_mesos() {
    let seconds = number("MESOS_FAULTS_SECONDS");
    let Some(mesos) = real::Mesos::start().await else {
        return;
    };
    let seed = seed();
    let chosen = |fault: &Fault| match seconds {
        Some(_) => fault.fits_a_real_one(),
        // The first costs only its own time, the second the time until an agent repeats an update.
        None => matches!(fault, Fault::Cut | Fault::Restart),
    };
    let encodings = if seconds.is_some() { 2 } else { 1 };
    let length = Duration::from_secs(seconds.unwrap_or(3));
    let mut rows = Vec::new();
    for fault in Fault::ALL.into_iter().filter(chosen) {
        for codec in &ENCODINGS[..encodings] {
            let seed = seed.wrapping_add(rows.len() as u64);
            rows.push(mesos.row(fault, *codec, seed, length).await);
        }
    }
    settle(&rows);
}
