//! The fault matrix: many tasks over the HTTP driver while a fault happens again and again. No
//! update may be lost.
//!
//! The peers are a [`FakeMaster`](mesos_testing::FakeMaster) and a real Mesos, both behind a fault
//! proxy. `MESOS_FAULTS_SECONDS` sets the duration of each row, and runs all rows; without it only
//! a few rows run on the real Mesos. `MESOS_FAULTS_ROWS` selects the rows whose name contains its
//! value, `MESOS_FAULTS_JOBS` sets how many rows run at the same time, and `MESOS_TESTING_SEED`
//! repeats the random choices. The name of a row is `PEER, FAULT, ENCODING`.

#![allow(clippy::unwrap_used)]

mod fake;
mod fault;
mod garbled;
mod real;
mod table;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use mesos_http::Codec;
use tokio::task::JoinSet;

use crate::fault::Fault;
use crate::table::Row;

/// The encodings of the messages.
const ENCODINGS: [Codec; 2] = [Codec::Protobuf, Codec::Json];

/// The default number of rows that run at the same time.
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

/// The fault, encoding and seed of each row that was chosen.
fn chosen(
    peer: &str,
    faults: impl Fn(Fault) -> bool,
    encodings: &[Codec],
) -> Vec<(Fault, Codec, u64)> {
    let seed = seed();
    let rows = std::env::var("MESOS_FAULTS_ROWS").unwrap_or_default();
    let mut all = Vec::new();
    for fault in Fault::ALL.into_iter().filter(|fault| faults(*fault)) {
        for codec in encodings {
            all.push((fault, *codec, seed.wrapping_add(all.len() as u64)));
        }
    }
    all.retain(|(fault, codec, _)| table::name(peer, *fault, *codec).contains(&rows));
    all
}

/// Runs rows, as many at the same time as the environment permits.
async fn at_once(rows: Vec<impl Future<Output = Row> + Send + 'static>) -> Vec<Row> {
    let jobs = number("MESOS_FAULTS_JOBS").map_or(AT_ONCE, |jobs| jobs.max(1) as usize);
    let mut waiting = rows.into_iter();
    let mut running: JoinSet<Row> = waiting.by_ref().take(jobs).collect();
    let mut done = Vec::new();
    while let Some(row) = running.join_next().await {
        done.push(row.unwrap());
        if let Some(next) = waiting.next() {
            running.spawn(next);
        }
    }
    done.sort_by_key(Row::order);
    done
}

#[tokio::test(flavor = "multi_thread")]
async fn no_update_is_lost_between_the_driver_and_a_fake_master() {
    let length =
        number("MESOS_FAULTS_SECONDS").map_or(Duration::from_millis(700), Duration::from_secs);
    let rows = chosen("fake", Fault::fits_a_fake, &ENCODINGS);
    let row = |(fault, codec, seed)| fake::row(fault, codec, seed, length);
    settle(&at_once(rows.into_iter().map(row).collect()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_update_is_lost_between_the_driver_and_a_real_mesos() {
    let seconds = number("MESOS_FAULTS_SECONDS");
    let Some(mesos) = real::Mesos::start().await else {
        return;
    };
    let length = Duration::from_secs(seconds.unwrap_or(3));
    let rows = match seconds {
        Some(_) => chosen("real", Fault::fits_a_real_one, &ENCODINGS),
        // The first costs only its own time, the second the time until an agent repeats an update.
        None => {
            let few = |fault| matches!(fault, Fault::Cut | Fault::Restart);
            chosen("real", few, &ENCODINGS[..1])
        }
    };
    let mesos = Arc::new(mesos);
    let row = |(fault, codec, seed)| {
        let mesos = Arc::clone(&mesos);
        async move { mesos.row(fault, codec, seed, length).await }
    };
    let (all, one) = rows
        .into_iter()
        .partition(|(fault, ..)| fault.hits_the_cluster());
    let all: Vec<_> = all;
    let one: Vec<_> = one;
    let mut rows = at_once(one.into_iter().map(row).collect()).await;
    for each in all {
        rows.push(row(each).await);
    }
    settle(&rows);
}
