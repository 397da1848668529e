//! Rows about the cost of one update and one offer, in instructions, allocations and system calls.
//! Each is the slope between a small and a large run, so that the start and the end do not count.

use std::time::Duration;

use crate::flood::{Flood, Options, Workload};
use anyhow::{Context, Result, bail};

use super::growth::{count, require_valgrind};
use super::{Bench, Client, growth};
use crate::job::{Drive, Handling, Job};
use crate::table::Row;

/// The number of offers in an event.
const OFFERS: u32 = 100;

/// The costs of one update and one offer.
pub(super) fn instructions(bench: &Bench) -> Result<Vec<Row>> {
    require_valgrind()?;
    let mut rows = updates(bench)?;
    rows.extend(offers(bench)?);
    #[cfg(feature = "json")]
    rows.extend(json(bench)?);
    rows.extend(tasks(bench)?);
    rows.extend(system_calls(bench)?);
    Ok(rows)
}

/// The cost of one unit: `cost` of a run with more units minus that of a run with fewer.
fn slope(few: u64, many: u64, mut cost: impl FnMut(u64) -> Result<u64>) -> Result<f64> {
    let (less, more) = (cost(few)? as f64, cost(many)? as f64);
    Ok((more - less) / (many - few) as f64)
}

fn window(updates: u64) -> Options {
    Options::new(Workload::Updates {
        tasks: 1000,
        updates,
        window: 1000,
    })
}

/// The rates with JSON ÷ those with protobuf. Each rate is that of one processor, without the kernel.
#[cfg(feature = "json")]
fn json(bench: &Bench) -> Result<Vec<Row>> {
    let offers = |events| {
        Options::new(Workload::Offers {
            events,
            offers: OFFERS,
        })
    };
    let row = |what: &str, sizes: (u64, u64), options: &dyn Fn(u64) -> Options, bar| {
        let cost = |json| {
            let drive = Drive {
                json,
                ..Drive::default()
            };
            let (few, many) = sizes;
            slope(few, many, |n| growth::instructions(options(n), &drive))
        };
        let (protobuf, json) = (cost(false)?, cost(true)?);
        let what = format!("{what} per instruction, JSON ÷ protobuf");
        anyhow::Ok(Row::at_least(what, protobuf / json, bar))
    };
    let sizes = bench.size((5000, 15_000), (1000, 3000));
    let updates = row("updates acknowledged", sizes, &window, 0.8)?;
    let sizes = bench.size((20, 60), (5, 15));
    let offers = row("offers declined unread", sizes, &offers, 0.7)?;
    Ok(vec![updates, offers])
}

fn allocations(bench: &Bench, options: Options, drive: &Drive) -> Result<u64> {
    let (_, outcome) = bench.drive(Client::Counting, options, drive)?;
    Ok(outcome.allocations)
}

fn updates(bench: &Bench) -> Result<Vec<Row>> {
    let (few, many) = bench.size((5000, 25_000), (1000, 6000));
    let drive = Drive::default();
    let each = slope(few, many, |n| growth::instructions(window(n), &drive))?;
    let allocated = slope(few, many, |n| allocations(bench, window(n), &drive))?;
    let what =
        |unit| format!("{unit} per update, from socket to handler to the acknowledgement's answer");
    Ok(vec![
        Row::at_most(what("instructions"), each.round(), 9000.0),
        Row::at_most(what("allocations"), allocated, 6.0),
    ])
}

fn offers(bench: &Bench) -> Result<Vec<Row>> {
    let (few, many) = bench.size((20, 120), (10, 40));
    let events = |events| {
        Options::new(Workload::Offers {
            events,
            offers: OFFERS,
        })
    };
    let handled = |offers| Drive {
        offers,
        ..Drive::default()
    };
    let per_offer = |each: f64| (each / f64::from(OFFERS)).round();
    let cost = |offers| -> Result<f64> {
        let drive = handled(offers);
        slope(few, many, |n| growth::instructions(events(n), &drive)).map(per_offer)
    };
    let bare = slope(1, 3, |times| decode(events(many), times as u32))?;
    let bare = (bare / many as f64 / f64::from(OFFERS)).round();
    let unread = cost(Handling::Unread)?;
    let with_resources = cost(Handling::Resources)?;
    let all = cost(Handling::All)?;
    let allocated = |offers| {
        let drive = handled(offers);
        slope(few, many, |n| allocations(bench, events(n), &drive))
    };
    let allocated_unread = allocated(Handling::Unread)? / f64::from(OFFERS);
    let allocated_all = allocated(Handling::All)? / f64::from(OFFERS);
    let (memory, wire) = outstanding(bench, few, many)?;
    Ok(vec![
        Row::stated(
            "instructions of bare prost decode and drop, per offer",
            bare.to_string(),
        ),
        Row::at_most("instructions per offer, declined unread", unread, 2500.0),
        Row::at_most(
            "instructions per offer whose ids, host name and resources() are read",
            with_resources,
            9000.0,
        ),
        Row::at_most(
            "instructions per offer that is read completely ÷ bare prost decode",
            all / bare,
            1.1,
        )
        .note(format!("{all} instructions")),
        Row::stated(
            "allocations per offer: unread, read completely",
            format!("{allocated_unread:.1}, {allocated_all:.1}"),
        ),
        Row::at_most(
            "memory per outstanding offer ÷ its size on the wire",
            memory / wire,
            1.3,
        )
        .note(format!(
            "{memory:.0} bytes of heap, {wire:.0} bytes on the wire"
        )),
    ])
}

