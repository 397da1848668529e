//! The committed corpus: every input keeps the promise, and every target has inputs.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::wire::api::HttpApi;
use crate::wire::codec::{Codec, Wire};

/// If this variable is set, the test writes the protobuf seeds.
const BLESS: &str = "MESOS_FUZZ_BLESS";

/// All targets by name.
macro_rules! targets {
    ($($name:ident),* $(,)?) => {
        const NAMES: &[&str] = &[$(stringify!($name)),*];

        mod the_corpus_holds_for {
            $(#[test]
            fn $name() {
                super::feed(stringify!($name), crate::fuzzing::$name);
            })*
        }
    };
}

targets![
    answer,
    credentials_file,
    event_json,
    event_protobuf,
    master_node,
    recordio,
    redirect,
];

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
    let of_this_crate = |target: &&PathBuf| {
        let source = fs::read_to_string(target).expect("a target");
        source.contains("mesos_http::fuzzing::")
    };
    let stem = |target: &PathBuf| {
        let stem = target.file_stem().and_then(|stem| stem.to_str());
        stem.expect("a name").to_owned()
    };
    let targets: BTreeSet<_> = files(&fuzz().join("fuzz_targets"))
        .iter()
        .filter(of_this_crate)
        .map(stem)
        .collect();
    let names: BTreeSet<_> = NAMES.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(targets, names);
}

/// The protobuf seeds are the JSON seeds in the other encoding. A file's name begins with the API of
/// its event.
#[test]
fn the_protobuf_events_of_the_corpus_are_its_json_events() {
    use mesos_core::backend::{ExecutorApi, SchedulerApi};

    let bless = std::env::var_os(BLESS).is_some();
    let corpus = fuzz().join("corpus");
    for json in files(&corpus.join("event_json")) {
        let name = json
            .file_name()
            .and_then(|name| name.to_str())
            .expect("a name");
        let text = fs::read(&json).expect("a file");
        let wanted = match name.split_once('-') {
            Some(("scheduler", _)) => in_protobuf::<SchedulerApi>(text),
            Some(("executor", _)) => in_protobuf::<ExecutorApi>(text),
            // An input from an earlier finding need not be an event.
            Some(("found", _)) => continue,
            _ => panic!("{name} does not begin with an API"),
        };
        let protobuf = corpus.join("event_protobuf").join(name);
        if bless {
            fs::write(&protobuf, &wanted).expect("written");
        }
        let found = fs::read(&protobuf).unwrap_or_default();
        assert!(found == wanted, "{name}: {BLESS}=1 rewrites it");
    }
}

fn in_protobuf<A: HttpApi>(json: Vec<u8>) -> Bytes
where
    A::Event: Wire,
{
    let event: A::Event = Codec::Json.decode(json.into(), "a seed").expect("an event");
    Codec::Protobuf.encode(&event).expect("an event")
}
