//! The load master as a program; see `mesos_bench::flood`.

#![forbid(unsafe_code)]

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use mesos_bench::flood::{Flood, Options, Report, Workload, cpu_of};

/// A Mesos master that sends more than schedulers can process, to measure them
///
/// The program waits for a scheduler in any language at http://ADDRESS/api/v1/scheduler, encodes
/// events as protobuf or JSON according to `Accept`, and prints what it sent and received.
#[derive(Parser)]
#[command(name = "flood")]
struct Cli {
    /// The address to listen on
    #[arg(long, default_value = "127.0.0.1:5050", global = true)]
    listen: SocketAddr,
    /// The number of agents
    #[arg(long, default_value_t = 1000, global = true)]
    agents: u32,
    /// The delay of all bytes in each direction, in microseconds: half of the additional round-trip
    /// time
    #[arg(long, default_value_t = 0, global = true)]
    delay_us: u64,
    /// The number of seconds without any activity after which the program stops
    #[arg(long, default_value_t = 15, global = true)]
    idle_timeout: u64,
    /// Print the CPU time of this process, a client, up to the end of the load; may be repeated
    #[arg(long, global = true)]
    pid: Vec<u32>,
    /// Print only the report, as JSON, to standard output
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    what: What,
}

#[derive(Clone, Copy, Subcommand)]
enum What {
    /// Send OFFERS events, then an UPDATE whose acknowledgement shows that the client has processed
    /// them
    Offers {
        /// The number of events
        #[arg(long, default_value_t = 1000)]
        events: u64,
        /// The number of offers in each event
        #[arg(long, default_value_t = 100)]
        offers: u32,
    },
    /// Send UPDATE events; the next update of a task follows the acknowledgement of the last
    Updates {
        /// The number of tasks, which are updated in turn
        #[arg(long, default_value_t = 1000)]
        tasks: u32,
        /// The number of updates
        #[arg(long, default_value_t = 200_000)]
        updates: u64,
        /// The number of updates that may be unacknowledged at a time
        #[arg(long, default_value_t = 1000)]
        window: u32,
    },
    /// Answer RECONCILE, explicit (task-00000000, …) and implicit, until the client disconnects
    Reconcile {
        /// The number of tasks
        #[arg(long, default_value_t = 100_000)]
        tasks: u32,
    },
    /// Stop after each subscription, and return
    Failover {
        /// The number of failovers
        #[arg(long, default_value_t = 100)]
        times: u32,
        /// The approximate downtime, in milliseconds
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
    let mut cpu = vec![None; cli.pid.len()];
    while !flood.is_over() {
        std::thread::sleep(Duration::from_millis(50));
        // A client may end before this program notices the end of the load.
        for (pid, cpu) in cli.pid.iter().zip(&mut cpu) {
            *cpu = cpu_of(*pid).or(*cpu);
        }
        told += 1;
        if told % 40 == 0 {
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
        for (pid, cpu) in cli.pid.iter().zip(cpu) {
            match cpu {
                Some(seconds) => println!("CPU of {pid}    {seconds:.2} s"),
                None => println!("CPU of {pid}    unknown, because the process does not exist"),
            }
        }
    }
    Ok(report)
}
