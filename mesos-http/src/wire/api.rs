//! The differences between the scheduler API and the executor API over HTTP.

use std::time::Duration;

use bytes::Bytes;
use mesos_core::Endpoint;
use mesos_core::backend::{Api, ExecutorApi, SchedulerApi};
use mesos_proto::v1::{executor, scheduler};

use super::codec::Wire;
use super::offers_chunks::OffersChunks;

/// An [`Api`] over HTTP.
pub(crate) trait HttpApi: Api<Call: Wire, Event: Wire> {
    /// Whether the events can be OFFERS and UPDATE, which need not be decoded.
    const HAS_OFFERS: bool;

    /// The path, without the endpoint's prefix.
    const PATH: &'static str;

    /// The peer, for messages.
    const PEER: &'static str;

    /// Whether a subscription has a `Mesos-Stream-Id`, which its calls have to send. An agent
    /// identifies an executor by its connection alone.
    const STREAM_ID: bool;

    /// Whether a call ends its subscription if the call is not answered, or if the peer does not know
    /// the subscription. For an executor only the connection counts (docs/executor-http-api.md,
    /// "Disconnections"): an executor without checkpointing would end its tasks with the
    /// subscription.
    const CALLS_CAN_END_IT: bool;

    /// The other place of the API at a peer that has no API at `endpoint`.
    fn other_prefix(endpoint: &Endpoint) -> Option<Endpoint>;

    /// Whether a call of this type has to be answered before the next call is written.
    fn goes_alone(call_type: Self::CallType) -> bool;

    /// The heartbeat interval, if `event` announces it.
    fn heartbeat(event: &Self::Event) -> Option<Duration>;

    /// The smaller events that a large `event` in protobuf is split into.
    fn chunks(event: &Bytes) -> Option<OffersChunks>;
}

/// The interval that masters announce (`DEFAULT_HEARTBEAT_INTERVAL` in src/master/constants.hpp).
/// Used if a master announces an invalid one.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(15);

impl HttpApi for SchedulerApi {
    const HAS_OFFERS: bool = true;
    const PATH: &'static str = "/api/v1/scheduler";
    const PEER: &'static str = "Mesos master";
    const STREAM_ID: bool = true;
    const CALLS_CAN_END_IT: bool = true;

    /// A master serves the API at `/master/api/v1` and, as the delegate of its libprocess, at
    /// `/api/v1` (src/master/main.cpp). A proxy may pass on only one of them.
    fn other_prefix(endpoint: &Endpoint) -> Option<Endpoint> {
        let prefix = endpoint.prefix();
        let other = match prefix.strip_suffix("/master") {
            Some(parent) => parent.to_owned(),
            None => format!("{prefix}/master"),
        };
        endpoint.clone().with_prefix(&other).ok()
    }

    fn goes_alone(call_type: scheduler::call::Type) -> bool {
        use scheduler::call::Type;
        matches!(call_type, Type::UpdateFramework | Type::Teardown)
    }

    fn heartbeat(event: &scheduler::Event) -> Option<Duration> {
        let subscribed = event.subscribed.as_ref()?;
        let announced = subscribed
            .heartbeat_interval_seconds
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .filter(|interval| !interval.is_zero());
        Some(announced.unwrap_or(HEARTBEAT_INTERVAL))
    }

    fn chunks(event: &Bytes) -> Option<OffersChunks> {
        OffersChunks::new(event)
    }
}

impl HttpApi for ExecutorApi {
    const HAS_OFFERS: bool = false;
    const PATH: &'static str = "/api/v1/executor";
    const PEER: &'static str = "Mesos agent";
    const STREAM_ID: bool = false;
    const CALLS_CAN_END_IT: bool = false;

    /// The id of the agent's process has no other form.
    fn other_prefix(_: &Endpoint) -> Option<Endpoint> {
        None
    }

    /// An agent handles each call on arrival (src/slave/http.cpp).
    fn goes_alone(_: executor::call::Type) -> bool {
        false
    }

    /// Agents send heartbeats every 30 minutes (src/slave/constants.hpp), to keep the connection in
    /// the tables of firewalls. This is too rare to detect a dead connection.
    fn heartbeat(_: &executor::Event) -> Option<Duration> {
        None
    }

    /// No event is large: an event from an agent is about one task or one task group.
    fn chunks(_: &Bytes) -> Option<OffersChunks> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_masters_interval_is_used_if_it_is_valid() {
        let announced = |seconds| {
            SchedulerApi::heartbeat(&scheduler::Event {
                subscribed: Some(scheduler::event::Subscribed {
                    heartbeat_interval_seconds: seconds,
                    ..Default::default()
                }),
                ..Default::default()
            })
        };
        assert_eq!(announced(Some(0.5)), Some(Duration::from_millis(500)));
        assert_eq!(announced(Some(30.0)), Some(Duration::from_secs(30)));
        for invalid in [
            None,
            Some(0.0),
            Some(-1.0),
            Some(f64::NAN),
            Some(f64::INFINITY),
        ] {
            assert_eq!(announced(invalid), Some(HEARTBEAT_INTERVAL), "{invalid:?}");
        }
    }

    #[test]
    fn only_subscribed_announces_an_interval() {
        assert_eq!(SchedulerApi::heartbeat(&scheduler::Event::default()), None);
    }
}
