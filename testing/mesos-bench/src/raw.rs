//! Clients without a driver, for comparison.

use std::hint::black_box;
use std::time::Instant;

use crate::flood;
use anyhow::{Context, Result, ensure};
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use mesos_proto::v1::scheduler::call::{self, Type};
use mesos_proto::v1::scheduler::{Call, Event};
use mesos_proto::v1::{FrameworkId, FrameworkInfo};
use prost::Message;
use tokio::net::TcpStream;

use crate::job::Outcome;
use crate::job::known;
use crate::usage::cpu;

/// The number of tasks in one call, as in the driver.
const CHUNK: usize = 1000;

type Sender = SendRequest<Full<Bytes>>;

async fn connect(url: &str) -> Result<Sender> {
    let address = url.trim_start_matches("http://");
    let socket = TcpStream::connect(address).await?;
    socket.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(socket)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

async fn post(sender: &mut Sender, stream_id: &str, body: Bytes) -> Result<Response<Incoming>> {
    let mut request = Request::post("/api/v1/scheduler")
        .header("Host", "flood")
        .header("Accept", "application/x-protobuf")
        .header("Content-Type", "application/x-protobuf");
    if !stream_id.is_empty() {
        request = request.header("Mesos-Stream-Id", stream_id);
    }
    sender.ready().await?;
    Ok(sender.send_request(request.body(Full::new(body))?).await?)
}

fn call(kind: Type, body: impl FnOnce(&mut Call)) -> Bytes {
    let mut call = Call {
        framework_id: Some(FrameworkId::from(
            "2f1d8c5e-6f0b-4b7c-9a55-3f0d1c9be7a4-0000",
        )),
        r#type: Some(kind as i32),
        ..Default::default()
    };
    body(&mut call);
    call.encode_to_vec().into()
}

/// Subscribes. Returns the stream id and the body.
async fn subscribe(url: &str) -> Result<(String, Incoming, Sender)> {
    let mut events = connect(url).await?;
    let info = FrameworkInfo::new("root", "raw");
    let subscribe = call(Type::Subscribe, |call| {
        call.framework_id = None;
        call.subscribe = Some(call::Subscribe {
            framework_info: info,
            ..Default::default()
        });
    });
    let response = post(&mut events, "", subscribe).await?;
    let id = response.headers().get("mesos-stream-id");
    let id = id.context("no stream id")?.to_str()?.to_owned();
    Ok((id, response.into_body(), events))
}

/// Makes `calls` acknowledgements, each after the response to the previous one.
pub(crate) async fn calls(url: &str, calls: u64) -> Result<Outcome> {
    let (id, _events, _open) = subscribe(url).await?;
    let acknowledge = call(Type::Acknowledge, |call| {
        call.acknowledge = Some(call::Acknowledge {
            agent_id: flood::agent_id(1).into(),
            task_id: flood::task_id(1).into(),
            uuid: Bytes::copy_from_slice(uuid::Uuid::new_v4().as_bytes()),
        });
    });
    let mut sender = connect(url).await?;
    let began = Instant::now();
    for _ in 0..calls {
        let response = post(&mut sender, &id, acknowledge.clone()).await?;
        ensure!(response.status() == 202, "{}", response.status());
        response.into_body().collect().await?;
    }
    let seconds = began.elapsed().as_secs_f64();
    post(&mut sender, &id, call(Type::Teardown, |_| {})).await?;
    Ok(Outcome {
        seconds,
        count: calls,
        ..Outcome::default()
    })
}

/// Reads all events, then decodes each of them `times` times. Measures the decoding alone, without a driver, queue or
/// socket.
pub(crate) async fn decode(url: &str, times: u32) -> Result<Outcome> {
    let (id, mut events, _open) = subscribe(url).await?;
    let mut stream = BytesMut::new();
    let mut records: Vec<Bytes> = Vec::new();
    let last = loop {
        let frame = events.frame().await.context("the stream ended")??;
        if let Ok(data) = frame.into_data() {
            stream.extend_from_slice(&data);
        }
        while let Some(record) = cut(&mut stream)? {
            records.push(record);
        }
        // The update after the offers is the last record.
        let last = records.last().map(|record| Event::decode(record.clone()));
        if stream.is_empty()
            && let Some(update) = last.transpose()?.and_then(|event| event.update)
        {
            break update.status;
        }
    };
    records.pop();
    let (began, used) = (Instant::now(), cpu()?);
    let mut count = 0;
    for _ in 0..times {
        for record in &records {
            let event = Event::decode(&record[..])?;
            count += event.offers.map_or(0, |offers| offers.offers.len() as u64);
        }
    }
    let (seconds, cpu) = (began.elapsed().as_secs_f64(), cpu()? - used);
    let acknowledge = call(Type::Acknowledge, |call| {
        call.acknowledge = Some(call::Acknowledge {
            agent_id: last.agent_id.unwrap_or_default(),
            task_id: last.task_id,
            uuid: last.uuid.unwrap_or_default(),
        });
    });
    post(&mut connect(url).await?, &id, acknowledge).await?;
    Ok(Outcome {
        seconds,
        cpu,
        count,
        ..Outcome::default()
    })
}

/// Removes the first record if it is complete.
fn cut(stream: &mut BytesMut) -> Result<Option<Bytes>> {
    let Some(end) = stream.iter().take(20).position(|byte| *byte == b'\n') else {
        return Ok(None);
    };
    let length: usize = std::str::from_utf8(&stream[..end])?.parse()?;
    if stream.len() < end + 1 + length {
        return Ok(None);
    }
    let _ = stream.split_to(end + 1);
    Ok(Some(stream.split_to(length).freeze()))
}

/// Reconciles `tasks` and reads the answers, without decoding them or with `decode`. Measures the time
/// from the first call to the last answer.
pub(crate) async fn drain(url: &str, tasks: u32, decode: bool) -> Result<Outcome> {
    let (id, events, _open) = subscribe(url).await?;
    let known: Vec<_> = known(tasks)
        .map(|(task_id, agent_id)| call::reconcile::Task { task_id, agent_id })
        .collect();
    let questions: Vec<_> = known
        .chunks(CHUNK)
        .map(|chunk| {
            call(Type::Reconcile, |call| {
                call.reconcile = Some(call::Reconcile {
                    tasks: chunk.to_vec(),
                });
            })
        })
        .collect();
    let mut sender = connect(url).await?;
    let began = Instant::now();
    // The first event is SUBSCRIBED.
    let drained = tokio::spawn(records(events, tasks + 1, decode));
    for question in questions {
        let response = post(&mut sender, &id, question).await?;
        response.into_body().collect().await?;
    }
    drained.await??;
    let seconds = began.elapsed().as_secs_f64();
    post(&mut sender, &id, call(Type::Teardown, |_| {})).await?;
    Ok(Outcome {
        seconds,
        count: tasks.into(),
        ..Outcome::default()
    })
}

/// Reads this number of events, and decodes each of them if `decode` is true.
async fn records(mut events: Incoming, count: u32, decode: bool) -> Result<()> {
    let mut stream = BytesMut::new();
    let mut read = 0;
    while read < count {
        let frame = events.frame().await.context("the stream ended")??;
        if let Ok(data) = frame.into_data() {
            stream.extend_from_slice(&data);
        }
        while let Some(record) = cut(&mut stream)? {
            read += 1;
            if decode {
                black_box(Event::decode(record)?);
            }
        }
    }
    Ok(())
}
