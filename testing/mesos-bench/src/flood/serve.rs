//! Connections: requests, responses in order, and the events of a subscription.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{interval, sleep, timeout};

use super::report::Report;
use super::request::{self, Request};
use super::scan;
use super::state::{Next, State};
use super::template::{self, Offers, Updates};
use super::{Options, Workload};
use mesos_testing::wire::{Encoding, JSON, PROTOBUF};

use crate::lock::lock;

const HEARTBEAT: Duration = Duration::from_secs(15);
/// The time for a client to notice the end.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);
const ACCEPTED: &[u8] =
    b"HTTP/1.1 202 Accepted\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Length: 0\r\n\r\n";

/// The state that the connections share.
#[derive(Debug)]
pub(super) struct Master {
    options: Options,
    state: Mutex<State>,
    started: Instant,
    /// The same time, since 1970.
    started_at: Duration,
    /// Notifies the writer that there may be something to send.
    more: Notify,
    /// Notifies when a subscription begins, or something has ended.
    turn: Notify,
}

/// The response to a request.
enum Reply {
    Accepted,
    Subscribed(Encoding),
    Refused(&'static str, String),
}

impl Master {
    pub(super) fn new(options: Options) -> Self {
        Self {
            state: Mutex::new(State::new(&options)),
            options,
            started: Instant::now(),
            started_at: SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default(),
            more: Notify::new(),
            turn: Notify::new(),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // No code can panic while it holds this lock.
        lock(&self.state)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Serves until everything is done, the client disconnects, or the idle timeout is over.
    pub(super) async fn run(
        self: Arc<Self>,
        listener: std::net::TcpListener,
    ) -> io::Result<Report> {
        let listener = TcpListener::from_std(listener)?;
        if let Workload::Failover { times, down } = self.options.workload {
            self.fail_over(listener, times, down).await?;
        } else {
            let mut connections = JoinSet::new();
            tokio::select! {
                result = Arc::clone(&self).accept(&listener, &mut connections) => result?,
                () = self.over() => {}
            }
            let goodbye = async { while connections.join_next().await.is_some() {} };
            // Connections that are still open then are closed.
            let _ = timeout(CLOSE_TIMEOUT, goodbye).await;
        }
        let mut report = self.state().report();
        report.since += self.started_at.as_secs_f64();
        Ok(report)
    }

    async fn accept(
        self: Arc<Self>,
        listener: &TcpListener,
        connections: &mut JoinSet<()>,
    ) -> io::Result<()> {
        loop {
            let (socket, _) = listener.accept().await?;
            socket.set_nodelay(true)?;
            self.state().connections += 1;
            let master = Arc::clone(&self);
            connections.spawn(async move {
                // The client notices a broken connection.
                let _ = master.serve_connection(socket).await;
                master.turn.notify_one();
            });
            while connections.try_join_next().is_some() {}
        }
    }

    /// Completes when there is nothing left to do.
    async fn over(&self) {
        let mut ticks = interval(self.options.idle_timeout / 4);
        let (mut before, mut idle) = (0, 0);
        loop {
            tokio::select! {
                () = self.turn.notified() => {}
                _ = ticks.tick() => idle += 1,
            }
            let state = self.state();
            let progress = state.progress();
            if progress != before {
                (before, idle) = (progress, 0);
            }
            // There may not have been a client yet.
            let stuck = idle > 4 && state.generation() > 0;
            if stuck || state.is_done() {
                return;
            }
        }
    }

    /// Stops and returns this number of times, each time some time after a subscription.
    async fn fail_over(
        self: &Arc<Self>,
        mut listener: TcpListener,
        times: u32,
        down: Duration,
    ) -> io::Result<()> {
        let address: SocketAddr = listener.local_addr()?;
        let mut returned: Option<Instant> = None;
        for round in 0..=times {
            let mut connections = JoinSet::new();
            let before = self.state().generation();
            let subscribed = async {
                while self.state().generation() == before {
                    self.turn.notified().await;
                }
            };
            let idle_timeout = if round == 0 {
                Duration::MAX
            } else {
                self.options.idle_timeout
            };
            tokio::select! {
                result = Arc::clone(self).accept(&listener, &mut connections) => result?,
                () = subscribed => {}
                () = sleep(idle_timeout) => return Ok(()),
            }
            if let Some(returned) = returned {
                let took = returned.elapsed().as_micros();
                let took = u64::try_from(took).unwrap_or(u64::MAX);
                self.state().returns.push(took);
            }
            if round == times {
                break;
            }
            // The client has to receive SUBSCRIBED, and to make its next attempt at a random moment
            // of the downtime.
            tokio::select! {
                result = Arc::clone(self).accept(&listener, &mut connections) => result?,
                () = sleep(Duration::from_millis(fastrand::u64(20..60))) => {}
            }
            drop(listener);
            connections.shutdown().await;
            sleep(down.mul_f64(0.5 + fastrand::f64())).await;
            listener = TcpListener::bind(address).await?;
            returned = Some(Instant::now());
        }
        Ok(())
    }

    /// Serves one connection to its end.
    async fn serve_connection(&self, mut socket: TcpStream) -> io::Result<()> {
        let mut buffer = BytesMut::with_capacity(128 << 10);
        let mut out = Vec::new();
        loop {
            buffer.reserve(64 << 10);
            if socket.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
            let now = self.now();
            let mut close = false;
            let mut subscribed = None;
            while !close && subscribed.is_none() {
                let request = match request::first(&buffer) {
                    Ok(Some(request)) => request,
                    Ok(None) => break,
                    Err(request::NotHttp) => {
                        self.state().refuse("not HTTP");
                        out.extend_from_slice(
                            b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
                        );
                        close = true;
                        break;
                    }
                };
                close = request.close;
                let size = request.size;
                match self.answer(&request, now) {
                    Reply::Accepted => out.extend_from_slice(ACCEPTED),
                    Reply::Subscribed(encoding) => subscribed = Some(encoding),
                    Reply::Refused(status, text) => {
                        self.state().refuse(&text);
                        let length = text.len();
                        let answer =
                            format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{text}");
                        out.extend_from_slice(answer.as_bytes());
                    }
                }
                buffer.advance(size);
            }
            self.more.notify_one();
            socket.write_all(&out).await?;
            out.clear();
            if self.state().is_done() {
                self.turn.notify_one();
            }
            if let Some(encoding) = subscribed {
                // Libprocess sends responses in order, and this response has no end: later requests
                // on this connection are never answered.
                let ended = self.stream(socket, encoding).await;
                self.state().left();
                return ended;
            }
            if close {
                return socket.shutdown().await;
            }
        }
    }

    fn answer(&self, request: &Request<'_>, now: u64) -> Reply {
        let refused = |status, text: &str| Reply::Refused(status, text.to_owned());
        let path = request.path.trim_start_matches("/master");
        if path != "/api/v1/scheduler" {
            return refused("404 Not Found", "the scheduler API is at /api/v1/scheduler");
        }
        if request.method != "POST" {
            return refused("405 Method Not Allowed", "Expecting one of { 'POST' }");
        }
        let media_type = request.content_type.unwrap_or_default();
        let call = if media_type == PROTOBUF.as_bytes() {
            scan::protobuf(&request.body)
        } else if media_type == JSON.as_bytes() {
            scan::json(&request.body)
        } else {
            let text = "Expecting 'Content-Type' of application/json or application/x-protobuf";
            return refused("415 Unsupported Media Type", text);
        };
        let Some(call) = call else {
            return refused("400 Bad Request", "Failed to parse body into Call");
        };
        if call == scan::Call::Other(1) {
            return match Encoding::acceptable(request.accept) {
                Some(encoding) => Reply::Subscribed(encoding),
                None => refused(
                    "406 Not Acceptable",
                    "Expecting 'Accept' to allow an encoding",
                ),
            };
        }
        let mut state = self.state();
        let generation = state.generation();
        let Some(stream_id) = request.stream_id else {
            let text = "All non-subscribe calls should include the 'Mesos-Stream-Id' header";
            return refused("400 Bad Request", text);
        };
        if generation == 0 {
            return refused("403 Forbidden", "Framework is not subscribed");
        }
        if stream_id != self.stream_id(generation).as_slice() {
            let text = "The stream ID does not match the one of the framework's subscription";
            return refused("400 Bad Request", text);
        }
        state.call(&call, now);
        Reply::Accepted
    }

    /// As long as a uuid, but without an allocation.
    fn stream_id(&self, generation: u64) -> [u8; 36] {
        let mut id = *b"f100d000-0000-4000-8000-000000000000";
        let mut rest = generation;
        for digit in id.iter_mut().rev().take(12) {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        id
    }

    /// Sends events until the client or the next subscription ends the stream.
    async fn stream(&self, mut socket: TcpStream, encoding: Encoding) -> io::Result<()> {
        let updates = Updates::new(encoding, true);
        let answers = Updates::new(encoding, false);
        let mut offers = match self.options.workload {
            Workload::Offers { offers, .. } => Some(Offers::new(encoding, offers)),
            _ => None,
        };
        let heartbeat = template::heartbeat(encoding);
        let name = match encoding {
            Encoding::Json => "json",
            Encoding::Protobuf => "protobuf",
        };
        let generation = self.state().subscribe(name);
        let id = self.stream_id(generation);
        let mut out = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {}\r\nMesos-Stream-Id: {}\r\nTransfer-Encoding: chunked\r\n\r\n",
            encoding.media_type(),
            String::from_utf8_lossy(&id),
        )
        .into_bytes();
        out.extend_from_slice(&template::subscribed(encoding, HEARTBEAT));
        socket.write_all(&out).await?;
        self.turn.notify_one();
        // Wakes the writer of the previous subscription.
        self.more.notify_one();
        let (mut reader, mut writer) = socket.split();
        let mut ignored = [0; 512];
        loop {
            out.clear();
            let next = self
                .state()
                .next(generation, self.now(), &mut out, (&updates, &answers));
            match (&next, &mut offers) {
                (Next::Over, _) => {
                    // The end of a chunked body.
                    writer.write_all(b"0\r\n\r\n").await?;
                    return writer.shutdown().await;
                }
                (Next::Offers(first), Some(offers)) => {
                    let event = offers.numbered(*first);
                    writer.write_all(event).await?;
                    self.state().written(&next, event.len(), self.now());
                    continue;
                }
                (Next::Written(_), _) => {
                    writer.write_all(&out).await?;
                    self.state().written(&next, out.len(), self.now());
                    // Lets acknowledgements be read between two batches.
                    tokio::task::yield_now().await;
                    continue;
                }
                _ => {}
            }
            tokio::select! {
                () = self.more.notified() => {}
                () = sleep(HEARTBEAT) => writer.write_all(&heartbeat).await?,
                read = reader.read(&mut ignored) => if read? == 0 {
                    return Ok(());
                },
            }
        }
    }
}
