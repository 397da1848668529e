//! Sending input to a container: one request whose body is a stream of records.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Method, Request, StatusCode, header};
use hyper::body::{Body, Frame};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use mesos_core::{Delivery, Endpoint, Error, ErrorKind, Result};
use mesos_proto::v1::agent::call::{self, attach_container_input};
use mesos_proto::v1::agent::{Call, ProcessIo, process_io};
use mesos_proto::v1::{ContainerId, DurationInfo};
use tokio::io::AsyncReadExt;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, interval_at};

use super::{End, Stream, TtySize};
use crate::auth::Access;
use crate::operator::client::PATH;
use crate::transport::dial::dial;
use crate::transport::settings::Settings;
use crate::wire::answer::{Answer, Purpose, REASON_LIMIT, refusal};
use crate::wire::recordio;

/// The interval of our heartbeats, the one of agents.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// The number of bytes of a record.
const CHUNK: usize = 16 << 10;

/// The end-of-file character of a terminal.
const END_OF_FILE: &[u8] = &[4];

pub(super) struct Input {
    pub(super) agent: Endpoint,
    pub(super) settings: Settings,
    pub(super) container: ContainerId,
    /// The bytes of the program.
    pub(super) unsent: Stream,
    pub(super) sizes: mpsc::Receiver<TtySize>,
    pub(super) end: End,
    /// Whether the program shut the input down, rather than dropped it.
    pub(super) shut_down: Arc<AtomicBool>,
    /// Why the agent does not accept input.
    pub(super) failure: watch::Sender<Option<Error>>,
}

/// What the program does.
enum Step {
    Data(Bytes),
    Resize(TtySize),
    /// The program shut down or dropped the input.
    Ended,
    /// The session was dropped.
    Gone,
}

impl Input {
    pub(super) async fn run(mut self) {
        // The container accepts one input at a time, so the first use connects.
        let first = self.step().await;
        let ends = matches!(first, Step::Ended | Step::Gone);
        if ends && self.last().is_none() {
            return;
        }
        if let Err(error) = self.send(first).await {
            tracing::debug!(%error, "the container does not accept input");
            self.failure.send_replace(Some(error));
        }
        // Dropping `unsent` fails the writes of the program.
    }

    /// The next step of the program. Cancel safe.
    async fn step(&mut self) -> Step {
        let mut bytes = BytesMut::with_capacity(CHUNK);
        tokio::select! {
            biased;
            size = self.sizes.recv() => size.map_or(Step::Gone, Step::Resize),
            read = self.unsent.read_buf(&mut bytes) => match read {
                Ok(0) | Err(_) => Step::Ended,
                Ok(_) => Step::Data(bytes.freeze()),
            },
        }
    }

    /// The data that passes on the end of the input.
    fn last(&self) -> Option<Bytes> {
        match self.end {
            End::Empty => Some(Bytes::new()),
            End::Character => Some(Bytes::from_static(END_OF_FILE)),
            End::OnShutdown => self.shut_down.load(Ordering::Acquire).then(Bytes::new),
        }
    }

    /// Sends the input from `step` on, until it ends or the agent answers.
    async fn send(&mut self, step: Step) -> Result<()> {
        let (records, body) = mpsc::channel(4);
        let container = attach_container_input::Type::ContainerId;
        let first = self.record(call::AttachContainerInput {
            r#type: Some(container.into()),
            container_id: Some(self.container.clone()),
            ..Default::default()
        })?;
        // There is room.
        let _ = records.send(first).await;
        let request = request(self.agent.clone(), self.settings.clone(), Records(body));
        tokio::pin!(request);
        tokio::select! {
            answer = &mut request => return answer,
            sent = self.pass_on(step, records) => sent?,
        }
        request.await
    }

    async fn pass_on(&mut self, mut step: Step, records: mpsc::Sender<Bytes>) -> Result<()> {
        let mut heartbeats = interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
        loop {
            let (message, ended) = match step {
                Step::Data(bytes) => (Some(data(bytes)), false),
                Step::Resize(size) => (Some(resize(size)), false),
                Step::Ended => (self.last().map(data), true),
                Step::Gone => (None, true),
            };
            if let Some(message) = message {
                let process_io = attach_container_input::Type::ProcessIo;
                let record = self.record(call::AttachContainerInput {
                    r#type: Some(process_io.into()),
                    process_io: Some(message),
                    ..Default::default()
                })?;
                // The request has the reason.
                if records.send(record).await.is_err() {
                    return Ok(());
                }
            }
            if ended {
                return Ok(());
            }
            step = loop {
                tokio::select! {
                    step = self.step() => break step,
                    _ = heartbeats.tick() => {
                        let process_io = attach_container_input::Type::ProcessIo;
                        let record = self.record(call::AttachContainerInput {
                            r#type: Some(process_io.into()),
                            process_io: Some(heartbeat()),
                            ..Default::default()
                        })?;
                        if records.send(record).await.is_err() {
                            return Ok(());
                        }
                    }
                }
            };
        }
    }

