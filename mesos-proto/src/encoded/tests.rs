//! Each test compares with prost.

use proptest::prelude::*;
use prost::Message as _;

use super::*;
use crate::v1::Resource;
use crate::v1::scheduler::{Event, event};
use crate::v1::value::Type;
use crate::v1::{Attribute, Labels, Unavailability, resource, value};

/// An offer whose fields are set or missing, by `bits`.
fn offer(name: &str, bits: u32, number: u64) -> v1::Offer {
    let some = |bit: u32| (bits >> bit & 1 == 1).then_some(());
    let resource = |name: &str| Resource {
        name: name.to_owned(),
        allocation_info: some(0).map(|()| resource::AllocationInfo {
            role: some(1).map(|()| "web".to_owned()),
        }),
        scalar: some(2).map(|()| value::Scalar {
            value: number as f64,
        }),
        ranges: some(3).map(|()| value::Ranges {
            range: vec![
                value::Range {
                    begin: number,
                    end: number + 9
                };
                3
            ],
        }),
        reservations: vec![
            resource::ReservationInfo {
                role: Some("web".to_owned()),
                labels: some(4).map(|()| Labels::default()),
                ..Default::default()
            };
            usize::from(some(5).is_some())
        ],
        ..Default::default()
    };
    v1::Offer {
        id: name.into(),
        framework_id: "framework".into(),
        agent_id: format!("agent of {name}").as_str().into(),
        hostname: name.to_owned(),
        resources: ["cpus", "mem"].map(resource).to_vec(),
        attributes: some(6).map_or_else(Vec::new, |()| {
            vec![Attribute {
                name: "rack".to_owned(),
                r#type: Type::Text as i32,
                ..Default::default()
            }]
        }),
        executor_ids: vec![name.into(); number as usize % 3],
        unavailability: some(7).map(|()| Unavailability::default()),
        allocation_info: some(8).map(|()| resource::AllocationInfo {
            role: some(1).map(|()| name.to_owned()),
        }),
        ..Default::default()
    }
}

pub(super) fn offers() -> impl Strategy<Value = Vec<v1::Offer>> {
    let one = ("\\PC{0,12}", any::<u32>(), any::<u32>());
    let one = one.prop_map(|(name, bits, number)| offer(&name, bits, number.into()));
    prop::collection::vec(one, 0..6)
}

fn encoded(offers: Vec<v1::Offer>) -> Vec<u8> {
    let event = Event {
        r#type: Some(event::Type::Offers as i32),
        offers: Some(event::Offers { offers }),
        ..Default::default()
    };
    event.encode_to_vec()
}

/// Compares with the offers of the decoded event.
/// The resources, unless a text in one of them is not UTF-8.
pub(super) fn resources(offer: &EncodedOffer) -> Option<Vec<Resource>> {
    let decoded = offer.resources().map(|encoded| {
        let mut resource = Resource::default();
        encoded.decode_into(&mut resource).map(|()| resource)
    });
    decoded.collect()
}

pub(super) fn check(found: &[EncodedOffer], expected: &[v1::Offer]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found.id(), expected.id.value);
        assert_eq!(found.id_bytes(), expected.id.value.as_bytes());
        assert_eq!(found.agent_id(), expected.agent_id.value);
        assert_eq!(found.hostname(), expected.hostname);
        let role = expected.allocation_info.as_ref();
        assert_eq!(found.role(), role.and_then(|info| info.role.as_deref()));
        assert_eq!(&found.decode().0, expected);
        if let Some(resources) = resources(found) {
            assert_eq!(resources, expected.resources);
        }
    }
}

