//! Events of masters and agents, from bytes to the enum that the runtime handles.

use std::fmt::Debug;
use std::mem::discriminant;

use bytes::Bytes;
use mesos_core::backend::{ExecutorApi, SchedulerApi};
use mesos_core::{ErrorKind, Result, executor, scheduler};
use mesos_proto::v1;

use crate::wire::api::HttpApi;
use crate::wire::codec::{Codec, Wire};
use crate::wire::undecoded::Undecoded;

/// Parses any bytes as a protobuf event of both APIs.
///
/// # Panics
/// If parsing panics, if an event changes on its way through JSON, or if an offer or an update that
/// was decoded later differs from that of the decoded event.
pub fn event_protobuf(data: &[u8]) {
    undecoded(Codec::Protobuf, data);
    read::<SchedulerApi, _>(Codec::Protobuf, data, scheduler::Event::lift);
    read::<ExecutorApi, _>(Codec::Protobuf, data, executor::Event::lift);
}

/// Parses any bytes as a JSON event of both APIs.
///
/// # Panics
/// See [`event_protobuf`].
pub fn event_json(data: &[u8]) {
    undecoded(Codec::Json, data);
    read::<SchedulerApi, _>(Codec::Json, data, scheduler::Event::lift);
    read::<ExecutorApi, _>(Codec::Json, data, executor::Event::lift);
}

/// Compares offers and updates that are decoded later with those of the decoded event.
fn undecoded(codec: Codec, data: &[u8]) {
    let record = Bytes::copy_from_slice(data);
    let event = || -> v1::scheduler::Event {
        let decoded = codec.decode(record.clone(), "an event");
        decoded.expect("what is decoded later was checked")
    };
    let mut undecoded = Undecoded::new(codec);
    // JSON is compared with the event before it.
    for _ in 0..2 {
        if let Some(offers) = undecoded.offers(&record) {
            let expected = event().offers.unwrap_or_default().offers;
            assert_eq!(offers.len(), expected.len());
            for (offer, expected) in offers.iter().zip(&expected) {
                assert_eq!(bytes(&offer.decode().0), bytes(expected));
                assert_eq!(offer.id(), expected.id.value);
                assert_eq!(offer.agent_id(), expected.agent_id.value);
            }
        }
        if let Some(update) = undecoded.update(&record) {
            let expected = event().update.unwrap_or_default().status;
            assert_eq!(bytes(&update.decode().0), bytes(&expected));
            assert_eq!(update.task_id(), expected.task_id.value);
            assert_eq!(update.uuid(), expected.uuid);
        }
    }
}

fn read<A: HttpApi, E: Debug>(
    codec: Codec,
    data: &[u8],
    lift: impl Fn(A::Event, Bytes) -> Result<E>,
) where
    A::Event: Wire + Clone + Debug,
{
    let record = Bytes::copy_from_slice(data);
    let event: A::Event = match codec.decode(record.clone(), "an event") {
        Ok(event) => event,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Decode);
            return;
        }
    };
    let _ = A::heartbeat(&event);
    let lifted = lift(event.clone(), record.clone());
    if let Err(error) = &lifted {
        assert_eq!(error.kind(), ErrorKind::Decode);
    }

    // Protobuf can encode whatever it can decode.
    let same: A::Event = there_and_back(Codec::Protobuf, &event).expect("it was decoded");
    assert_eq!(bytes(&same), bytes(&event));

    // JSON cannot: it refuses NaN, drops unknown fields and sets defaults. An event that came through
    // once comes through again without a change.
    let Some(once) = there_and_back(Codec::Json, &event) else {
        return;
    };
    let twice = there_and_back(Codec::Json, &once).expect("it came through once");
    assert_eq!(bytes(&once), bytes(&twice));
    match (lifted, lift(once, record)) {
        (Ok(before), Ok(after)) => assert_eq!(discriminant(&before), discriminant(&after)),
        (Err(_), Err(_)) => {}
        (before, after) => panic!("{before:?} became {after:?}"),
    }
}

/// `None` if the codec cannot represent the message.
fn there_and_back<M: Wire>(codec: Codec, message: &M) -> Option<M> {
    let sent = match codec.encode(message) {
        Ok(sent) => sent,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Config);
            return None;
        }
    };
    Some(
        codec
            .decode(sent, "what was just written")
            .expect("it is whole"),
    )
}

fn bytes(message: &impl Wire) -> Bytes {
    // Not `==`, for which NaN differs from itself.
    Codec::Protobuf
        .encode(message)
        .expect("protobuf has a form for all")
}
