//! Events that are returned without waiting.

use mesos_core::ErrorKind;
use mesos_core::backend::Incoming;

use crate::peer::*;

#[tokio::test]
async fn events_that_have_arrived_are_returned_without_waiting_and_before_the_end() {
    let server = Server::start().await;
    let (mut subscription, mut peer) = server.subscribed(server.backend()).await;
    let events: Vec<_> = (0..300).map(|number| error(&number.to_string())).collect();
    let records: Vec<u8> = [subscribed(15.0)]
        .iter()
        .chain(&events)
        .flat_map(record)
        .collect();
    peer.chunk(records).await;
    assert_eq!(next(&mut subscription).await, subscribed(15.0));
    peer.send("0\r\n\r\n").await;
    let mut found = Vec::new();
    let end = loop {
        match subscription.events.next_ready() {
            Some(Ok(Incoming::Event(event, _))) => found.push(*event),
            Some(Ok(other)) => panic!("{other:?}"),
            Some(Err(end)) => break end,
            None => tokio::task::yield_now().await,
        }
    };
    assert_eq!(found, events);
    assert_eq!(end.kind(), ErrorKind::Transport);
    assert!(
        subscription
            .events
            .next_ready()
            .is_some_and(|next| next.is_err())
    );
}
