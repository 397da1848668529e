//! The commands for developers of this project; see `cargo xtask --help`.

mod api;
mod bench;
mod bindgen;
mod book;
mod build;
mod cargo;
mod ci;
mod codegen;
mod conform;
mod fuzz;
mod generated;
mod long;
mod man;
mod memcheck;
mod output;
mod record;
mod release;
mod sha256;
mod skipped;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use skipped::Skipped;

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    about = "Commands for developers of this project"
)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Generate the Rust code of the v1 messages from mesos-proto/proto
    Codegen {
        /// Write nothing; fail if a checked-in file is out of date
        #[arg(long)]
        check: bool,
    },
    /// Generate the Rust bindings of mesos-native's C header (needs libclang; without libclang,
    /// --check compares only the hash of the header)
    Bindgen {
        /// Write nothing; fail if the checked-in file is out of date
        #[arg(long)]
        check: bool,
    },
    /// Fuzz the code that reads input from other programs (needs `cargo install cargo-fuzz`)
    Fuzz {
        /// A target in testing/fuzz/fuzz_targets [default: all targets, one after the other]
        target: Option<String>,
        /// Seconds for each target
        #[arg(long, default_value_t = 10)]
        seconds: u64,
        /// Seed of the random numbers [default: random]
        #[arg(long)]
        seed: Option<u32>,
    },
    /// Kill a scheduler on a real Mesos with SIGKILL repeatedly, and count the consequences
    Failover {
        /// Number of kills
        #[arg(long, default_value_t = 100)]
        kills: u64,
        /// Seed of the random numbers; each run prints its seed [default: random]
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Run jobs and services on a real Mesos while everything fails at random moments, and check
    /// that nothing is lost and nothing runs twice
    Chaos(long::Chaos),
    /// Run the conformance suite for all backends on a fake master and on a real Mesos
    #[command(disable_help_flag = true)]
    Conform {
        /// Options of the suite's program; see `--help`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Run the tests of mesos-native that call C++ under valgrind or a sanitizer
    Memcheck {
        /// Use this sanitizer instead of valgrind (needs clang; x86-64 Linux only)
        #[arg(long)]
        sanitizer: Option<memcheck::Sanitizer>,
        /// Run only these test programs [default: all]
        programs: Vec<String>,
    },
    /// Print the fault matrix: the result of every status update while a fault is injected
    Faults(long::Faults),
    /// Run the benchmarks and print a table: each row has a ratio, its limit, and whether it was met
    Bench {
        /// Options of the benchmark program; see `--help`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Build the programs that are installed into target/dist/install, with checksums
    Build,
    /// Check the guide in docs/guide, and build it as a book (needs `cargo install mdbook`)
    Book,
    /// Record sessions of the command mesos on a real Mesos as pictures of the guide
    Record,
    /// Write the manual pages of the command mesos into mesos-cli/man
    Man {
        /// Write nothing; fail if a page is out of date
        #[arg(long)]
        check: bool,
    },
    /// Write the public API of the crates that users depend on into xtask/public-api (needs
    /// `cargo install cargo-public-api`)
    Api {
        /// Write nothing; fail if an item was added to the API or removed from it
        #[arg(long)]
        check: bool,
    },
    /// Package all crates and build the packages; then publish them
    Release {
        /// Publish nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Run all checks except the tests
    #[command(after_help = ci::help())]
    Ci {
        /// Run only these steps
        steps: Vec<String>,
    },
}

fn main() -> ExitCode {
    let result = match Cli::parse().task {
        Task::Codegen { check } => codegen::run(&root(), check),
        Task::Bindgen { check } => bindgen::run(&root(), check),
        Task::Fuzz {
            target,
            seconds,
            seed,
        } => fuzz::run(&root(), target.as_deref(), seconds, seed),
        Task::Failover { kills, seed } => long::failover(&root(), kills, seed),
        Task::Chaos(chaos) => long::chaos(&root(), chaos),
        Task::Conform { args } => conform::run(&root(), &args),
        Task::Memcheck {
            sanitizer,
            programs,
        } => memcheck::run(&root(), sanitizer, &programs),
        Task::Faults(faults) => long::faults(&root(), faults),
        Task::Bench { args } => bench::run(&root(), &args),
        Task::Build => build::run(&root()),
        Task::Book => book::run(&root()),
        Task::Record => record::run(&root()),
        Task::Man { check } => man::run(&root(), check),
        Task::Api { check } => api::run(&root(), check),
        Task::Release { dry_run } => release::run(&root(), !dry_run),
        Task::Ci { steps } => ci::run(&root(), &steps),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<Skipped>() => {
            println!("{error}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The workspace's folder, from any working directory. Cargo sets the path of this crate at run
/// time; the path at compile time is wrong if the folder was moved.
fn root() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let package = package.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    package.parent().map(Path::to_path_buf).unwrap_or(package)
}
