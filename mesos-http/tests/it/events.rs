//! The events of a subscription: order, ends, silence, backpressure.

use std::time::Duration;

use bytes::Bytes;
use mesos_core::backend::Incoming;
use mesos_core::{ErrorKind, error_chain};
use mesos_proto::v1::scheduler::event;
use mesos_proto::v1::{self, TaskState, TaskStatus, scheduler};
use tokio::time::timeout;

use crate::peer::*;

#[tokio::test]
async fn events_do_not_depend_on_how_the_stream_is_split() {
    let server = Server::start().await;
    let (mut subscription, mut peer) = server.subscribed(server.backend()).await;
    let events = [subscribed(15.0), heartbeat(), error("a"), error("b")];
    let records: Vec<Vec<u8>> = events.iter().map(record).collect();

    // Two records in one chunk.
    peer.chunk([&records[0][..], &records[1]].concat()).await;
    assert_eq!(next(&mut subscription).await, events[0]);
    assert_eq!(next(&mut subscription).await, events[1]);

    // One record in three chunks, the first of which ends within the length.
    peer.chunk(&records[2][..1]).await;
    peer.chunk(&records[2][1..4]).await;
    peer.chunk(&records[2][4..]).await;
    assert_eq!(next(&mut subscription).await, events[2]);

    // And byte by byte, in chunks that the socket splits.
    for byte in &records[3] {
        for part in chunk(&[*byte]).chunks(2) {
            peer.send(part).await;
        }
    }
    assert_eq!(next(&mut subscription).await, events[3]);
}

