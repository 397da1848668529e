//! The scripted peer: accepts connections, reads requests, and sends what the test says.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use mesos_core::backend::{Backend, Incoming, SchedulerApi, Subscription};
use mesos_core::{Error, Result};
use mesos_http::{Endpoint, HttpBackend, recordio};
use mesos_proto::v1::scheduler::{self, call, event};
use mesos_proto::v1::{FrameworkId, FrameworkInfo, TaskId};
use prost::Message;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// A test that hangs fails after this time.
const LIMIT: Duration = Duration::from_secs(20);

pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match timeout(LIMIT, future).await {
        Ok(done) => done,
        Err(_) => panic!("still waiting: {what}"),
    }
}

pub(crate) struct Server {
    listener: TcpListener,
    pub(crate) address: String,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::over(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub(crate) fn over(listener: TcpListener) -> Self {
        let address = listener.local_addr().unwrap().to_string();
        Self { listener, address }
    }

    pub(crate) fn endpoint(&self, prefix: &str) -> Endpoint {
        format!("http://{}{prefix}", self.address).parse().unwrap()
    }

    pub(crate) fn backend(&self) -> HttpBackend {
        HttpBackend::new(self.endpoint("").into())
    }

    pub(crate) async fn accept(&self) -> Peer {
        Peer::over(self.accept_raw().await)
    }

    /// A connection before HTTP starts.
    pub(crate) async fn accept_raw(&self) -> TcpStream {
        let (stream, _) = soon("a connection", self.listener.accept()).await.unwrap();
        stream
    }

    /// Whether no connection waits to be accepted.
    pub(crate) async fn is_quiet(&self) -> bool {
        timeout(Duration::from_millis(50), self.listener.accept())
            .await
            .is_err()
    }

    /// Accepts a subscription; returns the client's and the peer's end.
    pub(crate) async fn subscribed(
        &self,
        backend: HttpBackend,
    ) -> (Subscription<SchedulerApi>, Peer) {
        let client = subscribe(backend);
        let mut peer = self.accept().await;
        peer.request().await;
        peer.send(STREAM_HEAD).await;
        (soon("subscribe", client).await.unwrap().unwrap(), peer)
    }
}

/// A transport for HTTP.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// The peer's end of a connection.
pub(crate) struct Peer {
    stream: Box<dyn Stream>,
    input: BytesMut,
}

#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) line: String,
    /// Names in lower case, in the order of the request.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(found, _)| found == name);
        let (_, value) = found.next()?;
        assert!(found.next().is_none(), "{name} twice: {:?}", self.headers);
        Some(value)
    }

    pub(crate) fn call(&self) -> scheduler::Call {
        scheduler::Call::decode(self.body.clone()).unwrap()
    }
}

impl Peer {
    pub(crate) fn over(stream: impl Stream + 'static) -> Self {
        Self {
            stream: Box::new(stream),
            input: BytesMut::new(),
        }
    }

    pub(crate) async fn request(&mut self) -> Request {
        soon("a request", self.read_request())
            .await
            .expect("the client closed the connection")
    }

    /// Reads at least one byte.
    pub(crate) async fn some(&mut self) {
        let read = self.stream.read_buf(&mut self.input);
        assert_ne!(soon("some bytes", read).await.unwrap(), 0);
    }

    /// Whether no byte of a request has arrived.
    pub(crate) async fn is_quiet(&mut self) -> bool {
        let read = timeout(
            Duration::from_millis(50),
            self.stream.read_buf(&mut self.input),
        );
        read.await.is_err() && self.input.is_empty()
    }

