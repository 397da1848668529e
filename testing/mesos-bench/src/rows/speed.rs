//! Rows about time: throughput, latency and order.

use std::time::Duration;

use crate::flood::{Flood, Options, Report, Workload};
use anyhow::{Result, bail};

use super::{Bench, Client};
use crate::job::{Drive, Job};
use crate::scheduler::backoff;
use crate::table::{Row, median};

/// OFFERS, compared with decoding alone.
pub(super) fn offers(bench: &Bench) -> Result<Vec<Row>> {
    let workload = Options::new(Workload::Offers {
        events: bench.size(2000, 50),
        offers: 100,
    });
    let (mut wall, mut cpu, mut notes) = (Vec::new(), Vec::new(), String::new());
    for _ in 0..bench.rounds() {
        let (_, bare) = bench.play(workload, |url| Job::Decode { url, times: 1 })?;
        let bare_cpu = bare.count as f64 / bare.cpu;
        let bare = bare.count as f64 / bare.seconds;
        let drive = Drive {
            threads: 2,
            ..Drive::default()
        };
        let (report, driven) = bench.drive(Client::Plain, workload, &drive)?;
        let rate = driven.count as f64 / report.elapsed;
        wall.push(rate / bare);
        cpu.push(driven.count as f64 / driven.cpu / bare_cpu);
        notes = format!(
            "last round: driver {rate:.0} offers/s, bare decode {bare:.0} offers/s of {:.0} bytes",
            report.bytes as f64 / driven.count as f64
        );
    }
    let what = "offers: driver end to end ÷ bare prost decode";
    Ok(vec![Row::at_least(what, median(wall), 0.7).note(format!(
        "{notes}; offers per second of CPU ÷ the same: {:.2}",
        median(cpu)
    ))])
}

/// A number of tasks, each with an unacknowledged update.
fn window(tasks: u32, updates: u64) -> Options {
    Options::new(Workload::Updates {
        tasks,
        updates,
        window: tasks,
    })
}

/// A master that accepts calls and sends nothing.
fn idle() -> Options {
    Options::new(Workload::Reconcile { tasks: 1 })
}

fn driven(bench: &Bench, options: Options) -> Result<Report> {
    let drive = Drive {
        threads: 2,
        ..Drive::default()
    };
    let (report, _) = bench.drive(Client::Plain, options, &drive)?;
    Ok(report)
}

/// Acknowledgements, compared with sequential calls.
pub(super) fn updates(bench: &Bench) -> Result<Vec<Row>> {
    let updates = bench.size(200_000, 20_000);
    let calls = bench.size(20_000, 3000);
    let (mut ratios, mut note) = (Vec::new(), String::new());
    for _ in 0..bench.rounds() {
        let (_, raw) = bench.play(idle(), |url| Job::Raw { url, calls })?;
        let raw = raw.count as f64 / raw.seconds;
        let report = driven(bench, window(1000, updates))?;
        let rate = report.acknowledged_per_second;
        ratios.push(rate / raw);
        note = format!(
            "last round: {rate:.0} acknowledged/s, hyper {raw:.0} calls/s; latency {}; the load master's CPU {:.2} s of {:.2} s",
            report.latency, report.cpu, report.elapsed
        );
    }
    let what = "updates acknowledged/s ÷ raw hyper calls/s on one ordered connection";
    Ok(vec![Row::at_least(what, median(ratios), 3.0).note(note)])
}

/// The same over a network with delay.
pub(super) fn delay(bench: &Bench) -> Result<Vec<Row>> {
    let updates = bench.size(400_000, 20_000);
    // A tenth of it would limit the rate to 100,000 updates a second at 10 ms.
    const TASKS: u32 = 10_000;
    // The delay line has threads of its own, so all sides that are compared need one.
    let delays = [0, 1, 500, 5000].map(Duration::from_micros);
    let [mut none, mut line, mut one, mut ten] = [const { Vec::new() }; 4];
    for _ in 0..bench.rounds() {
        for (delay, rates) in delays
            .iter()
            .zip([&mut none, &mut line, &mut one, &mut ten])
        {
            let options = window(TASKS, updates).delay(*delay);
            rates.push(driven(bench, options)?.acknowledged_per_second);
        }
    }
    let ratio = |rates: &[f64], of: &[f64]| {
        let ratios = rates.iter().zip(of).map(|(rate, of)| rate / of);
        median(ratios.collect())
    };
    let row = |delay, rates: &[f64], bar| {
        let what =
            format!("updates/s at {delay} added round trip ÷ at 2 µs, both through the delay line");
        let note = format!(
            "{:.2} of the rate without a delay line; last round: {:.0}/s, without a delay line \
             {:.0}/s, {TASKS} updates under way",
            ratio(rates, &none),
            rates.last().copied().unwrap_or_default(),
            none.last().copied().unwrap_or_default(),
        );
        Row::at_least(what, ratio(rates, &line), bar).note(note)
    };
    Ok(vec![row("1 ms", &one, 0.9), row("10 ms", &ten, 0.5)])
}

