//! Secrets in the memory of this process.

mod marker;

use mesos_core::Master;
use mesos_core::address::read_file;
use mesos_core::executor::Token;
use zeroize::Zeroizing;

use marker::Marker;

/// An address with this password.
fn address(marker: &Marker) -> Zeroizing<String> {
    marker.text("zk://user:", "@h:2181/mesos")
}

#[test]
fn the_password_of_an_address_is_overwritten_when_the_address_is_dropped() {
    let marker = Marker::new();
    let text = address(&marker);
    let master: Master = text.parse().unwrap();
    let copy = master.clone();
    drop(text);
    assert_eq!(marker.count(), 2, "the address and its copy");
    drop(master);
    drop(copy);
    assert_eq!(marker.count(), 0);
}

#[test]
fn a_password_from_a_file_is_overwritten_when_its_address_is_dropped() {
    let marker = Marker::new();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), address(&marker).as_bytes()).unwrap();
    let master = read_file(file.path()).unwrap();
    assert_eq!(marker.count(), 1, "the address");
    drop(master);
    assert_eq!(marker.count(), 0);
}

#[test]
fn an_executors_token_is_overwritten_when_the_token_is_dropped() {
    let marker = Marker::new();
    let text = marker.text("", "");
    let token = Token::new(text.as_str());
    let copy = token.clone();
    drop(text);
    assert_eq!(marker.count(), 2, "the token and its copy");
    drop(token);
    drop(copy);
    assert_eq!(marker.count(), 0);
}
