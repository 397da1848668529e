//! The proxy in front of another master: forwards requests, responses and events.

use std::io;
use std::net::SocketAddr;

use bytes::BytesMut;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use mesos_proto::v1::scheduler::call::Type;
use mesos_proto::v1::scheduler::{Event, event};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::Inner;
use super::clock::Action;
use super::request::{PATH, Response};
use super::{Received, Stream};
use crate::wire::{Encoding, JSON, next_record};

/// Headers that concern one connection only, and are not forwarded.
const HOP_BY_HOP: [&str; 5] = [
    "connection",
    "content-length",
    "date",
    "host",
    "transfer-encoding",
];

impl Inner {
    /// Forwards a request to `upstream`. A local master serves the long path only, a daemon serves
    /// both.
    pub(super) async fn relay(
        &self,
        upstream: SocketAddr,
        request: &Received,
        muted: bool,
    ) -> io::Result<Response> {
        let path = match request.path.strip_suffix(PATH) {
            Some(_) => format!("/master{PATH}"),
            None => request.path.clone(),
        };
        let mut passed_on = hyper::Request::builder()
            .method(request.method.as_str())
            .uri(path)
            .header("host", upstream.to_string());
        for (name, value) in &request.headers {
            if !HOP_BY_HOP.contains(&name.as_str()) {
                passed_on = passed_on.header(name, value);
            }
        }
        let passed_on = passed_on.body(Full::new(request.body.clone()));
        let socket = TcpStream::connect(upstream).await?;
        socket.set_nodelay(true)?;
        let handshake = hyper::client::conn::http1::handshake(TokioIo::new(socket)).await;
        let (mut sender, connection) = handshake.map_err(io::Error::other)?;
        let connection = Closed(tokio::spawn(async move {
            let _ = connection.await;
        }));
        let answer = sender.send_request(passed_on.map_err(io::Error::other)?);
        let (head, body) = answer.await.map_err(io::Error::other)?.into_parts();
        let headers: Vec<(String, String)> = head
            .headers
            .iter()
            .filter(|(name, _)| !HOP_BY_HOP.contains(&name.as_str()))
            .map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                (name.as_str().to_owned(), value)
            })
            .collect();
        let mut response = Response {
            headers,
            ..Response::text(head.status.as_u16(), "")
        };
        let id = head.headers.get("mesos-stream-id");
        let id = id.and_then(|id| id.to_str().ok());
        match id.filter(|_| request.call_type() == Some(Type::Subscribe)) {
            Some(id) => {
                let json = head.headers.get("content-type");
                let encoding = match json.is_some_and(|found| found == JSON) {
                    true => Encoding::Json,
                    false => Encoding::Protobuf,
                };
                let clock = self.clock.clone();
                let over = move |stream| clock.now(Action::StreamClosed(stream));
                let (stream, events) = Stream::open(id.to_owned(), encoding, muted, over);
                self.control.streams.push(stream.clone());
                tokio::spawn(pass_on(stream, body, connection));
                response.events = Some(events);
            }
            None => {
                let text = body.collect().await.map_err(io::Error::other)?.to_bytes();
                response.text = String::from_utf8_lossy(&text).into_owned();
            }
        }
        Ok(response)
    }
}

/// A connection that is closed on drop.
struct Closed(JoinHandle<()>);

impl Drop for Closed {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Forwards the events, record by record, until one of the two streams ends.
async fn pass_on(stream: Stream, mut body: Incoming, _connection: Closed) {
    let mut unread = BytesMut::new();
    loop {
        let frame = tokio::select! {
            frame = body.frame() => frame,
            () = stream.abandoned() => return,
        };
        match frame {
            None => return stream.end(),
            Some(Err(_)) => return stream.cut(),
            Some(Ok(frame)) => {
                if let Ok(bytes) = frame.into_data() {
                    unread.extend_from_slice(&bytes);
                }
            }
        }
        while let Some(record) = next_record(&mut unread) {
            let event: Event = stream.encoding().decode(&record).unwrap_or_default();
            if let Some(subscribed) = &event.subscribed {
                stream.set_owner(subscribed.framework_id.as_str());
            }
            if event.r#type() != event::Type::Heartbeat || stream.wants_heartbeats() {
                stream.send_record(record);
            }
        }
    }
}
