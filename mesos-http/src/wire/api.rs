//! What differs between the scheduler API and the executor API over HTTP.

use std::time::Duration;

use bytes::Bytes;
use mesos_core::Endpoint;
use mesos_core::backend::{Api, ExecutorApi, SchedulerApi};
use mesos_proto::v1::{executor, scheduler};

use super::codec::Wire;
use super::offers_chunks::OffersChunks;

/// An [`Api`] as HTTP has it.
pub(crate) trait HttpApi: Api<Call: Wire, Event: Wire> {
    /// Without the endpoint's prefix.
    const PATH: &'static str;

    /// Who answers it, for messages.
    const PEER: &'static str;

    /// Whether a subscription has a `Mesos-Stream-Id`, and calls have to name
    /// it. Agents know an executor by its connection alone.
    const STREAM_ID: bool;

    /// Whether a call that is not answered, or that the peer knows no
    /// subscription for, ends the subscription that it was made in. To an
    /// executor only its connection counts (docs/executor-http-api.md,
    /// "Disconnections"): one without checkpointing would end its tasks with it.
    const CALLS_CAN_END_IT: bool;

    /// The other place of the API at a peer that has no API at `endpoint`.
    fn other_prefix(endpoint: &Endpoint) -> Option<Endpoint>;

    /// Whether the answer to `call` has to be there before the next one is
    /// written.
    fn goes_alone(call: &Self::Call) -> bool;

    /// How often the peer sends something, if this event announces it.
    fn heartbeat(event: &Self::Event) -> Option<Duration>;

    /// The events that an encoded `event` is cut into because it is large.
    fn chunks(event: &Bytes) -> Option<OffersChunks>;
}

/// What masters announce (`DEFAULT_HEARTBEAT_INTERVAL` in
/// src/master/constants.hpp); in use when one announces nonsense.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(15);

impl HttpApi for SchedulerApi {
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

    fn goes_alone(call: &scheduler::Call) -> bool {
        use scheduler::call::Type;
        matches!(call.r#type(), Type::UpdateFramework | Type::Teardown)
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
    const PATH: &'static str = "/api/v1/executor";
    const PEER: &'static str = "Mesos agent";
    const STREAM_ID: bool = false;
    const CALLS_CAN_END_IT: bool = false;

    /// The id of the agent's process has no other form.
    fn other_prefix(_: &Endpoint) -> Option<Endpoint> {
        None
    }

    /// An agent handles each call when it arrives (src/slave/http.cpp).
    fn goes_alone(_: &executor::Call) -> bool {
        false
    }

    /// Agents send heartbeats every 30 minutes (src/slave/constants.hpp), to
    /// keep the connection in the tables of firewalls; too seldom to tell
    /// anything by.
    fn heartbeat(_: &executor::Event) -> Option<Duration> {
        None
    }

    /// None is large: what an agent sends is about one task or one group.
    fn chunks(_: &Bytes) -> Option<OffersChunks> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_masters_interval_is_taken_unless_it_is_nonsense() {
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
        for nonsense in [
            None,
            Some(0.0),
            Some(-1.0),
            Some(f64::NAN),
            Some(f64::INFINITY),
        ] {
            assert_eq!(
                announced(nonsense),
                Some(HEARTBEAT_INTERVAL),
                "{nonsense:?}"
            );
        }
    }

    #[test]
    fn only_subscribed_announces_an_interval() {
        assert_eq!(SchedulerApi::heartbeat(&scheduler::Event::default()), None);
    }
}
