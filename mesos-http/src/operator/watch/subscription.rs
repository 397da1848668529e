//! One subscription to the events of a cluster.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use mesos_core::backend::blocking;
use mesos_core::{Endpoint, Error, ErrorKind, Result};
use mesos_proto::v1::master::{self, call::Type};

use super::{ClusterEvent, HEARTBEAT_INTERVAL};
use crate::detect::Sighting;
use crate::operator::OperatorClient;
use crate::target::Peer;
use crate::transport::connection::Connection;
use crate::transport::patience::timeout;
use crate::transport::settings::Settings;
use crate::wire::recordio::{Decoder, FrameError};

/// Records of at least this size, in bytes, are decoded on a thread for blocking work: a snapshot
/// can take longer than a second.
const LARGE: usize = 1 << 20;

/// A subscription. Dropping it closes the connection.
pub(super) struct Subscription {
    at: Endpoint,
    /// The leader at the time of the request, unless the client has one fixed endpoint.
    sighting: Option<Sighting>,
    body: Incoming,
    decoder: Decoder,
    /// `None` before the first event.
    interval: Option<Duration>,
    settings: Settings,
    _connection: Connection,
}

impl Subscription {
    /// One attempt to subscribe, at each master that is known.
    pub(super) async fn open(client: &OperatorClient) -> Result<Self> {
        let call = master::Call {
            r#type: Some(Type::Subscribe.into()),
            ..Default::default()
        };
        let name = Type::Subscribe.as_str_name();
        let settings = client.settings();
        let body = settings.codec.encode(&call)?;
        let leader = match &client.target().peer {
            Peer::Endpoint(master) => return Self::at(client, master, None, name, &body).await,
            Peer::Leader(leader) => leader,
        };
        let sighting = leader.find(settings.connect_timeout).await?;
        let mut errors = Vec::new();
        for master in sighting.masters() {
            match Self::at(client, master, Some(&sighting), name, &body).await {
                Ok(subscription) => {
                    sighting.accepted_by(master);
                    return Ok(subscription);
                }
                Err(error) if error.is_retryable() => errors.push(error),
                Err(error) => return Err(error),
            }
        }
        Err(Sighting::failed(name, errors))
    }

    async fn at(
        client: &OperatorClient,
        master: &Endpoint,
        sighting: Option<&Sighting>,
        name: &'static str,
        body: &Bytes,
    ) -> Result<Self> {
        let (at, connection, response) = client.open_stream(master, name, body).await?;
        let settings = client.settings().clone();
        Ok(Self {
            at,
            sighting: sighting.cloned(),
            body: response.into_body(),
            decoder: Decoder::new(settings.max_record_size),
            interval: None,
            settings,
            _connection: connection,
        })
    }

    /// The master, for messages.
    pub(super) fn peer(&self) -> &Endpoint {
        &self.at
    }

    /// The next event; `None` for an event without content, such as a heartbeat.
    pub(super) async fn next(&mut self) -> Result<Option<ClusterEvent>> {
        loop {
            match self.decoder.next_record().map_err(|e| self.invalid(e))? {
                Some(record) if record.is_empty() => {}
                Some(record) => return self.decode(record).await,
                None => self.read().await?,
            }
        }
    }

    /// Reads until more bytes have arrived. Only the time spent here counts as silence.
    async fn read(&mut self) -> Result<()> {
        let limit = match self.interval {
            Some(interval) => interval.saturating_mul(self.settings.missed_heartbeats),
            None => self.settings.response_timeout,
        };
        let moved = async {
            match &self.sighting {
                Some(sighting) => sighting.left(&self.at, "the event stream").await,
                None => std::future::pending().await,
            }
        };
        let frame = tokio::select! {
            biased;
            frame = timeout(limit, self.body.frame()) => frame,
            error = moved => return Err(error),
        };
        let at = &self.at;
        match frame {
            Err(_) => {
                let message = format!("received nothing from {at} for {limit:?}");
                Err(Error::new(ErrorKind::HeartbeatLost, message))
            }
            Ok(None) => {
                let error = Error::new(
                    ErrorKind::Transport,
                    format!("{at} ended the event stream of the cluster"),
                );
                Err(match self.decoder.finish() {
                    Ok(()) => error,
                    Err(cut) => error.with_source(cut),
                })
            }
            Ok(Some(Err(source))) => {
                let message = format!("the event stream of the cluster from {at} broke");
                Err(Error::new(ErrorKind::Transport, message).with_source(source))
            }
            Ok(Some(Ok(frame))) => {
                if let Ok(bytes) = frame.into_data() {
                    self.decoder.push(bytes);
                }
                Ok(())
            }
        }
    }

    fn invalid(&self, source: FrameError) -> Error {
        let message = format!(
            "cannot read the event stream of the cluster from {}",
            self.at
        );
        Error::new(ErrorKind::Protocol, message).with_source(source)
    }

    async fn decode(&mut self, record: Bytes) -> Result<Option<ClusterEvent>> {
        let (codec, what) = (self.settings.codec, format!("event from {}", self.at));
        let large = record.len() >= LARGE;
        let decode = move || codec.decode_boxed::<master::Event>(record, &what);
        let event = if large {
            blocking(decode).await.map_err(|source| {
                let message = "cannot decode an event";
                Error::new(ErrorKind::Backend, message).with_source(source)
            })??
        } else {
            decode()?
        };
        if let Some(subscribed) = &event.subscribed {
            let announced = subscribed.heartbeat_interval_seconds;
            let announced = announced
                .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
                .filter(|interval| !interval.is_zero());
            self.interval = Some(announced.unwrap_or(HEARTBEAT_INTERVAL));
        }
        Ok(ClusterEvent::from_message(*event))
    }
}
