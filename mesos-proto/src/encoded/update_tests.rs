//! Each test compares with prost.

use proptest::prelude::*;

use super::*;
use crate::v1::scheduler::{Event, event};
use crate::v1::{ContainerStatus, Labels, NetworkInfo, TimeInfo, network_info};

/// A status whose fields are set or missing, by `bits`.
fn status(name: &str, bits: u32, number: i32) -> TaskStatus {
    let some = |bit: u32| (bits >> bit & 1 == 1).then_some(());
    TaskStatus {
        task_id: name.into(),
        state: number,
        message: some(0).map(|()| name.to_owned()),
        source: some(1).map(|()| number),
        reason: some(2).map(|()| number),
        data: some(3).map(|()| Bytes::copy_from_slice(&number.to_be_bytes())),
        agent_id: some(4).map(|()| format!("agent of {name}").as_str().into()),
        executor_id: some(5).map(|()| name.into()),
        timestamp: some(6).map(|()| f64::from(number)),
        uuid: some(7).map(|()| Bytes::copy_from_slice(name.as_bytes())),
        healthy: some(8).map(|()| number > 0),
        labels: some(9).map(|()| Labels::default()),
        container_status: some(10).map(|()| ContainerStatus {
            network_infos: vec![NetworkInfo {
                ip_addresses: vec![network_info::IpAddress::default(); 2],
                ..Default::default()
            }],
            ..Default::default()
        }),
        unreachable_time: some(11).map(|()| TimeInfo {
            nanoseconds: number.into(),
        }),
        ..Default::default()
    }
}

fn statuses() -> impl Strategy<Value = TaskStatus> {
    let parts = ("\\PC{0,12}", any::<u32>(), any::<i32>());
    parts.prop_map(|(name, bits, number)| status(&name, bits, number))
}

fn encoded(status: TaskStatus) -> Bytes {
    let event = Event {
        r#type: Some(Type::Update as i32),
        update: Some(event::Update { status }),
        ..Default::default()
    };
    event.encode_to_vec().into()
}

fn check(found: &EncodedUpdate, expected: &TaskStatus) {
    assert_eq!(found.task_id(), expected.task_id.value);
    let agent_id = expected.agent_id.as_ref();
    assert_eq!(found.agent_id(), agent_id.map(|id| id.value.as_str()));
    assert_eq!(found.uuid(), expected.uuid);
    assert_eq!(found.task_id_bytes(), found.task_id().as_bytes());
    assert_eq!(found.agent_id_bytes(), found.agent_id().map(str::as_bytes));
    assert_eq!(found.uuid_bytes(), expected.uuid.as_deref());
    assert_eq!(found.state(), expected.state);
    assert_eq!(found.reason(), expected.reason);
    assert_eq!(&found.decode().0, expected);
}

proptest! {
    #[test]
    fn the_fields_of_an_encoded_update_are_those_of_the_decoded_status(status in statuses()) {
        let found = EncodedUpdate::in_event(&encoded(status.clone()));
        check(&found.expect("a usual update"), &status);
    }

    #[test]
    fn an_update_with_invalid_bytes_is_refused_or_equals_the_decoded_one(
        status in statuses(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = encoded(status).to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let bytes = Bytes::from(bytes);
        if let Some(found) = EncodedUpdate::in_event(&bytes) {
            let (event, _) = lossy::decode::<Event>(bytes).expect("what was accepted is valid");
            prop_assert_eq!(event.r#type, Some(Type::Update as i32));
            check(&found, &event.update.expect("an update").status);
        }
    }
}

#[test]
fn other_events_are_refused() {
    for bytes in [
        &b""[..],
        b"\x08\x04",
        b"\x08\x02\x1a\x00",
        b"\x08\x04\x2a\x00",
    ] {
        assert!(
            EncodedUpdate::in_event(&Bytes::from_static(bytes)).is_none(),
            "{bytes:?}"
        );
    }
}