    /// `None` if the client closed the connection.
    pub(crate) async fn read_request(&mut self) -> Option<Request> {
        let end = loop {
            if let Some(at) = self.input.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break at + 4;
            }
            if self.stream.read_buf(&mut self.input).await.unwrap() == 0 {
                return None;
            }
        };
        let head = String::from_utf8(self.input.split_to(end).to_vec()).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let line = lines.next().unwrap().to_owned();
        let headers: Vec<(String, String)> = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let length = headers
            .iter()
            .find(|(name, _)| name == "content-length")
            .unwrap();
        let length: usize = length.1.parse().unwrap();
        while self.input.len() < length {
            assert_ne!(
                self.stream.read_buf(&mut self.input).await.unwrap(),
                0,
                "body cut"
            );
        }
        let body = self.input.split_to(length).freeze();
        Some(Request {
            line,
            headers,
            body,
        })
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        soon("room to send", self.stream.write_all(bytes.as_ref()))
            .await
            .unwrap();
    }

    /// A whole response with a body.
    pub(crate) async fn respond(&mut self, status: &str, headers: &str, body: impl AsRef<[u8]>) {
        let body = body.as_ref();
        let length = body.len();
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{headers}\r\n");
        self.send([head.as_bytes(), body].concat()).await;
    }

    /// One chunk of a chunked response.
    pub(crate) async fn chunk(&mut self, bytes: impl AsRef<[u8]>) {
        self.send(chunk(bytes.as_ref())).await;
    }

    /// Shuts down the sending direction. Bytes in flight still arrive.
    pub(crate) async fn hang_up(mut self) {
        self.stream.shutdown().await.unwrap();
        self.closed().await;
    }

    /// Waits for the client to close the connection.
    pub(crate) async fn closed(mut self) {
        let mut rest = Vec::new();
        // A reset also closes the connection.
        let _ = soon("the client to close", self.stream.read_to_end(&mut rest)).await;
    }
}

pub(crate) fn chunk(bytes: &[u8]) -> Vec<u8> {
    let head = format!("{:x}\r\n", bytes.len());
    [head.as_bytes(), bytes, b"\r\n"].concat()
}

/// The head of a master's response to SUBSCRIBE.
pub(crate) const STREAM_HEAD: &str = "HTTP/1.1 200 OK\r\n\
    Content-Type: application/x-protobuf\r\n\
    Mesos-Stream-Id: 130ae4e3-6b13-4ef4-baa9-9f2e85c3e9af\r\n\
    Transfer-Encoding: chunked\r\n\r\n";

pub(crate) const STREAM_ID: &str = "130ae4e3-6b13-4ef4-baa9-9f2e85c3e9af";

pub(crate) fn subscribe(backend: HttpBackend) -> JoinHandle<Result<Subscription<SchedulerApi>>> {
    tokio::spawn(async move { backend.subscribe(subscribe_call()).await })
}

pub(crate) fn subscribe_call() -> scheduler::Call {
    scheduler::Call {
        r#type: Some(call::Type::Subscribe.into()),
        subscribe: Some(call::Subscribe {
            framework_info: FrameworkInfo {
                user: "nobody".to_owned(),
                name: "scripted".to_owned(),
                ..Default::default()
            },
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// A KILL. Its task identifies the call.
pub(crate) fn kill(task: &str) -> scheduler::Call {
    scheduler::Call {
        r#type: Some(call::Type::Kill.into()),
        kill: Some(call::Kill {
            task_id: TaskId {
                value: task.to_owned(),
            },
            ..Default::default()
        }),
        ..Default::default()
    }
}

pub(crate) fn killed(request: &Request) -> String {
    request.call().kill.expect("a KILL").task_id.value
}

pub(crate) fn subscribed(heartbeat: f64) -> scheduler::Event {
    scheduler::Event {
        r#type: Some(event::Type::Subscribed.into()),
        subscribed: Some(event::Subscribed {
            framework_id: FrameworkId {
                value: "f".to_owned(),
            },
            heartbeat_interval_seconds: Some(heartbeat),
            master_info: None,
        }),
        ..Default::default()
    }
}

pub(crate) fn heartbeat() -> scheduler::Event {
    scheduler::Event {
        r#type: Some(event::Type::Heartbeat.into()),
        ..Default::default()
    }
}

/// An ERROR. Its message identifies the event.
pub(crate) fn error(message: &str) -> scheduler::Event {
    scheduler::Event {
        r#type: Some(event::Type::Error.into()),
        error: Some(event::Error {
            message: message.to_owned(),
        }),
        ..Default::default()
    }
}

pub(crate) fn record(event: &scheduler::Event) -> Vec<u8> {
    let mut stream = BytesMut::new();
    recordio::encode(&event.encode_to_vec(), &mut stream);
    stream.to_vec()
}

pub(crate) async fn next(subscription: &mut Subscription<SchedulerApi>) -> scheduler::Event {
    match soon("an event", subscription.events.next()).await.unwrap() {
        Incoming::Event(event, raw) => {
            assert_eq!(scheduler::Event::decode(raw).unwrap(), *event);
            *event
        }
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn end(subscription: &mut Subscription<SchedulerApi>) -> Error {
    let error = soon("the end", subscription.events.next())
        .await
        .unwrap_err();
    let again = soon("the end", subscription.events.next())
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        again.to_string(),
        "another end than before"
    );
    error
}
