//! Reading the output of a container from its agent.

use std::time::Duration;

use crate::transport::patience::timeout;
use http::Response;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use mesos_core::{Endpoint, Error, ErrorKind, Result};
use mesos_proto::v1::agent::{ProcessIo, process_io};
use tokio::io::AsyncWriteExt;
use tokio::sync::watch;

use super::Stream;
use crate::transport::connection::Connection;
use crate::transport::settings::Settings;
use crate::wire::recordio::{Decoder, FrameError};

/// The interval of heartbeats (`DEFAULT_HTTP_HEARTBEAT_INTERVAL` in src/slave/constants.hpp), until
/// a heartbeat has another one.
const INTERVAL: Duration = Duration::from_secs(30);

pub(super) struct Output {
    agent: Endpoint,
    settings: Settings,
    body: Incoming,
    decoder: Decoder,
    interval: Duration,
    _connection: Connection,
}

impl Output {
    pub(super) fn new(
        agent: Endpoint,
        settings: Settings,
        connection: Connection,
        response: Response<Incoming>,
    ) -> Self {
        Self {
            agent,
            body: response.into_body(),
            decoder: Decoder::new(settings.max_record_size),
            interval: INTERVAL,
            settings,
            _connection: connection,
        }
    }

    /// Passes on the output until it ends, and reports how.
    pub(super) async fn run(
        mut self,
        stdout: Stream,
        stderr: Stream,
        ended: watch::Sender<Option<Result<()>>>,
    ) {
        let end = self.pass_on(stdout, stderr).await;
        if let Err(error) = &end {
            tracing::debug!(%error, "the output of the container was lost");
        }
        ended.send_replace(Some(end));
    }

    async fn pass_on(&mut self, stdout: Stream, stderr: Stream) -> Result<()> {
        // `None` after the program dropped the other end: the output is discarded.
        let (mut stdout, mut stderr) = (Some(stdout), Some(stderr));
        loop {
            while let Some(record) = self.decoder.next_record().map_err(|e| self.invalid(e))? {
                let what = format!("output of a container from {}", self.agent);
                let message: ProcessIo = self.settings.codec.decode(record, &what)?;
                let interval = message.control.and_then(|control| control.heartbeat);
                if let Some(interval) = interval.and_then(|heartbeat| heartbeat.interval) {
                    self.interval = Duration::from(interval).max(Duration::from_millis(1));
                }
                let Some(data) = message.data else { continue };
                let stream = match data.r#type() {
                    process_io::data::Type::Stdout => &mut stdout,
                    process_io::data::Type::Stderr => &mut stderr,
                    _ => continue,
                };
                if let Some(open) = stream
                    && open.write_all(data.data()).await.is_err()
                {
                    *stream = None;
                }
            }
            if !self.read().await? {
                return Ok(());
            }
        }
    }

    /// Reads more bytes; false at the end.
    async fn read(&mut self) -> Result<bool> {
        let limit = self
            .interval
            .saturating_mul(self.settings.missed_heartbeats);
        let agent = &self.agent;
        match timeout(limit, self.body.frame()).await {
            Err(_) => {
                let message = format!("received nothing from {agent} for {limit:?}");
                Err(Error::new(ErrorKind::HeartbeatLost, message))
            }
            Ok(None) => match self.decoder.finish() {
                Ok(()) => Ok(false),
                Err(cut) => Err(self.invalid(cut)),
            },
            Ok(Some(Err(source))) => {
                let message = format!("the output of the container from {agent} broke");
                Err(Error::new(ErrorKind::Transport, message).with_source(source))
            }
            Ok(Some(Ok(frame))) => {
                if let Ok(bytes) = frame.into_data() {
                    self.decoder.push(bytes);
                }
                Ok(true)
            }
        }
    }

    fn invalid(&self, source: FrameError) -> Error {
        let message = format!(
            "cannot read the output of the container from {}",
            self.agent
        );
        Error::new(ErrorKind::Protocol, message).with_source(source)
    }
}
