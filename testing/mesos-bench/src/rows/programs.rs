//! Whole programs: the examples, built as users build them.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::flood::{Flood, Options, Workload};
use anyhow::{Result, bail};
use mesos_testing::FakeAgent;

use super::{Bench, beside};
use crate::table::Row;
use crate::usage::field;

/// Size, start and idling of `hello_scheduler` and `hello_executor`.
pub(super) fn programs(bench: &Bench) -> Result<Vec<Row>> {
    let program = std::env::current_exe()?;
    let examples = program.with_file_name("examples").join("x");
    let scheduler = beside(&examples, "hello_scheduler")?;
    let executor = beside(&examples, "hello_executor")?;
    let idle = Duration::from_secs(bench.size(30, 3));
    let mut rows = Vec::new();
    for (name, path) in [
        ("hello_scheduler", &scheduler),
        ("hello_executor", &executor),
    ] {
        let bytes = fs::metadata(path)?.len();
        let figure = format!("{:.2} MB", bytes as f64 / 1e6);
        rows.push(Row::stated(
            format!("{name}: size of the release binary"),
            figure,
        ));
    }
    rows.push(first_offer(bench, &scheduler)?);
    rows.extend(idle_scheduler(&scheduler, idle)?);
    rows.extend(idle_executor(&executor, idle)?);
    Ok(rows)
}

fn quiet(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null())
}

/// From the start of the process to its first answer to an offer.
fn first_offer(bench: &Bench, program: &Path) -> Result<Row> {
    let mut times = Vec::new();
    for _ in 0..bench.size(20, 3) {
        let workload = Workload::Offers {
            events: 1,
            offers: 1,
        };
        let flood = Flood::start(Options::new(workload))?;
        let began = Instant::now();
        let child = quiet(Command::new(program).arg(flood.url())).spawn()?;
        let mut child = Ended(child);
        while flood.progress().acknowledged == 0 {
            if began.elapsed() > Duration::from_secs(10) {
                bail!("{} did not use its offer", program.display());
            }
            std::thread::yield_now();
        }
        times.push(began.elapsed().as_secs_f64() * 1e3);
        child.0.kill()?;
        flood.wait()?;
    }
    let figure = format!("{:.1} ms", crate::table::median(times));
    let what =
        "hello_scheduler: start of the process to an update acknowledged after its first offer";
    Ok(Row::stated(what, figure).note("median"))
}

/// A child process that is killed on drop.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn idle_scheduler(program: &Path, idle: Duration) -> Result<Vec<Row>> {
    let workload = Workload::Reconcile { tasks: 1 };
    let flood = Flood::start(Options::new(workload).idle_timeout(idle * 10))?;
    let child = Ended(quiet(Command::new(program).arg(flood.url())).spawn()?);
    while flood.progress().subscriptions == 0 {
        std::thread::sleep(Duration::from_millis(10));
    }
    watch("hello_scheduler", child.0.id(), idle, None)
}

fn idle_executor(program: &Path, idle: Duration) -> Result<Vec<Row>> {
    let runtime = tokio::runtime::Runtime::new()?;
    let agent = runtime.block_on(FakeAgent::start())?;
    let mut command = Command::new(program);
    let mut child = Ended(quiet(command.envs(agent.variables())).spawn()?);
    runtime.block_on(agent.expect_stream());
    let rows = watch("hello_executor", child.0.id(), idle, Some(6 * 1024))?;
    if let Some(status) = child.0.try_wait()? {
        bail!("hello_executor ended ({status})");
    }
    Ok(rows)
}

/// Memory and CPU of an idle process.
fn watch(name: &str, id: u32, idle: Duration, bar: Option<u64>) -> Result<Vec<Row>> {
    // Excludes the work of the start.
    std::thread::sleep(Duration::from_secs(1));
    let before = busy(id)?;
    std::thread::sleep(idle);
    let used = busy(id)? - before;
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let resident = field(&status, "VmRSS:");
    let (own, files) = (field(&status, "RssAnon:"), field(&status, "RssFile:"));
    let mut memory = Row::stated(
        format!("{name}: resident memory when idle"),
        format!("{resident} KiB"),
    );
    if let Some(bar) = bar {
        (memory.bar, memory.met) = (format!("≤ {bar} KiB"), Some(resident <= bar));
    }
    let memory = memory.note(format!("{own} KiB of its own, {files} KiB of files"));
    let cpu = Row::stated(
        format!("{name}: CPU in {idle:?} of idling"),
        format!("{used:.2} ms"),
    );
    Ok(vec![memory, cpu])
}

/// CPU time of all threads of a process, in milliseconds.
fn busy(id: u32) -> Result<f64> {
    let mut nanoseconds = 0.0;
    for thread in fs::read_dir(format!("/proc/{id}/task"))? {
        let told = fs::read_to_string(thread?.path().join("schedstat"))?;
        let used = told.split(' ').next().unwrap_or_default();
        nanoseconds += used.parse::<f64>().unwrap_or_default();
    }
    Ok(nanoseconds / 1e6)
}
