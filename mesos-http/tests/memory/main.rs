//! Credentials in the memory of this process. A separate program, because the search reads all its
//! memory.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

#[path = "../../../mesos-core/tests/it/memory/marker.rs"]
mod marker;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use mesos_core::executor::Token;
use mesos_http::{Credentials, HttpBackend};
use zeroize::Zeroizing;

use marker::Marker;

/// The secret as it is sent for the principal `user`.
fn encoded(marker: &Marker) -> Marker {
    let pair = marker.text("user:", "");
    Marker::of(&Zeroizing::new(BASE64_STANDARD.encode(pair.as_bytes())))
}

/// Checks that the secret is in memory exactly once, and its encoded form twice: in the header, and to
/// remove it from answers. After the end of the credentials both are gone.
fn overwritten(credentials: Credentials, marker: &Marker, encoded: &Marker) {
    assert_eq!((marker.count(), encoded.count()), (1, 2));
    let backend = HttpBackend::new("10.0.0.1:5050".parse().unwrap());
    let backend = backend.credentials(credentials.clone());
    assert_eq!((marker.count(), encoded.count()), (1, 2), "clones share");
    drop(credentials);
    drop(backend);
    assert_eq!((marker.count(), encoded.count()), (0, 0));
}

#[test]
fn a_secret_is_overwritten_when_the_last_clone_of_its_credentials_is_dropped() {
    let marker = Marker::new();
    let encoded = encoded(&marker);
    let secret = marker.text("", "");
    let credentials = Credentials::basic("user", secret.as_str()).unwrap();
    drop(secret);
    overwritten(credentials, &marker, &encoded);
}

#[test]
fn a_secret_from_a_file_is_overwritten_and_the_content_of_the_file_too() {
    let marker = Marker::new();
    let encoded = encoded(&marker);
    let file = tempfile::NamedTempFile::new().unwrap();
    let content = marker.text(
        r#"{"credentials": [{"principal": "user", "secret": ""#,
        r#""}]}"#,
    );
    std::fs::write(file.path(), content.as_bytes()).unwrap();
    drop(content);
    let credentials = Credentials::from_file(file.path(), None).unwrap();
    overwritten(credentials, &marker, &encoded);
}

#[test]
fn a_token_is_overwritten_when_the_last_clone_of_its_credentials_is_dropped() {
    let marker = Marker::new();
    let text = marker.text("", "");
    let token = Token::new(text.as_str());
    drop(text);
    let credentials = Credentials::bearer(&token).unwrap();
    drop(token);
    assert_eq!(
        marker.count(),
        2,
        "the header, and to remove it from answers"
    );
    drop(credentials.clone());
    drop(credentials);
    assert_eq!(marker.count(), 0);
}