    fn record(&self, input: call::AttachContainerInput) -> Result<Bytes> {
        let call = Call {
            r#type: Some(call::Type::AttachContainerInput.into()),
            attach_container_input: Some(input),
            ..Default::default()
        };
        let mut record = BytesMut::new();
        recordio::encode(&self.settings.codec.encode(&call)?, &mut record);
        Ok(record.freeze())
    }
}

fn data(bytes: Bytes) -> ProcessIo {
    ProcessIo {
        r#type: Some(process_io::Type::Data.into()),
        data: Some(process_io::Data {
            r#type: Some(process_io::data::Type::Stdin.into()),
            data: Some(bytes),
        }),
        ..Default::default()
    }
}

fn control(control: process_io::Control) -> ProcessIo {
    ProcessIo {
        r#type: Some(process_io::Type::Control.into()),
        control: Some(control),
        ..Default::default()
    }
}

fn resize(size: TtySize) -> ProcessIo {
    control(process_io::Control {
        r#type: Some(process_io::control::Type::TtyInfo.into()),
        tty_info: Some(size.into()),
        ..Default::default()
    })
}

fn heartbeat() -> ProcessIo {
    control(process_io::Control {
        r#type: Some(process_io::control::Type::Heartbeat.into()),
        heartbeat: Some(process_io::control::Heartbeat {
            interval: Some(DurationInfo::from(HEARTBEAT)),
        }),
        ..Default::default()
    })
}

/// Makes the request. The agent answers when the input or the container has ended, or when it
/// refuses.
async fn request(agent: Endpoint, settings: Settings, records: Records) -> Result<()> {
    let name = call::Type::AttachContainerInput.as_str_name();
    let access = Access::new(&settings).await?;
    let transport = dial(&agent, None, &settings).await?.transport;
    let broken = |source: hyper::Error| {
        let message = format!("the input of the container at {agent} broke");
        Error::new(ErrorKind::Transport, message)
            .with_delivery(Delivery::Unknown)
            .with_source(source)
    };
    let (mut sender, connection) = http1::handshake(TokioIo::new(transport))
        .await
        .map_err(broken)?;
    let codec = settings.codec.header();
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(agent.join(PATH))
        .header(header::HOST, agent.authority())
        .header(header::ACCEPT, &codec)
        .header(header::CONTENT_TYPE, "application/recordio")
        .header("message-content-type", &codec);
    if let Some(authorization) = access.header() {
        request = request.header(header::AUTHORIZATION, authorization);
    }
    let request = request.body(records).map_err(|source| {
        let message = format!("cannot build a request to {agent}");
        Error::new(ErrorKind::Config, message).with_source(source)
    })?;
    let exchange = async {
        let response = sender.send_request(request).await.map_err(broken)?;
        let status = response.status();
        let limit = settings.response_timeout;
        let mut answer = Answer::read(&agent, response, REASON_LIMIT, limit).await;
        if status == StatusCode::OK {
            return Ok(());
        }
        access.annotate(&mut answer);
        Err(refusal(name, Purpose::Operator, &agent, PATH, &answer))
    };
    let driver = async {
        // The exchange has the reason of a failure.
        let _ = connection.await;
        std::future::pending::<()>().await
    };
    tokio::select! {
        answer = exchange => answer,
        () = driver => Ok(()),
    }
}

/// The body of the request.
struct Records(mpsc::Receiver<Bytes>);

impl Body for Records {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, Infallible>>> {
        let record = self.0.poll_recv(context);
        record.map(|record| record.map(|record| Ok(Frame::data(record))))
    }
}

#[cfg(test)]
mod tests {
    use mesos_core::BoxError;
    use tokio::io::duplex;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_idle_input_sends_heartbeats() -> std::result::Result<(), BoxError> {
        let (_program, unsent) = duplex(1);
        let (_resize, sizes) = mpsc::channel(1);
        let mut input = Input {
            agent: "http://a:5051".parse()?,
            settings: Settings::default(),
            container: "c".into(),
            unsent,
            sizes,
            end: End::Empty,
            shut_down: Arc::default(),
            failure: watch::channel(None).0,
        };
        let (records, mut sent) = mpsc::channel(4);
        let start = Instant::now();
        let read = async {
            let _data = sent.recv().await;
            let mut seconds = Vec::new();
            for _ in 0..2 {
                let record: Bytes = sent.recv().await.unwrap_or_default();
                let expected = input_of(heartbeat())?;
                assert!(record.ends_with(&expected), "{record:?}");
                seconds.push(start.elapsed().as_secs());
            }
            Ok::<_, BoxError>(seconds)
        };
        tokio::select! {
            ended = input.pass_on(Step::Data(Bytes::from_static(b"x")), records) => {
                panic!("the input ended: {ended:?}");
            }
            seconds = read => assert_eq!(seconds?, [30, 60]),
        }
        Ok(())
    }

    /// A message as it is encoded inside of a call.
    fn input_of(message: ProcessIo) -> std::result::Result<Bytes, BoxError> {
        Ok(Settings::default().codec.encode(&message)?)
    }
}
