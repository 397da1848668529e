//! The row about the state of a large cluster.

use anyhow::Result;
use mesos_http::Codec;
use prost::Message as _;

use super::{Bench, Client, finish};
use crate::job::{Job, Outcome, State, Way};
use crate::state;
use crate::table::{Row, median};

/// GET_STATE in both codecs: memory and time, compared with decoding bytes that are in memory.
pub(super) fn state(bench: &Bench) -> Result<Vec<Row>> {
    let (agents, tasks) = bench.size((10_000, 100_000), (100, 1000));
    let mut rows = Vec::new();
    for codec in [Codec::Protobuf, Codec::Json] {
        let name = if codec == Codec::Json {
            "JSON"
        } else {
            "protobuf"
        };
        let answer = state::answer(agents, tasks);
        let body = match codec {
            Codec::Json => serde_json::to_vec(&answer)?,
            _ => answer.encode_to_vec(),
        };
        drop(answer);
        let wire = body.len() as f64;
        let directory = tempfile::tempdir()?;
        let file = directory.path().join("state");
        std::fs::write(&file, &body)?;
        let url = state::serve(body, codec)?;
        let run = |client: Client, way| -> Result<Outcome> {
            finish(client.start(&Job::State(State {
                url: url.clone(),
                file: file.clone(),
                way,
                json: codec == Codec::Json,
            }))?)
        };
        let peak = |way| -> Result<f64> { Ok(run(Client::Counting, way)?.heap_peak as f64 / wire) };
        // `get_state` requests JSON in both cases.
        let has_whole = codec == Codec::Json;
        let (parts, bare) = (peak(Way::Parts)?, peak(Way::Bare)?);
        let whole = match has_whole {
            true => format!("`get_state` {:.2}; ", peak(Way::Whole)?),
            false => String::new(),
        };
        let (mut of_parts, mut of_whole, mut cpu) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..bench.rounds() {
            let bare = run(Client::Plain, Way::Bare)?;
            let parts = run(Client::Plain, Way::Parts)?;
            if has_whole {
                let whole = run(Client::Plain, Way::Whole)?;
                of_whole.push(bare.seconds / whole.seconds);
            }
            of_parts.push(bare.seconds / parts.seconds);
            cpu.push(bare.cpu / parts.cpu);
        }
        let what = format!("GET_STATE of {agents} agents and {tasks} tasks in {name}, by parts");
        let memory = format!("{what}: peak memory ÷ size on the wire");
        rows.push(Row::at_most(memory, parts, 3.0).note(format!(
            "{wire:.0} bytes; {whole}bare decoding with the bytes {bare:.2}"
        )));
        let whole = match has_whole {
            true => format!("`get_state` {:.2}; ", median(of_whole)),
            false => String::new(),
        };
        let speed = format!("{what}: speed with the transfer ÷ bare decoding");
        rows.push(Row::at_least(speed, median(of_parts), 0.8).note(format!(
            "{whole}by parts, per second of CPU: {:.2}",
            median(cpu)
        )));
    }
    Ok(rows)
}
