//! Every archive is unpacked as libarchive does under Mesos' calls.
//!
//! `generate.py` writes the archives. `reference.py` unpacks them with libarchive, with the calls
//! and flags of `3rdparty/stout/include/stout/archiver.hpp`. The trees and the results must be
//! equal, except for the differences in `differences.rs`, which each have a reason. Nothing outside
//! of the target may change.
#![cfg(target_os = "linux")]

mod differences;
mod tree;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use differences::{DIFFERENCES, Expected};
use tree::tree;

/// The variable that, set to `1`, makes the test fail without libarchive.
const REQUIRE_VARIABLE: &str = "MESOS_REQUIRE_REAL";

const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/archives");

/// What this crate or libarchive did with an archive: the tree, or the error.
type Outcome = Result<BTreeMap<String, String>, String>;

#[test]
fn every_archive_is_unpacked_as_mesos_unpacks_it_and_nothing_outside_changes() {
    if let Some(reason) = unavailable() {
        let required = std::env::var_os(REQUIRE_VARIABLE).is_some_and(|value| value == "1");
        assert!(!required, "no reference: {reason}");
        return eprintln!("NOT TESTED: {REQUIRE_VARIABLE} is not 1, and {reason}");
    }
    let work = tempfile::tempdir().expect("a directory");
    let archives = work.path().join("archives");
    fs::create_dir(&archives).expect("a directory");
    let names = generate(&archives);
    assert!(names.len() > 500, "only {} archives", names.len());
    let expected = by_libarchive(&archives, &names, &work.path().join("libarchive"));
    let mut wrong = Vec::new();
    let mut seen = vec![false; DIFFERENCES.len()];
    for (name, expected) in names.iter().zip(expected) {
        let actual = by_this_crate(&archives, name, &work.path().join("this"));
        let actual = match actual {
            Ok(outcome) => outcome,
            Err(outside) => {
                wrong.push(format!("{name}: outside of the target: {outside}"));
                continue;
            }
        };
        let index = DIFFERENCES.iter().position(|known| known.is_for(name));
        let known = index.map(|index| &DIFFERENCES[index]);
        if let Some(index) = index {
            seen[index] = true;
        }
        let differs = verdict(&expected, &actual, known.map(|known| known.expected));
        wrong.extend(differs.map(|text| format!("{name}: {text}")));
    }
    for (known, seen) in DIFFERENCES.iter().zip(seen) {
        // A libarchive can be built without a format that the generator wants.
        if !seen && !known.name.starts_with("other-") {
            wrong.push(format!("no archive is named {}", known.name));
        }
    }
    let count = wrong.len();
    assert!(
        wrong.is_empty(),
        "{count} of {} archives differ:\n{}",
        names.len(),
        wrong.join("\n")
    );
    println!("{} archives", names.len());
}

/// What is wrong with an outcome, if anything.
fn verdict(libarchive: &Outcome, this: &Outcome, known: Option<Expected>) -> Option<String> {
    match (known, libarchive, this) {
        (None, Ok(expected), Ok(actual)) => compare(expected, actual),
        (None | Some(Expected::Tree(_)), Err(_), Err(_)) => None,
        (None, Ok(_), Err(error)) => Some(format!("libarchive unpacks it; this crate: {error}")),
        (None, Err(error), Ok(_)) => Some(format!("this crate unpacks it; libarchive: {error}")),
        (Some(Expected::Error(part)), Ok(_), Err(error)) if error.contains(part) => None,
        (Some(Expected::Tree(paths)), _, Ok(tree)) => {
            let found: Vec<_> = tree.keys().map(String::as_str).collect();
            (found != paths).then(|| format!("expected {paths:?}, found {found:?}"))
        }
        (Some(known), libarchive, this) => Some(format!(
            "expected {known:?}; libarchive: {libarchive:?}, this crate: {this:?}"
        )),
    }
}