/// Acknowledgements and numbered messages, with and without delay.
pub(super) fn order(bench: &Bench) -> Result<Vec<Row>> {
    let (mut wrong, mut calls) = (0, 0);
    for half in [0, 500, 5000] {
        let options = window(1000, bench.size(5000, 500)).delay(Duration::from_micros(half));
        let drive = Drive {
            threads: 2,
            messages: 8,
            ..Drive::default()
        };
        let (report, _) = bench.drive(Client::Plain, options, &drive)?;
        wrong += report.overtaken + report.messages_overtaken;
        calls += report.requests;
    }
    let what = "order of the calls of one framework, at 0, 1 and 10 ms";
    let mut row = Row::stated(what, format!("{wrong} out of order"));
    (row.bar, row.met) = ("0".to_owned(), Some(wrong == 0));
    Ok(vec![row.note(format!(
        "of {calls} calls, ACKNOWLEDGE and MESSAGE"
    ))])
}

/// Reconciliation after a failover.
pub(super) fn reconcile(bench: &Bench) -> Result<Vec<Row>> {
    let tasks = bench.size(100_000, 5000);
    let options = Options::new(Workload::Reconcile { tasks });
    let (mut ratios, mut before, mut after) = (Vec::new(), Vec::new(), Vec::new());
    let [mut driver, mut decoding, mut discarding] = [const { Vec::new() }; 3];
    for _ in 0..bench.rounds() {
        for (decode, times) in [(true, &mut decoding), (false, &mut discarding)] {
            let job = |url| Job::Drain { url, tasks, decode };
            times.push(bench.play(options, job)?.1.seconds);
        }
        let drive = Drive {
            threads: 2,
            reconcile: tasks,
            track: true,
            ..Drive::default()
        };
        let (report, outcome) = bench.drive(Client::Plain, options, &drive)?;
        driver.push(outcome.seconds);
        ratios.push(outcome.seconds / report.sending);
        before.push(report.since - outcome.since);
        after.push(outcome.since + outcome.seconds - report.since - report.sending);
    }
    let [driver, decoding, discarding] = [driver, decoding, discarding].map(median);
    let [before, after] = [before, after].map(|times| 1e3 * median(times));
    let what = format!("reconciliation of {tasks} tasks: time to reconciled() ÷ time of sending");
    let ratio = Row::at_most(what, median(ratios), 1.15).note(format!(
        "{before:.1} ms before the first RECONCILE arrives, {after:.1} ms after the last answer was written"
    ));
    let what = format!(
        "reconciliation of {tasks} tasks: time to reconciled(); the same for a client that only decodes the answers with prost, and for one that discards them"
    );
    let ms = |seconds| 1e3 * seconds;
    let (driver, decoding, discarding) = (ms(driver), ms(decoding), ms(discarding));
    let times = format!("{driver:.0} ms; {decoding:.0} ms, {discarding:.0} ms");
    let times = Row::stated(what, times)
        .note("medians of the same rounds; the calls of the others are encoded before");
    Ok(vec![ratio, times])
}

/// The time until a driver notices that the master has returned.
pub(super) fn failover(bench: &Bench) -> Result<Vec<Row>> {
    let times = bench.size(100, 5);
    let options = Options::new(Workload::Failover {
        times,
        down: Duration::from_millis(500),
    });
    let flood = Flood::start(options)?;
    let job = Job::Drive(Drive {
        url: flood.url(),
        threads: 2,
        stay: true,
        ..Drive::default()
    });
    let mut child = Client::Plain.start(&job)?;
    let report = flood.wait();
    child.kill()?;
    child.wait()?;
    let report = report?;
    if !report.complete {
        bail!("the driver did not resubscribe:\n{report}");
    }
    let times = report.return_to_subscribe;
    let bound = u64::try_from(backoff().max.as_micros())? + 100_000;
    let what = format!(
        "master's return to resubscribed, {} failovers, p99",
        times.count
    );
    let mut row = Row::stated(what, format!("{:.0} ms", times.p99 as f64 / 1e3));
    row.bar = format!("≤ {} ms", bound / 1000);
    row.met = Some(times.p99 <= bound);
    Ok(vec![row.note(format!(
        "{times}; backoff 100 ms to 400 ms, master away for 250 ms to 750 ms"
    ))])
}
