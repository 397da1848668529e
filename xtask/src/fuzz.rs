//! Runs the fuzz targets of `testing/fuzz/`, one after the other, and says what came of each. What they
//! find is for `fuzzing` in mesos-core and mesos-http, whose tests run the committed corpus without any
//! of this.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// The longest input in bytes, and the most time in seconds and memory in MiB that one may take.
const LIMITS: [&str; 3] = ["-max_len=4096", "-timeout=10", "-rss_limit_mb=2048"];

/// No sanitizer: there is no unsafe code of ours below, so panics are what there is to find. It
/// makes a run twice as fast, and lets the stable toolchain do.
const SANITIZER: &str = "--sanitizer=none";

/// What libFuzzer said of one run.
#[derive(Debug, Default, PartialEq, Eq)]
struct Report {
    runs: u64,
    /// Branches of the program that were taken.
    edges: u64,
    /// Inputs that each reach something that no other does.
    inputs: u64,
    /// What it found was written there.
    found: Vec<String>,
}

/// Fuzzes `target`, or else each of them, for so many `seconds`, by chance or from a `seed`. What is found interesting is kept
/// in the build folder; the committed corpus is only read.
///
/// # Errors
/// cargo-fuzz is not there, the targets do not build, and every input that breaks a promise.
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
        bail!("cargo-fuzz is not installed; `cargo install cargo-fuzz` does it");
    }
    let built =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), Into::into);
    let built = built.join("fuzz");
    let mut reports = Vec::new();
    for target in targets {
        let report = one(&fuzz, &built, &target, seconds, seed)?;
        reports.push((target, report));
    }
    println!("\n| target | runs | edges | inputs | found |\n|---|--:|--:|--:|--:|");
    for (target, report) in &reports {
        let (runs, edges, inputs) = (report.runs, report.edges, report.inputs);
        println!(
            "| {target} | {runs} | {edges} | {inputs} | {} |",
            report.found.len()
        );
    }
    let found: Vec<_> = reports
        .into_iter()
        .flat_map(|(_, report)| report.found)
        .collect();
    if !found.is_empty() {
        bail!(
            "inputs that break a promise:\n{}\nmend what they show, and put them into \
             testing/fuzz/corpus/TARGET/found-NAME",
            found.join("\n")
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

fn one(fuzz: &Path, built: &Path, target: &str, seconds: u64, seed: Option<u32>) -> Result<Report> {
    let corpus = built.join("corpus").join(target);
    fs::create_dir_all(&corpus).with_context(|| format!("cannot make {}", corpus.display()))?;
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
        // To libFuzzer, 0 means by chance.
        .arg(format!("-seed={}", seed.unwrap_or_default()))
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot run `cargo fuzz`")?;
    let mut report = Report::default();
    if let Some(stderr) = run.stderr.take() {
        for line in BufReader::new(stderr).lines() {
            let line = line.context("cannot read what `cargo fuzz` says")?;
            eprintln!("{line}");
            report.read(&line);
        }
    }
    let status = run.wait().context("cannot wait for `cargo fuzz`")?;
    if !status.success() && report.found.is_empty() {
        bail!("`cargo fuzz run {target}` failed ({status})");
    }
    Ok(report)
}

impl Report {
    fn read(&mut self, line: &str) {
        let number = |text: &str| text.split(['/', ' ']).next()?.parse().ok();
        let behind = |mark: &str| number(line.split_once(mark)?.1.trim_start());
        if line.starts_with('#') {
            self.edges = behind(" cov: ").unwrap_or(self.edges);
            self.inputs = behind(" corp: ").unwrap_or(self.inputs);
        }
        self.runs = behind("stat::number_of_executed_units:").unwrap_or(self.runs);
        if let Some((_, file)) = line.split_once("Test unit written to ") {
            self.found.push(file.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_libfuzzer_says_is_understood() {
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
        let wanted = Report {
            runs: 4_200_000,
            edges: 345,
            inputs: 67,
            found: vec!["./crash-0123".to_owned()],
        };
        assert_eq!(report, wanted);
    }
}
