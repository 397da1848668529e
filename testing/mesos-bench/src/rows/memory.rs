//! Rows about memory.

use crate::flood::{Options, Workload};
use anyhow::Result;

use super::{Bench, Client};
use crate::job::Drive;
use crate::table::Row;

fn updates(tasks: u32, updates: u64) -> Options {
    Options::new(Workload::Updates {
        tasks,
        updates,
        window: tasks,
    })
}

/// From the socket through the handler to the response to the acknowledgement.
pub(super) fn allocations(bench: &Bench) -> Result<Vec<Row>> {
    let count = |number| -> Result<u64> {
        let drive = Drive::default();
        let (_, outcome) = bench.drive(Client::Counting, updates(1000, number), &drive)?;
        Ok(outcome.allocations)
    };
    let (few, many) = (bench.size(10_000, 1000), bench.size(60_000, 6000));
    // The cost of the start and the end is the same in both runs.
    let each = (count(many)? as f64 - count(few)? as f64) / (many - few) as f64;
    let what = "allocations per update, from socket to handler to acknowledgement";
    Ok(vec![
        Row::stated(what, format!("{each:.1}")).note("on one thread"),
    ])
}

/// The memory of a driver whose handler is slower than the network.
pub(super) fn resident(bench: &Bench) -> Result<Vec<Row>> {
    let number = bench.size(1_000_000, 60_000);
    let drive = Drive {
        threads: 2,
        spin_us: 20,
        ..Drive::default()
    };
    let (report, outcome) = bench.drive(Client::Plain, updates(100_000, number), &drive)?;
    // During the first tenth, buffers and the allocator reach their sizes.
    let settled = outcome.resident.len() / 10;
    let (early, late) = outcome.resident.split_at(settled.max(1));
    let largest = |samples: &[(u64, u64)]| samples.iter().map(|(_, kib)| *kib).max().unwrap_or(0);
    let (early, late) = (largest(early), largest(late));
    let what = format!("resident memory while {number} updates pass, handler slower than the wire");
    let mut row = Row::stated(what, format!("{early} → {late} KiB"));
    row.bar = "flat".to_owned();
    // Allows for a page cache of the allocator, but not for growth with the number of updates.
    row.met = Some(late <= early + 1024);
    Ok(vec![row.note(format!(
        "most in the first tenth → most after it; 100000 updates in flight, {:.0} acknowledged/s",
        report.acknowledged_per_second
    ))])
}

/// The memory of one large event.
pub(super) fn event(bench: &Bench) -> Result<Vec<Row>> {
    let offers = bench.size(10_000, 1000);
    let options = Options::new(Workload::Offers { events: 1, offers });
    let (report, outcome) = bench.drive(Client::Counting, options, &Drive::default())?;
    let wire = report.bytes as f64;
    let (_, plain) = bench.drive(Client::Plain, options, &Drive::default())?;
    let small = Options::new(Workload::Offers {
        events: 1,
        offers: 1,
    });
    let (_, least) = bench.drive(Client::Plain, small, &Drive::default())?;
    let resident = plain.resident_peak.saturating_sub(least.resident_peak) as f64 * 1024.0;
    let what = format!("one OFFERS event with {offers} offers: peak memory ÷ size on the wire");
    let row = Row::at_most(what, outcome.heap_peak as f64 / wire, 4.0);
    Ok(vec![row.note(format!(
        "{wire:.0} bytes; heap's peak {} bytes; resident memory above that with one offer ÷ size: {:.2}",
        outcome.heap_peak,
        resident / wire
    ))])
}