#[tokio::test]
async fn an_event_type_of_a_newer_mesos_does_not_end_the_stream() {
    let server = Server::start().await;
    let (mut subscription, mut peer) = server.subscribed(server.backend()).await;
    // Type 99, and an unknown field 200.
    peer.chunk(b"7\n\x08\x63\xc2\x0c\x02hi").await;
    peer.chunk(record(&heartbeat())).await;
    assert_eq!(next(&mut subscription).await.r#type, Some(99));
    assert_eq!(next(&mut subscription).await, heartbeat());
}

#[tokio::test]
async fn invalid_utf_8_does_not_end_the_stream() {
    let server = Server::start().await;
    let (mut subscription, mut peer) = server.subscribed(server.backend()).await;
    let mut bytes = record(&error("text"));
    let at = bytes.len() - 4;
    bytes[at..].copy_from_slice(b"t\xfft\xe2");
    peer.chunk(&bytes).await;
    peer.chunk(record(&heartbeat())).await;
    let incoming = soon("an event", subscription.events.next()).await.unwrap();
    let Incoming::Event(event, raw) = incoming else {
        panic!("{incoming:?}");
    };
    assert_eq!(*event, error("t\u{fffd}t\u{fffd}"));
    assert!(raw.ends_with(b"t\xfft\xe2"), "as it was sent");
    assert_eq!(next(&mut subscription).await, heartbeat());
}

#[tokio::test]
async fn a_stream_that_ends_while_the_socket_stays_open_ends_the_subscription() {
    let server = Server::start().await;
    let (mut subscription, mut peer) = server.subscribed(server.backend()).await;
    peer.chunk(record(&heartbeat())).await;
    peer.send("0\r\n\r\n").await;
    assert_eq!(next(&mut subscription).await, heartbeat());
    let error = end(&mut subscription).await;
    assert_eq!(error.kind(), ErrorKind::Transport);
    assert!(error.is_retryable());
    let at = &server.address;
    assert_eq!(
        error_chain(&error),
        format!("http://{at} ended the event stream")
    );
    peer.closed().await;
}

#[tokio::test]
async fn a_stream_that_ends_within_a_record_is_an_error_with_the_missing_bytes() {
    let server = Server::start().await;
    let (mut subscription, mut peer) = server.subscribed(server.backend()).await;
    peer.chunk(record(&heartbeat())).await;
    peer.chunk("100\nten bytes.").await;
    peer.send("0\r\n\r\n").await;
    assert_eq!(next(&mut subscription).await, heartbeat());
    let error = end(&mut subscription).await;
    assert_eq!(error.kind(), ErrorKind::Transport);
    assert_eq!(
        error_chain(&error),
        format!(
            "http://{} ended the event stream: the stream ended within the record at byte 4: \
             received 10 of 100 bytes, 90 are missing",
            server.address
        )
    );
}

#[tokio::test]
async fn a_broken_connection_ends_the_stream() {
    let server = Server::start().await;
    let (mut subscription, mut peer) = server.subscribed(server.backend()).await;
    peer.chunk(record(&heartbeat())).await;
    peer.hang_up().await;
    assert_eq!(next(&mut subscription).await, heartbeat());
    let error = end(&mut subscription).await;
    assert_eq!(error.kind(), ErrorKind::Transport);
    assert!(error.is_retryable());
    let at = &server.address;
    assert_eq!(
        error.to_string(),
        format!("the event stream from http://{at} broke")
    );
}

#[tokio::test]
async fn invalid_bytes_end_the_stream_after_the_events_before_them() {
    let server = Server::start().await;
    let (mut subscription, mut peer) = server.subscribed(server.backend()).await;
    peer.chunk(
        [
            record(&heartbeat()),
            b"<html>".to_vec(),
            record(&heartbeat()),
        ]
        .concat(),
    )
    .await;
    assert_eq!(next(&mut subscription).await, heartbeat());
    let error = end(&mut subscription).await;
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert_eq!(
        error_chain(&error),
        format!(
            "cannot read the event stream from http://{}: at byte 4 of the stream: expected the \
             length of a record in decimal digits and a line feed, found \"<\"; the peer does not \
             speak RecordIO",
            server.address
        )
    );
    peer.closed().await;
}

#[tokio::test]
async fn a_record_that_cannot_be_decoded_ends_the_stream() {
    let server = Server::start().await;
    let (mut subscription, mut peer) = server.subscribed(server.backend()).await;
    peer.chunk("3\n\u{7f}\u{7f}\u{7f}").await;
    let error = end(&mut subscription).await;
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert_eq!(
        error.to_string(),
        format!(
            "cannot decode event from http://{} as protobuf (3 bytes)",
            server.address
        )
    );
}

#[tokio::test]
async fn a_record_over_the_limit_ends_the_stream_and_names_the_limit() {
    let server = Server::start().await;
    let backend = server.backend().max_record_size(1000);
    let (mut subscription, mut peer) = server.subscribed(backend).await;
    peer.chunk("1001\n").await;
    let error = end(&mut subscription).await;
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert_eq!(
        error_chain(&error),
        format!(
            "cannot read the event stream from http://{}: at byte 0 of the stream: the record has \
             1001 bytes, the limit is 1000 bytes; if the peer is Mesos, raise the limit \
             (`max_record_size`)",
            server.address
        )
    );
}

#[tokio::test]
async fn silence_for_some_heartbeat_intervals_ends_the_stream() {
    let server = Server::start().await;
    let backend = server.backend().missed_heartbeats(3);
    let (mut subscription, mut peer) = server.subscribed(backend).await;
    peer.chunk(record(&subscribed(0.05))).await;
    next(&mut subscription).await;
    let error = end(&mut subscription).await;
    assert_eq!(error.kind(), ErrorKind::HeartbeatLost);
    assert!(error.is_retryable());
    assert_eq!(
        error.to_string(),
        format!(
            "received nothing from http://{} for 150ms (3 times the heartbeat interval)",
            server.address
        )
    );
    peer.closed().await;
}

#[tokio::test]
async fn any_byte_keeps_the_stream_alive() {
    let server = Server::start().await;
    let backend = server.backend().missed_heartbeats(4);
    let (mut subscription, mut peer) = server.subscribed(backend).await;
    peer.chunk(record(&subscribed(0.1))).await;
    next(&mut subscription).await;
    // A large event that takes twice the limit to arrive: no complete record in this time, but bytes.
    let large = record(&error("slow"));
    for byte in &large[..8] {
        // sleep: the test is about a slow peer.
        tokio::time::sleep(Duration::from_millis(100)).await;
        peer.chunk([*byte]).await;
    }
    peer.chunk(&large[8..]).await;
    assert_eq!(next(&mut subscription).await, error("slow"));
}

#[tokio::test]
async fn a_missing_first_event_ends_the_stream() {
    let server = Server::start().await;
    let backend = server
        .backend()
        .response_timeout(Duration::from_millis(100));
    let (mut subscription, _peer) = server.subscribed(backend).await;
    let error = end(&mut subscription).await;
    assert_eq!(error.kind(), ErrorKind::HeartbeatLost);
    assert_eq!(
        error.to_string(),
        format!(
            "received nothing from http://{} for 100ms (not even the first event)",
            server.address
        )
    );
}

#[tokio::test]
async fn a_slow_consumer_is_not_mistaken_for_a_silent_master() {
    let server = Server::start().await;
    let backend = server.backend().missed_heartbeats(2).event_queue(1);
    let (mut subscription, mut peer) = server.subscribed(backend).await;
    peer.chunk(record(&subscribed(0.1))).await;
    for event in ["a", "b", "c", "d"] {
        peer.chunk(record(&error(event))).await;
    }
    // sleep: longer than the limit, while the queue is full.
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(next(&mut subscription).await, subscribed(0.1));
    for event in ["a", "b", "c", "d"] {
        assert_eq!(next(&mut subscription).await, error(event));
    }
    peer.chunk(record(&heartbeat())).await;
    assert_eq!(next(&mut subscription).await, heartbeat());
}

#[tokio::test]
async fn a_slow_consumer_slows_the_socket_and_loses_no_event() {
    let server = Server::start().await;
    let (mut subscription, mut peer) = server.subscribed(server.backend().event_queue(1)).await;
    // 64 MiB: more than the socket buffers of both sides.
    let event = error(&"x".repeat(1 << 20));
    let bytes = chunk(&record(&event)).repeat(64);
    let mut sending = tokio::spawn(async move {
        peer.send(bytes).await;
        peer
    });
    let stalled = timeout(Duration::from_millis(300), &mut sending).await;
    assert!(stalled.is_err(), "64 MiB went somewhere");
    for _ in 0..64 {
        assert_eq!(next(&mut subscription).await.error, event.error);
    }
    soon("the rest to be sent", sending).await.unwrap();
}

#[tokio::test]
async fn dropping_the_events_closes_the_connection() {
    let server = Server::start().await;
    let (subscription, peer) = server.subscribed(server.backend()).await;
    drop(subscription.events);
    peer.closed().await;
}

#[tokio::test]
async fn a_dropped_wait_loses_no_event() {
    let server = Server::start().await;
    let (mut subscription, mut peer) = server.subscribed(server.backend()).await;
    for round in 0..20 {
        let waiting = timeout(Duration::from_millis(1), subscription.events.next()).await;
        assert!(waiting.is_err());
        peer.chunk(record(&error(&round.to_string()))).await;
        assert_eq!(next(&mut subscription).await, error(&round.to_string()));
    }
}

#[tokio::test]
async fn a_large_offers_event_is_delivered_in_chunks_in_order_without_a_loss() {
    let server = Server::start().await;
    let (mut subscription, mut peer) = server.subscribed(server.backend()).await;
    let offer = |number: u32| v1::Offer {
        id: format!("o{number}").as_str().into(),
        hostname: "x".repeat(100),
        ..Default::default()
    };
    let sent: Vec<_> = (0..10_000).map(offer).collect();
    let event = scheduler::Event {
        r#type: Some(scheduler::event::Type::Offers as i32),
        offers: Some(scheduler::event::Offers {
            offers: sent.clone(),
        }),
        ..Default::default()
    };
    let records = [subscribed(15.0), event, heartbeat()];
    let bytes = records.map(|event| chunk(&record(&event))).concat();
    let sending = tokio::spawn(async move {
        peer.send(bytes).await;
        peer
    });
    assert_eq!(next(&mut subscription).await, subscribed(15.0));
    let (mut found, mut parts) = (Vec::new(), 0);
    loop {
        let event = next(&mut subscription).await;
        let Some(offers) = event.offers else {
            assert_eq!(event, heartbeat());
            break;
        };
        found.extend(offers.offers);
        parts += 1;
    }
    assert_eq!(found, sent);
    assert!(parts > 1, "it came whole");
    soon("all of it to be sent", sending).await.unwrap();
}

/// An OFFERS event with `count` offers.
fn usual_offers(count: u32) -> scheduler::Event {
    let offer = |number: u32| v1::Offer {
        id: format!("o{number}").as_str().into(),
        agent_id: "agent".into(),
        hostname: "x".repeat(100),
        resources: vec![v1::Resource::scalar("cpus", f64::from(number))],
        ..Default::default()
    };
    scheduler::Event {
        r#type: Some(scheduler::event::Type::Offers as i32),
        offers: Some(scheduler::event::Offers {
            offers: (0..count).map(offer).collect(),
        }),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_driver_receives_offers_undecoded_and_in_order_whatever_the_size_of_the_event() {
    let server = Server::start().await;
    let (mut subscription, mut peer) = server.subscribed(server.backend()).await;
    // Many of them continue after the end of a buffer.
    let sent = [1, 100, 5000, 300, 700, 1200, 90, 1700, 1500, 400, 1600].map(usual_offers);
    let records = [&[subscribed(15.0)], &sent[..], &[heartbeat()]].concat();
    let bytes: Vec<u8> = records
        .iter()
        .flat_map(|event| chunk(&record(event)))
        .collect();
    let sending = tokio::spawn(async move {
        peer.send(bytes).await;
        peer
    });
    assert_eq!(next(&mut subscription).await, subscribed(15.0));
    let mut found = Vec::new();
    loop {
        match subscription.events.next_encoded().await.expect("an event") {
            Incoming::Offers(offers) => {
                found.extend(offers.iter().map(|offer| offer.decode().0));
            }
            Incoming::Event(event, _) => {
                assert_eq!(*event, heartbeat());
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    let expected = sent.into_iter().filter_map(|event| event.offers);
    let expected: Vec<_> = expected.flat_map(|offers| offers.offers).collect();
    assert_eq!(found, expected);
    drop(sending.await.expect("sending"));
}

#[tokio::test]
async fn an_invalid_offer_ends_the_stream_before_any_offer_of_its_event_is_delivered() {
    let server = Server::start().await;
    let (mut subscription, mut peer) = server.subscribed(server.backend()).await;
    let mut invalid = record(&usual_offers(3)).to_vec();
    // The wire type of the name of the last resource.
    let name = invalid.windows(6).rposition(|part| part == b"\x0a\x04cpus");
    invalid[name.expect("a name")] = 0x0b;
    peer.send([chunk(&record(&subscribed(15.0))), chunk(&invalid)].concat())
        .await;
    assert_eq!(next(&mut subscription).await, subscribed(15.0));
    let error = subscription
        .events
        .next_encoded()
        .await
        .expect_err("invalid");
    assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
    let again = subscription.events.next_encoded().await.expect_err("ended");
    assert_eq!(again.to_string(), error.to_string());
}

#[tokio::test]
async fn a_large_record_that_cannot_be_decoded_ends_the_stream_and_the_connection() {
    let server = Server::start().await;
    let (mut subscription, mut peer) = server.subscribed(server.backend()).await;
    peer.chunk(record(&subscribed(15.0))).await;
    let garbage = [b"20000\n".to_vec(), vec![0xff; 20_000]].concat();
    peer.chunk(garbage).await;
    assert_eq!(next(&mut subscription).await, subscribed(15.0));
    let error = end(&mut subscription).await;
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(error.to_string().contains("20000 bytes"), "{error}");
    peer.closed().await;
}

#[tokio::test]
async fn the_queue_is_limited_in_bytes_and_a_larger_event_passes_alone() {
    const EVENTS: usize = 40;
    let server = Server::start().await;
    // Room for two events of slightly more than 1 MiB.
    let backend = server.backend().event_queue_bytes(3 << 20);
    let (mut subscription, mut stream) = server.subscribed(backend).await;
    stream.chunk(record(&subscribed(15.0))).await;
    assert_eq!(next(&mut subscription).await, subscribed(15.0));
    let text = |number: usize| format!("{number} {}", "x".repeat(1 << 20));
    let large = "y".repeat(5 << 20);
    let sending = tokio::spawn(async move {
        for number in 0..EVENTS {
            stream.chunk(record(&error(&text(number)))).await;
        }
        stream.chunk(record(&error(&large))).await;
        stream
    });
    soon("two events", async {
        while subscription.events.queued() < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    // sleep: only time can show that no further event is queued.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(subscription.events.queued(), 2);
    for number in 0..EVENTS {
        assert_eq!(next(&mut subscription).await, error(&text(number)));
        assert!(subscription.events.queued() <= 2);
    }
    let last = next(&mut subscription).await;
    assert_eq!(last.error.unwrap().message.len(), 5 << 20);
    drop(sending.await.unwrap());
}

#[tokio::test]
async fn a_kept_status_does_not_keep_the_buffer_that_it_was_read_into() {
    let server = Server::start().await;
    let (mut subscription, mut stream) = server.subscribed(server.backend()).await;
    let update = |uuid: &'static [u8]| scheduler::Event {
        r#type: Some(event::Type::Update.into()),
        update: Some(event::Update {
            status: TaskStatus {
                uuid: Some(Bytes::from_static(uuid)),
                ..TaskStatus::new("t", TaskState::TaskRunning)
            },
        }),
        ..Default::default()
    };
    let record = record(&update(b"0123456789abcdef"));
    stream.chunk(record.repeat(100)).await;
    let mut kept = Vec::new();
    for _ in 0..100 {
        let update = next(&mut subscription).await.update.unwrap();
        kept.push(update.status.uuid.unwrap());
    }
    // A uuid that shares its memory keeps all of that memory.
    let shared = kept.iter().filter(|uuid| !uuid.is_unique()).count();
    assert_eq!(shared, 0, "of 100");
}
