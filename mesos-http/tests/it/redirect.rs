//! Redirects: which are followed, how many, and which are errors.

use mesos_core::ErrorKind;
use mesos_http::HttpBackend;

use crate::peer::*;
use crate::subscribe::refused;

#[tokio::test]
async fn a_redirect_is_followed_with_the_same_body_and_no_stream_id() {
    let (follower, leader) = (Server::start().await, Server::start().await);
    let client = subscribe(HttpBackend::new(follower.endpoint("/master").into()));
    let mut peer = follower.accept().await;
    let first = peer.request().await;
    let location = format!("Location: //{}/master/api/v1/scheduler\r\n", leader.address);
    // A stream id in a redirect would belong to the follower.
    let headers = format!("{location}Mesos-Stream-Id: stale\r\n");
    peer.respond("307 Temporary Redirect", &headers, "").await;

    let mut peer = leader.accept().await;
    let second = peer.request().await;
    assert_eq!(second.line, first.line);
    assert_eq!(second.body, first.body);
    assert_eq!(second.header("host"), Some(leader.address.as_str()));
    assert_eq!(second.header("mesos-stream-id"), None);
    peer.send(STREAM_HEAD).await;
    let subscription = soon("subscribe", client).await.unwrap().unwrap();
    assert_eq!(
        subscription.peer,
        format!("http://{}/master", leader.address)
    );

    // Calls go to the leader as well.
    let _answer = subscription.calls.send(kill("t")).await.unwrap();
    let mut peer = leader.accept().await;
    assert_eq!(
        peer.request().await.header("mesos-stream-id"),
        Some(STREAM_ID)
    );
    assert!(follower.is_quiet().await);
}

#[tokio::test]
async fn a_redirect_to_itself_is_not_followed() {
    let server = Server::start().await;
    let client = subscribe(server.backend());
    let mut peer = server.accept().await;
    peer.request().await;
    let location = format!("Location: //{}/api/v1/scheduler\r\n", server.address);
    peer.respond("307 Temporary Redirect", &location, "").await;
    let error = soon("subscribe", client).await.unwrap().unwrap_err();
    assert_eq!(
        (error.kind(), error.status()),
        (ErrorKind::NotLeader, Some(307))
    );
    assert!(error.is_retryable());
    assert_eq!(
        error.to_string(),
        format!(
            "http://{} redirects to itself; no leader is elected yet",
            server.address
        )
    );
    assert!(server.is_quiet().await);
}

#[tokio::test]
async fn two_masters_that_redirect_to_each_other_are_followed_a_few_times() {
    let (one, two) = (Server::start().await, Server::start().await);
    let client = subscribe(one.backend());
    for turn in 0..6 {
        let (here, there) = if turn % 2 == 0 {
            (&one, &two)
        } else {
            (&two, &one)
        };
        let mut peer = here.accept().await;
        peer.request().await;
        let location = format!("Location: //{}/api/v1/scheduler\r\n", there.address);
        peer.respond("307 Temporary Redirect", &location, "").await;
    }
    let error = soon("subscribe", client).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotLeader);
    assert!(error.is_retryable());
    assert_eq!(
        error.to_string(),
        format!(
            "redirected more than 5 times, from http://{} to http://{}; the masters do not agree \
             on a leader yet",
            one.address, one.address
        )
    );
    assert!(one.is_quiet().await && two.is_quiet().await);
}

#[tokio::test]
async fn a_redirect_without_a_location_or_to_another_api_is_an_error() {
    let (error, at) = refused(async |peer| {
        peer.respond("307 Temporary Redirect", "", "").await;
    })
    .await;
    assert_eq!(
        error.to_string(),
        format!("{at} redirects without a Location header")
    );
    let (error, at) = refused(async |peer| {
        peer.respond("307 Temporary Redirect", "Location: //sso/login\r\n", "")
            .await;
    })
    .await;
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert_eq!(
        error.to_string(),
        format!(
            "{at} redirects to \"//sso/login\", which is not the requested API; is the peer \
             Mesos, and is there a proxy in front of it that requires a login?"
        )
    );
}
