//! Micro benchmarks of the steps of every event: framing, decoding, lifting and resources. Run with
//! `cargo bench -p mesos-bench`; a name as an argument selects benchmarks.

use bytes::{Bytes, BytesMut};
use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use mesos_core::resources::Resources;
use mesos_core::scheduler::Event;
use mesos_http::recordio;
use mesos_proto::v1::{self, Resource, TaskState, TaskStatus};
use mesos_testing::events;
use prost::Message as _;

fn main() {
    divan::main();
}

fn resources(number: u64) -> [Resource; 4] {
    let port = 31_000 + number % 100 * 10;
    [
        Resource::scalar("cpus", 4.0),
        Resource::scalar("mem", 1024.0),
        Resource::scalar("disk", 40_960.0),
        Resource::ranges("ports", [port..=port + 4, port + 7..=32_000]),
    ]
}

fn update() -> v1::scheduler::Event {
    let status = TaskStatus::new("task-1", TaskState::TaskRunning);
    events::update(events::from_agent("agent-1", status))
}

fn offers(count: u64) -> v1::scheduler::Event {
    events::offers((0..count).map(|number| {
        let id = format!("offer-{number}");
        let agent = format!("agent-{number}");
        events::offer(id.as_str(), agent.as_str(), "role", resources(number))
    }))
}

/// A stream of small records, in chunks of this number of bytes.
#[divan::bench(args = [64, 1460, 65_536])]
fn recordio_records(bencher: Bencher, chunk: usize) {
    let record = update().encode_to_vec();
    let mut stream = BytesMut::new();
    for _ in 0..1000 {
        recordio::encode(&record, &mut stream);
    }
    let chunks: Vec<_> = stream.chunks(chunk).map(Bytes::copy_from_slice).collect();
    let bytes = BytesCount::new(stream.len());
    bencher.counter(bytes).bench(|| {
        let mut decoder = recordio::Decoder::new(recordio::DEFAULT_LIMIT);
        let mut records = 0;
        for chunk in &chunks {
            decoder.push(chunk.clone());
            while let Ok(Some(_)) = decoder.next_record() {
                records += 1;
            }
        }
        assert_eq!(records, 1000);
    });
}

#[divan::bench]
fn decode_update(bencher: Bencher) {
    let bytes = Bytes::from(update().encode_to_vec());
    bencher.bench(|| v1::scheduler::Event::decode(bytes.clone()));
}

#[divan::bench]
fn lift_update(bencher: Bencher) {
    let lifted = bencher.with_inputs(update);
    lifted.bench_values(|event| Event::lift(event, Bytes::new()));
}

#[divan::bench(args = [1, 100, 10_000])]
fn decode_offers(bencher: Bencher, count: u64) {
    let bytes = Bytes::from(offers(count).encode_to_vec());
    let items = ItemsCount::new(count);
    let decode = || v1::scheduler::Event::decode(bytes.clone());
    bencher.counter(items).bench(decode);
}

#[divan::bench]
fn resources_from_offer(bencher: Bencher) {
    let offered = || resources(1).to_vec();
    bencher
        .with_inputs(offered)
        .bench_values(Resources::try_from);
}

#[divan::bench]
fn resources_parse(bencher: Bencher) {
    let text = "cpus:4;mem:1024;disk:40960;ports:[31000-31004,31007-32000]";
    bencher.bench(|| black_box(text).parse::<Resources>());
}

#[divan::bench]
fn resources_take(bencher: Bencher) {
    let offered = Resources::try_from(resources(1).to_vec()).expect("are valid");
    let wanted: Resources = "cpus:0.1;mem:32;ports:[31007-31007]"
        .parse()
        .expect("is valid");
    bencher
        .with_inputs(|| offered.clone())
        .bench_values(|mut offered| {
            let taken = offered.take(black_box(&wanted));
            (offered, taken)
        });
}
