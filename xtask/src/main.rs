//! The project's chores; see `cargo xtask --help`.

mod api;
mod bench;
mod bindgen;
mod build;
mod cargo;
mod ci;
mod codegen;
mod conform;
mod fuzz;
mod long;
mod memcheck;
mod outputs;
mod sha256;
mod skipped;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use skipped::Skipped;

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    about = "The project's chores, each alone and together"
)]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Write the Rust of the v1 messages from mesos-proto/proto
    Codegen {
        /// Write nothing; fail where the checked-in files are not what would be written
        #[arg(long)]
        check: bool,
    },
    /// Write the Rust of mesos-native's C header (needs libclang; without it --check compares
    /// only the header's hash)
    Bindgen {
        /// Write nothing; fail where the checked-in file is not what would be written
        #[arg(long)]
        check: bool,
    },
    /// Fuzz what reads bytes of others (needs `cargo install cargo-fuzz`)
    Fuzz {
        /// One of testing/fuzz/fuzz_targets; without, each of them in turn
        target: Option<String>,
        /// How long each is fuzzed
        #[arg(long, default_value_t = 10)]
        seconds: u64,
        /// What is random comes from this
        #[arg(long)]
        seed: Option<u32>,
    },
    /// Kill a scheduler on a real Mesos with SIGKILL, again and again, and count what that did
    Failover {
        /// How often
        #[arg(long, default_value_t = 100)]
        kills: u64,
        /// What is random comes from this; printed by every run
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Ask every backend what drivers promise, on a fake and on a real Mesos
    #[command(disable_help_flag = true)]
    Conform {
        /// Those of the suite's own program; try `--help`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Run the tests of mesos-native that call C++ under valgrind
    Memcheck {
        /// Only these test programs of it
        programs: Vec<String>,
    },
    /// Print the fault matrix: what became of every status update while something went wrong
    Faults {
        /// How long each row lasts
        #[arg(long, default_value_t = 10)]
        seconds: u64,
        /// What is random comes from this; printed by every run
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Measure the drivers and print one table: each row a ratio, its bar, and whether it was met
    Bench {
        /// Those of the measuring program; try `--help`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Build the programs that are installed into target/dist/install, with checksums
    Build,
    /// Write the public API of the crates that users depend on into xtask/public-api (needs
    /// `cargo install cargo-public-api`)
    Api {
        /// Write nothing; fail if an item was added to the API or removed from it
        #[arg(long)]
        check: bool,
    },
    /// Check all that has to hold besides the tests
    #[command(after_help = ci::help())]
    Ci {
        /// Only these steps
        steps: Vec<String>,
    },
}

fn main() -> ExitCode {
    let done = match Cli::parse().chore {
        Chore::Codegen { check } => codegen::run(&root(), check),
        Chore::Bindgen { check } => bindgen::run(&root(), check),
        Chore::Fuzz {
            target,
            seconds,
            seed,
        } => fuzz::run(&root(), target.as_deref(), seconds, seed),
        Chore::Failover { kills, seed } => long::failover(&root(), kills, seed),
        Chore::Conform { args } => conform::run(&root(), &args),
        Chore::Memcheck { programs } => memcheck::run(&root(), &programs),
        Chore::Faults { seconds, seed } => long::faults(&root(), seconds, seed),
        Chore::Bench { args } => bench::run(&root(), &args),
        Chore::Build => build::run(&root()),
        Chore::Api { check } => api::run(&root(), check),
        Chore::Ci { steps } => ci::run(&root(), &steps),
    };
    match done {
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

/// The workspace's folder, wherever in it the command was called. Cargo says at run time where
/// this crate is; what was compiled in is wrong once the folder was moved.
fn root() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let package = package.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    package.parent().map(Path::to_path_buf).unwrap_or(package)
}