/// The instructions of a client that decodes each event `times` times.
fn decode(options: Options, times: u32) -> Result<u64> {
    let flood = Flood::start(options.idle_timeout(Duration::from_secs(60)))?;
    let counted = count(&Job::Decode {
        url: flood.url(),
        times,
    });
    flood.wait()?;
    counted
}

/// The heap of one offer that is kept, and its size on the wire, in bytes.
fn outstanding(bench: &Bench, few: u64, many: u64) -> Result<(f64, f64)> {
    let drive = Drive {
        offers: Handling::Keep,
        ..Drive::default()
    };
    let mut sizes = Vec::new();
    for events in [few, many] {
        let options = Options::new(Workload::Offers {
            events,
            offers: OFFERS,
        });
        let (report, outcome) = bench.drive(Client::Counting, options, &drive)?;
        sizes.push((outcome.heap_peak as f64, report.bytes as f64));
    }
    let offers = (many - few) as f64 * f64::from(OFFERS);
    let (less, more) = (sizes[0], sizes[1]);
    Ok(((more.0 - less.0) / offers, (more.1 - less.1) / offers))
}

/// The cost of a task that is reconciled and tracked after a failover.
fn tasks(bench: &Bench) -> Result<Vec<Row>> {
    let (few, many) = bench.size((10_000, 40_000), (2000, 8000));
    let run = |tasks: u64| {
        let tasks = u32::try_from(tasks)?;
        let drive = Drive {
            reconcile: tasks,
            track: true,
            ..Drive::default()
        };
        anyhow::Ok((Options::new(Workload::Reconcile { tasks }), drive))
    };
    let each = slope(few, many, |tasks| {
        let (options, drive) = run(tasks)?;
        growth::instructions(options, &drive)
    })?;
    let heap = slope(few, many, |tasks| {
        let (options, drive) = run(tasks)?;
        let (_, outcome) = bench.drive(Client::Counting, options, &drive)?;
        Ok(outcome.heap_peak)
    })?;
    Ok(vec![
        Row::stated(
            "instructions per task that is reconciled and tracked",
            format!("{each:.0}"),
        ),
        Row::stated(
            "peak of the heap per task that is reconciled and tracked",
            format!("{heap:.0} bytes"),
        )
        .note("with the list of tasks and agents that the client requests"),
    ])
}

fn system_calls(bench: &Bench) -> Result<Vec<Row>> {
    let (few, many) = bench.size((20_000, 120_000), (2000, 12_000));
    let mut each = Vec::new();
    for threads in [0, 2] {
        let drive = Drive {
            threads,
            ..Drive::default()
        };
        each.push(1e3 * slope(few, many, |n| trace(window(n), &drive))?);
    }
    let (alone, both) = (each[0], each[1]);
    let what = "system calls per 1,000 updates at a window of 1,000 (strace -f -c)";
    Ok(vec![
        Row::at_most(what, both, 20.0).note(format!("two threads; {alone:.1} on one thread")),
    ])
}

/// The number of system calls of a driver.
fn trace(options: Options, drive: &Drive) -> Result<u64> {
    let flood = Flood::start(options)?;
    let job = Job::Drive(Drive {
        url: flood.url(),
        ..drive.clone()
    });
    let started = Client::Strace.start(&job);
    let started = started.context("is strace installed? (apt-get install strace)")?;
    let output = started.wait_with_output()?;
    let counts = String::from_utf8_lossy(&output.stderr);
    let report = flood.wait()?;
    if !output.status.success() || !report.complete {
        bail!("the run under strace failed:\n{report}\n{counts}");
    }
    let total = counts.lines().rev().find_map(|line| {
        let mut words = line.split_whitespace();
        let calls = words.next()?;
        (words.next() == Some("total")).then(|| calls.parse().ok())?
    });
    total.with_context(|| format!("the output of strace does not contain the total:\n{counts}"))
}