proptest! {
    #[test]
    fn the_fields_of_an_encoded_offer_are_those_of_the_decoded_offer(offers in offers()) {
        let found = EncodedOffer::all_in(&encoded(offers.clone()));
        let unusual = |offer: &v1::Offer| {
            offer.allocation_info.as_ref().is_some_and(|info| info.role.is_none())
        };
        if offers.iter().any(unusual) {
            prop_assert!(found.is_none(), "an empty message is decoded as a whole");
        } else {
            let found = found.expect("usual offers");
            check(&found, &offers);
            for (found, offer) in found.iter().zip(&offers) {
                prop_assert_eq!(resources(found), Some(offer.resources.clone()));
            }
        }
    }

    #[test]
    fn what_is_accepted_can_be_decoded_and_has_the_same_content(
        offers in offers(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        // Many offers, because a few are not compared with each other.
        let many = offers.iter().cycle().take(4 * offers.len());
        let mut bytes = encoded(many.cloned().collect());
        for (at, with) in changes {
            let at = at.index(bytes.len());
            bytes[at] = with;
        }
        if let Some(found) = EncodedOffer::all_in(&bytes) {
            let (event, _) = lossy::decode::<Event>(bytes.into()).expect("an accepted event");
            check(&found, &event.offers.unwrap_or_default().offers);
        }
    }

    #[test]
    fn noise_is_accepted_only_if_it_can_be_decoded(
        noise in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        // As the content of each kind of message in an offer.
        for field in 1..12_u8 {
            let mut offer = vec![0x0a, 3, 0x0a, 1, b'o', 0x1a, 3, 0x0a, 1, b'a'];
            offer.extend([field << 3 | 2, noise.len() as u8]);
            offer.extend(&noise);
            if texts(&offer, &mut Stack::new()).is_some() {
                let decoded = lossy::decode::<v1::Offer>(offer.into());
                prop_assert!(decoded.is_ok(), "field {field}: {decoded:?}");
            }
        }
    }
}

#[test]
fn another_event_or_a_repeated_field_is_decoded_as_a_whole() {
    let bytes = encoded(vec![offer("o", 0, 0)]);
    assert!(EncodedOffer::all_in(&bytes).is_some());
    assert!(
        EncodedOffer::all_in(&bytes[..bytes.len() - 1]).is_none(),
        "cut"
    );
    let heartbeat = [&bytes[..], b"\x08\x08"].concat();
    assert!(
        EncodedOffer::all_in(&heartbeat).is_none(),
        "the last type counts"
    );
    let newer = [&bytes[..], b"\xc2\x0c\x02hi"].concat();
    assert!(
        EncodedOffer::all_in(&newer).is_none(),
        "an unknown field of the event"
    );
    let twice = [&bytes[..], &bytes[..]].concat();
    assert!(EncodedOffer::all_in(&twice).is_none(), "merged events");
    assert!(texts(b"\x0a\x03\x0a\x01o\x1a\x03\x0a\x01a", &mut Stack::new()).is_some());
    let id_twice = b"\x0a\x03\x0a\x01o\x1a\x03\x0a\x01a\x0a\x03\x0a\x01p";
    assert!(
        texts(id_twice, &mut Stack::new()).is_none(),
        "the last id counts"
    );
    let long_key = b"\x0a\x03\x0a\x01o\x1a\x03\x0a\x01a\x8a\x00\x03\x0a\x01p";
    assert!(
        texts(long_key, &mut Stack::new()).is_none(),
        "another id, with a key that is longer than necessary"
    );
    assert!(
        texts(b"\x0a\x03\x0a\x01o", &mut Stack::new()).is_none(),
        "no agent"
    );
    assert!(
        texts(b"\x0a\x03\x0a\x01\xff\x1a\x03\x0a\x01a", &mut Stack::new()).is_none(),
        "not UTF-8"
    );
}

#[test]
fn text_that_is_not_utf_8_in_other_fields_is_replaced_when_the_offer_is_decoded() {
    let mut offer = offer("o", 0, 0);
    offer.resources[0].name = "name".to_owned();
    let mut bytes = encoded(vec![offer]);
    let at = memchr::memmem::find(&bytes, b"name").expect("the name");
    bytes[at] = 0xff;
    let found = EncodedOffer::all_in(&bytes).expect("the offer");
    assert_eq!(resources(&found[0]), None);
    let (decoded, replaced) = found[0].decode();
    assert_eq!(decoded.resources[0].name, "\u{fffd}ame");
    assert_eq!(replaced, ["resources.name"]);
}
