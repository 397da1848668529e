//! Runs the committed corpus.

#[path = "../../../testing/fuzz/corpus.rs"]
mod corpus;

use std::fs;

use bytes::Bytes;
use corpus::{files, fuzz};

use crate::wire::api::HttpApi;
use crate::wire::codec::{Codec, Wire};

/// If this variable is set, the test writes the protobuf seeds.
const BLESS: &str = "MESOS_FUZZ_BLESS";

corpus::targets![
    answer,
    credentials_file,
    event_json,
    event_protobuf,
    master_node,
    recordio,
    redirect,
];

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