fn compare(
    expected: &BTreeMap<String, String>,
    actual: &BTreeMap<String, String>,
) -> Option<String> {
    let paths = expected.keys().chain(actual.keys());
    let differ: Vec<_> = paths
        .filter(|path| expected.get(*path) != actual.get(*path))
        .map(|path| {
            let (expected, actual) = (expected.get(path), actual.get(path));
            format!("{path}: expected {expected:?}, found {actual:?}")
        })
        .collect();
    (!differ.is_empty()).then(|| differ.join("; "))
}

/// Why the test cannot run on this machine.
fn unavailable() -> Option<String> {
    let loads = "import ctypes; ctypes.CDLL('libarchive.so.13')";
    match Command::new("python3").args(["-c", loads]).output() {
        Ok(output) if output.status.success() => {}
        Ok(_) => {
            let text = "python3 cannot load libarchive.so.13; install libarchive-tools";
            return Some(text.to_owned());
        }
        Err(error) => return Some(format!("cannot run python3: {error}")),
    }
    let seven_zip = Command::new("7z").stdout(Stdio::null()).status();
    let error = seven_zip.err()?;
    Some(format!("cannot run 7z: {error}; install p7zip-full"))
}

fn python(program: &str) -> Command {
    let mut python = Command::new("python3");
    python.arg("-B").arg(Path::new(HERE).join(program));
    // The reference reads times of zip files as local times, and names in the locale's encoding.
    python.env("TZ", "UTC").env("LC_ALL", "C.UTF-8");
    python
}

fn generate(directory: &Path) -> Vec<String> {
    let output = python("generate.py").arg(directory).output();
    let output = output.expect("python3 runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "generate.py: {errors}");
    let names = String::from_utf8(output.stdout).expect("names are ASCII");
    names.lines().map(str::to_owned).collect()
}

/// The directory for one archive: `target`, and files beside it that must not change.
fn place(directory: &Path, name: &str) -> std::path::PathBuf {
    let place = directory.join(name);
    fs::create_dir_all(place.join("target")).expect("a directory");
    for file in ["victim", "secret"] {
        fs::write(place.join(file), file).expect("a file");
    }
    place
}

fn by_libarchive(archives: &Path, names: &[String], work: &Path) -> Vec<Outcome> {
    let places: Vec<_> = names.iter().map(|name| place(work, name)).collect();
    let mut run = python("reference.py");
    run.args([archives, work])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut run = run.spawn().expect("python3 runs");
    let input = names.join("\n");
    let stdin = run.stdin.take().expect("is piped");
    let writer = std::thread::spawn(move || { &stdin }.write_all(input.as_bytes()));
    let output = run.wait_with_output().expect("python3 ends");
    writer
        .join()
        .expect("no panic")
        .expect("reference.py reads");
    assert!(output.status.success(), "reference.py: {}", output.status);
    let answers = String::from_utf8(output.stdout).expect("is UTF-8");
    let answers: BTreeMap<_, _> = answers
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .collect();
    let one = |(name, place): (&String, &std::path::PathBuf)| match answers[name.as_str()] {
        "ok" => Ok(tree(&place.join("target"))),
        error => Err(error.to_owned()),
    };
    names.iter().zip(&places).map(one).collect()
}

/// The error is what changed outside of the target.
fn by_this_crate(archives: &Path, name: &str, work: &Path) -> Result<Outcome, String> {
    let place = place(work, name);
    let target = place.join("target");
    let unpacked = mesos_archive::unpack(&archives.join(name), &target);
    let beside: Vec<_> = tree(&place)
        .into_keys()
        .filter(|path| !path.starts_with("target"))
        .collect();
    let content = |file| fs::read_to_string(place.join(file)).unwrap_or_default();
    let (secret, victim) = (content("secret"), content("victim"));
    if beside != ["secret", "victim"] || secret != "secret" || victim != "victim" {
        return Err(format!("{beside:?}, {secret:?}, {victim:?}"));
    }
    Ok(match unpacked {
        Ok(()) => Ok(tree(&target)),
        Err(error) => Err(format!("{error:#}")),
    })
}
