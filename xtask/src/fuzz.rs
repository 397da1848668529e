//! Runs the fuzz targets of `testing/fuzz/`, one after the other, and prints the result of each.
//! The fuzzed code is in `fuzzing` of mesos-core, mesos-http and mesos-archive. The tests there run
//! the committed corpus without libFuzzer.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::cargo::target_dir;

/// The limits of one input: its length in bytes, its time in seconds, and its memory in MiB.
const LIMITS: [&str; 3] = ["-max_len=4096", "-timeout=10", "-rss_limit_mb=2048"];

/// No sanitizer: the fuzzed code has no unsafe code, so panics are the only possible finding. A run
/// is twice as fast without one, and the stable toolchain is sufficient. Some crates that
/// mesos-archive uses have unsafe code; `cargo +nightly fuzz run archive` in `testing/fuzz` has one.
const SANITIZER: &str = "--sanitizer=none";

/// The statistics that libFuzzer prints for one run.
#[derive(Debug, Default, PartialEq, Eq)]
struct Report {
    runs: u64,
    /// Branches of the program that were executed.
    edges: u64,
    /// Inputs that each cover something that no other input covers.
    inputs: u64,
    /// Files of the inputs that failed.
    failures: Vec<String>,
}

/// Fuzzes `target`, or all targets, for `seconds` each, from `seed` or a random seed. New inputs are
/// stored in the build folder; the committed corpus is only read.
///
/// # Errors
/// cargo-fuzz is not installed, a target does not build, or an input fails.
pub(crate) fn run(
    root: &Path,
    target: Option<&str>,
    seconds: u64,
    seed: Option<u32>,
) -> Result<()> {
    let fuzz = root.join("testing/fuzz");
    let targets = match target {
        Some(target) => vec![target.to_owned()],
        None => targets(&fuzz)?,
    };
    let mut installed = Command::new("cargo");
    installed.args(["fuzz", "--version"]).stdout(Stdio::null());
    if !installed.stderr(Stdio::null()).status()?.success() {
        bail!("cargo-fuzz is not installed; `cargo install cargo-fuzz` installs it");
    }
    let built = target_dir(root)?.join("fuzz");
    let mut reports = Vec::new();
    for target in targets {
        let report = fuzz_target(&fuzz, &built, &target, seconds, seed)?;
        reports.push((target, report));
    }
    println!("\n| target | runs | edges | inputs | failures |\n|---|--:|--:|--:|--:|");
    for (target, report) in &reports {
        let (runs, edges, inputs) = (report.runs, report.edges, report.inputs);
        println!(
            "| {target} | {runs} | {edges} | {inputs} | {} |",
            report.failures.len()
        );
    }
    let failures: Vec<_> = reports
        .into_iter()
        .flat_map(|(_, report)| report.failures)
        .collect();
    if !failures.is_empty() {
        bail!(
            "failing inputs:\n{}\nfix the failure, and add each input as \
             testing/fuzz/corpus/TARGET/found-NAME",
            failures.join("\n")
        );
    }
    Ok(())
}

fn targets(fuzz: &Path) -> Result<Vec<String>> {
    let folder = fuzz.join("fuzz_targets");
    let unreadable = || format!("cannot read {}", folder.display());
    let mut targets = Vec::new();
    for entry in fs::read_dir(&folder).with_context(unreadable)? {
        let path = entry.with_context(unreadable)?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        targets.extend(stem.map(str::to_owned));
    }
    targets.sort();
    Ok(targets)
}

fn fuzz_target(
    fuzz: &Path,
    built: &Path,
    target: &str,
    seconds: u64,
    seed: Option<u32>,
) -> Result<Report> {
    let corpus = built.join("corpus").join(target);
    fs::create_dir_all(&corpus).with_context(|| format!("cannot create {}", corpus.display()))?;
    let mut run = Command::new("cargo")
        .current_dir(fuzz)
        .args(["fuzz", "run", SANITIZER, "--fuzz-dir", ".", "--target-dir"])
        .arg(built)
        .arg(target)
        .arg(corpus)
        .arg(fuzz.join("corpus").join(target))
        .arg("--")
        .args(LIMITS)
        .args([
            format!("-max_total_time={seconds}"),
            "-print_final_stats=1".to_owned(),
        ])
        // The target `archive` writes files, which are faster in memory.
        .env("TMPDIR", temporary())
        // libFuzzer chooses a random seed for 0.
        .arg(format!("-seed={}", seed.unwrap_or_default()))
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot run `cargo fuzz`")?;
    let mut report = Report::default();
    if let Some(stderr) = run.stderr.take() {
        for line in BufReader::new(stderr).lines() {
            let line = line.context("cannot read the output of `cargo fuzz`")?;
            eprintln!("{line}");
            report.read(&line);
        }
    }
    let status = run.wait().context("cannot wait for `cargo fuzz`")?;
    if !status.success() && report.failures.is_empty() {
        bail!("`cargo fuzz run {target}` failed ({status})");
    }
    Ok(report)
}

fn temporary() -> PathBuf {
    let memory = Path::new("/dev/shm");
    match memory.is_dir() {
        true => memory.to_owned(),
        false => env::temp_dir(),
    }
}

impl Report {
    fn read(&mut self, line: &str) {
        let number = |text: &str| text.split(['/', ' ']).next()?.parse().ok();
        let after = |mark: &str| number(line.split_once(mark)?.1.trim_start());
        if line.starts_with('#') {
            self.edges = after(" cov: ").unwrap_or(self.edges);
            self.inputs = after(" corp: ").unwrap_or(self.inputs);
        }
        self.runs = after("stat::number_of_executed_units:").unwrap_or(self.runs);
        if let Some((_, file)) = line.split_once("Test unit written to ") {
            self.failures.push(file.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statistics_of_libfuzzer_are_read() {
        let mut report = Report::default();
        for line in [
            "INFO: Running with entropic power schedule (0xFF, 100).",
            "#2\tINITED cov: 12 ft: 13 corp: 1/1b exec/s: 0 rss: 26Mb",
            "#4194304\tpulse  cov: 345 ft: 900 corp: 67/1234b lim: 4096 exec/s: 1 rss: 40Mb",
            "SUMMARY: libFuzzer: deadly signal",
            "artifact_prefix='./'; Test unit written to ./crash-0123",
            "stat::number_of_executed_units: 4200000",
        ] {
            report.read(line);
        }
        let expected = Report {
            runs: 4_200_000,
            edges: 345,
            inputs: 67,
            failures: vec!["./crash-0123".to_owned()],
        };
        assert_eq!(report, expected);
    }
}
