//! Chunks that are larger than the buffer.

use std::time::Duration;

use crate::peer::*;

#[tokio::test]
async fn a_part_of_a_chunk_keeps_the_stream_alive() {
    let server = Server::start().await;
    let backend = server.backend().missed_heartbeats(4);
    let (mut subscription, mut peer) = server.subscribed(backend).await;
    peer.chunk(record(&subscribed(0.1))).await;
    next(&mut subscription).await;
    // Larger than the buffer, so that it is passed as a whole. It takes twice the limit to arrive.
    let event = error(&"slow".repeat(16 << 10));
    let chunk = chunk(&record(&event));
    for part in chunk.chunks(chunk.len().div_ceil(8)) {
        // sleep: the test is about a slow peer.
        tokio::time::sleep(Duration::from_millis(100)).await;
        peer.send(part).await;
    }
    assert_eq!(next(&mut subscription).await, event);
}
