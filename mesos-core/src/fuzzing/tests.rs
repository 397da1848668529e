//! Runs the committed corpus, and checks that every target has one.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// All targets by name.
macro_rules! targets {
    ($($name:ident),* $(,)?) => {
        const NAMES: &[&str] = &[$(stringify!($name)),*];

        mod the_corpus_passes_for {
            $(#[test]
            fn $name() {
                super::feed(stringify!($name), crate::fuzzing::$name);
            })*
        }
    };
}

targets![executor_environment, master_address, resources,];

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testing/fuzz")
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("a directory");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    files
}

fn feed(target: &str, body: fn(&[u8])) {
    let files = files(&fuzz().join("corpus").join(target));
    assert!(!files.is_empty());
    for file in files {
        // Printed if the body panics.
        println!("{}", file.display());
        body(&fs::read(&file).expect("a file"));
    }
}

#[test]
fn every_fuzz_target_of_this_crate_has_a_body_and_a_corpus() {
    let is_of_core = |target: &PathBuf| {
        let source = fs::read_to_string(target).expect("a target");
        source.contains("mesos_core::fuzzing::")
    };
    let stem = |target: &PathBuf| {
        let stem = target.file_stem().and_then(|stem| stem.to_str());
        stem.expect("a name").to_owned()
    };
    let targets: BTreeSet<_> = files(&fuzz().join("fuzz_targets"))
        .iter()
        .filter(|target| is_of_core(target))
        .map(stem)
        .collect();
    let names: BTreeSet<_> = NAMES.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(targets, names);
}
