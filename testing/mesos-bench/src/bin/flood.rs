//! The load master as a program; see `mesos_bench::flood`.

#![forbid(unsafe_code)]

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use mesos_bench::flood::{Flood, Options, Report, Workload};

/// A Mesos master that sends more than schedulers can take, to measure them.
///
/// It waits for a scheduler, in any language, at http://ADDRESS/api/v1/scheduler, speaks
/// protobuf or JSON as `Accept` says, and prints what it sent and what came back.
#[derive(Parser)]
#[command(name = "flood")]
struct Cli {
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:5050", global = true)]
    listen: SocketAddr,
    /// How many agents there are
    #[arg(long, default_value_t = 1000, global = true)]
    agents: u32,
    /// How much later bytes arrive, on each way, in microseconds: half of what it adds to a round
    /// trip
    #[arg(long, default_value_t = 0, global = true)]
    delay_us: u64,
    /// After how many seconds in which nothing happens it gives up
    #[arg(long, default_value_t = 15, global = true)]
    idle_timeout: u64,
    /// Print the report as JSON, and nothing else, to the standard output
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    what: What,
}

#[derive(Clone, Copy, Subcommand)]
enum What {
    /// OFFERS events, and an UPDATE whose acknowledgement shows that the client is through
    Offers {
        /// How many events
        #[arg(long, default_value_t = 1000)]
        events: u64,
        /// How many offers in each
        #[arg(long, default_value_t = 100)]
        offers: u32,
    },
    /// UPDATE events; the next of a task follows the acknowledgement of the last
    Updates {
        /// How many tasks have updates, in turn
        #[arg(long, default_value_t = 1000)]
        tasks: u32,
        /// How many updates in all
        #[arg(long, default_value_t = 200_000)]
        updates: u64,
        /// How many may wait for their acknowledgement
        #[arg(long, default_value_t = 1000)]
        window: u32,
    },
    /// Answers to RECONCILE, explicit (task-00000000, …) and implicit, until the client leaves
    Reconcile {
        /// How many tasks there are
        #[arg(long, default_value_t = 100_000)]
        tasks: u32,
    },
    /// Death after each subscription, and return
    Failover {
        /// How many times
        #[arg(long, default_value_t = 100)]
        times: u32,
        /// For how many milliseconds, about
        #[arg(long, default_value_t = 500)]
        down_ms: u64,
    },
}

impl What {
    fn workload(self) -> Workload {
        match self {
            Self::Offers { events, offers } => Workload::Offers { events, offers },
            Self::Updates {
                tasks,
                updates,
                window,
            } => Workload::Updates {
                tasks,
                updates,
                window,
            },
            Self::Reconcile { tasks } => Workload::Reconcile { tasks },
            Self::Failover { times, down_ms } => Workload::Failover {
                times,
                down: Duration::from_millis(down_ms),
            },
        }
    }
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(report) if report.complete && report.wrong.total() == 0 => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> std::io::Result<Report> {
    let options = Options::new(cli.what.workload())
        .agents(cli.agents)
        .delay(Duration::from_micros(cli.delay_us))
        .listen(cli.listen)
        .idle_timeout(Duration::from_secs(cli.idle_timeout));
    let flood = Flood::start(options)?;
    eprintln!("waiting for a scheduler at {}", flood.url());
    let mut told = 0;
    while !flood.is_over() {
        std::thread::sleep(Duration::from_millis(200));
        told += 1;
        if told % 10 == 0 {
            let progress = flood.progress();
            eprintln!(
                "{} subscriptions, {} updates, {} acknowledged, {} offers events",
                progress.subscriptions,
                progress.updates,
                progress.acknowledged,
                progress.offer_events
            );
        }
    }
    let report = flood.wait()?;
    if cli.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        println!("{report}");
    }
    Ok(report)
}
