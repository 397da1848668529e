//! Each message is built with valid text, which is then replaced on the wire.

use proptest::prelude::*;

use super::*;
use crate::v1::scheduler::{Event, event};
use crate::v1::{self, TaskState, TaskStatus};

/// Text that is replaced by [`BAD`] on the wire. Both have the same length.
const GOOD: &str = "text-that-is-UTF-8";
const BAD: &[u8] = b"\xff\xfe\xc0 \xe2\x82 \xed\xa0\x80 ok \xf5\x80..";

/// The bytes of `message`, with each [`GOOD`] replaced.
fn spoiled(message: &impl Message) -> Vec<u8> {
    assert_eq!(GOOD.len(), BAD.len());
    let mut bytes = message.encode_to_vec();
    let good = |bytes: &[u8]| {
        bytes
            .windows(GOOD.len())
            .position(|part| part == GOOD.as_bytes())
    };
    while let Some(at) = good(&bytes) {
        bytes[at..at + BAD.len()].copy_from_slice(BAD);
    }
    bytes
}

fn lossy() -> String {
    String::from_utf8_lossy(BAD).into_owned()
}

fn status() -> TaskStatus {
    TaskStatus {
        message: Some(GOOD.to_owned()),
        uuid: Some(Bytes::from_static(b"\xff\xfe0123456789abcd")),
        // Read as a message, the data would have text: field 1 is "\xff".
        data: Some(Bytes::from_static(b"\x0a\x01\xff")),
        agent_id: Some("agent".into()),
        ..TaskStatus::new("task", TaskState::TaskFailed)
    }
}

fn update(status: TaskStatus) -> Event {
    Event {
        r#type: Some(event::Type::Update as i32),
        update: Some(event::Update { status }),
        ..Default::default()
    }
}

#[test]
fn only_invalid_text_is_replaced() {
    let mut sent = status();
    sent.labels = Some(v1::Labels {
        labels: vec![v1::Label {
            key: "key".to_owned(),
            value: Some(GOOD.to_owned()),
        }],
    });
    let bytes = spoiled(&update(sent.clone()));
    assert!(Event::decode(&bytes[..]).is_err(), "prost refuses it");
    let (event, replaced) = decode::<Event>(bytes.into()).unwrap();
    sent.message = Some(lossy());
    sent.labels.as_mut().unwrap().labels[0].value = Some(lossy());
    assert_eq!(event, update(sent));
    assert_eq!(
        replaced,
        ["update.status.labels.labels.value", "update.status.message"]
    );
}

#[test]
fn text_deep_in_an_offer_is_found() {
    let offer = v1::Offer {
        id: "offer".into(),
        hostname: GOOD.to_owned(),
        attributes: vec![v1::Attribute {
            name: "rack".to_owned(),
            r#type: v1::value::Type::Text as i32,
            text: Some(v1::value::Text {
                value: GOOD.to_owned(),
            }),
            ..Default::default()
        }],
        ..Default::default()
    };
    let event = Event {
        r#type: Some(event::Type::Offers as i32),
        offers: Some(event::Offers {
            offers: vec![offer.clone(), offer],
        }),
        ..Default::default()
    };
    let (event, replaced) = decode::<Event>(spoiled(&event).into()).unwrap();
    let offers = event.offers.unwrap().offers;
    for offer in offers {
        assert_eq!(offer.hostname, lossy());
        assert_eq!(offer.attributes[0].text.as_ref().unwrap().value, lossy());
    }
    assert_eq!(
        replaced,
        [
            "offers.offers.attributes.text.value",
            "offers.offers.hostname"
        ]
    );
}

#[test]
fn keys_and_values_of_a_map_are_text() {
    let info = v1::FrameworkInfo {
        offer_filters: [(GOOD.to_owned(), v1::OfferFilters::default())].into(),
        ..Default::default()
    };
    let (info, replaced) = decode::<v1::FrameworkInfo>(spoiled(&info).into()).unwrap();
    assert!(info.offer_filters.contains_key(&lossy()));
    assert_eq!(replaced, ["offer_filters.key"]);
}

#[test]
fn unknown_fields_stay_unchanged() {
    // Field 1000 with bytes, and as a group that contains a field 4, which outside of the group
    // would be the message.
    let foreign: &[&[u8]] = &[
        b"\xc2\x3e\x02\xff\xfe",
        b"\xc3\x3e\x22\x01\xff\xc4\x3e",
        b"\xc1\x3e\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\xc5\x3e\xff\xff\xff\xff",
        b"\xc0\x3e\xff\xff\x7f",
    ];
    for field in foreign {
        let mut bytes = field.to_vec();
        bytes.extend(spoiled(&status()));
        bytes.extend_from_slice(field);
        let mut repair = Repair::default();
        let repaired = repair.message(TaskStatus::fields(), &bytes, DEPTH).unwrap();
        assert!(repaired.starts_with(field) && repaired.ends_with(field));
        let (found, _) = decode::<TaskStatus>(bytes.into()).unwrap();
        assert_eq!(found.message(), lossy());
        assert_eq!(found.uuid, status().uuid);
    }
}

#[test]
fn other_errors_stay_the_same() {
    let mut cut = spoiled(&status());
    cut.truncate(cut.len() - 1);
    let mut open_group = spoiled(&status());
    open_group.push(0x0b);
    for bytes in [cut, open_group, vec![0xff; 20], b"\x0a\x05ab".to_vec()] {
        let before = TaskStatus::decode(&bytes[..]).unwrap_err().to_string();
        let error = decode::<TaskStatus>(bytes.into()).unwrap_err();
        assert_eq!(error.to_string(), before);
    }
}

#[test]
fn deeply_nested_messages_are_rejected() {
    let mut container = b"\x0a\x01\xff".to_vec();
    for _ in 0..10_000 {
        let mut parent = b"\x0a\x01c\x12".to_vec();
        prost::encode_length_delimiter(container.len(), &mut parent).unwrap();
        parent.extend_from_slice(&container);
        container = parent;
    }
    decode::<v1::ContainerId>(container.into()).unwrap_err();
}

proptest! {
    #[test]
    fn a_message_is_unchanged_except_for_its_invalid_text(
        texts in prop::collection::vec((any::<bool>(), ".{0,20}"), 4),
        uuid in prop::collection::vec(any::<u8>(), 0..20),
        data in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let text = |at: usize| if texts[at].0 { GOOD.to_owned() } else { texts[at].1.clone() };
        let seen = |at: usize| if texts[at].0 { lossy() } else { texts[at].1.clone() };
        let build = |text: &dyn Fn(usize) -> String| TaskStatus {
            message: Some(text(0)),
            uuid: Some(uuid.clone().into()),
            data: Some(data.clone().into()),
            executor_id: Some(text(1).into()),
            agent_id: Some(text(2).into()),
            timestamp: Some(1.5),
            ..TaskStatus::new(text(3), TaskState::TaskRunning)
        };
        let (found, replaced) = decode::<TaskStatus>(spoiled(&build(&text)).into()).unwrap();
        prop_assert_eq!(found, build(&seen));
        prop_assert_eq!(replaced.len(), texts.iter().filter(|(bad, _)| *bad).count());
    }

    #[test]
    fn random_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode::<Event>(bytes.into());
    }

    #[test]
    fn a_damaged_byte_does_not_panic(at in any::<prop::sample::Index>(), byte: u8) {
        let mut bytes = spoiled(&update(status()));
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = decode::<Event>(bytes.into());
    }
}
