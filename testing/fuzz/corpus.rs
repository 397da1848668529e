//! The tests that run the committed corpus. Each crate with fuzz targets includes this file in the
//! tests of its module `fuzzing`, because the bodies of the targets are not public.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Makes a test for the corpus of each target, and a test that the list of targets is complete.
macro_rules! targets {
    ($($name:ident),* $(,)?) => {
        mod the_corpus_passes_for {
            $(#[test]
            fn $name() {
                super::corpus::feed(stringify!($name), crate::fuzzing::$name);
            })*
        }

        #[test]
        fn every_fuzz_target_of_this_crate_has_a_body_and_a_corpus() {
            corpus::assert_complete(&[$(stringify!($name)),*]);
        }
    };
}
pub(super) use targets;

/// The folder `testing/fuzz`.
pub(super) fn fuzz() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = package.ancestors().map(|above| above.join("testing/fuzz"));
    let found = folders.find(|folder| folder.is_dir());
    found.expect("the folder testing/fuzz")
}

/// The files of a folder, by name.
pub(super) fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    files
}

/// Runs the body of a target with each file of its corpus.
pub(super) fn feed(target: &str, body: fn(&[u8])) {
    let files = files(&fuzz().join("corpus").join(target));
    assert!(!files.is_empty());
    for file in files {
        // Printed if the body panics.
        println!("{}", file.display());
        body(&fs::read(&file).expect("a file"));
    }
}

/// Checks that `names` are the targets that call this crate.
pub(super) fn assert_complete(names: &[&str]) {
    let call = concat!(env!("CARGO_CRATE_NAME"), "::fuzzing::");
    let targets: BTreeSet<_> = files(&fuzz().join("fuzz_targets"))
        .into_iter()
        .filter(|target| fs::read_to_string(target).expect("a target").contains(call))
        .map(|target| {
            let stem = target.file_stem().and_then(|stem| stem.to_str());
            stem.expect("a name").to_owned()
        })
        .collect();
    let names: BTreeSet<_> = names.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(targets, names);
}
