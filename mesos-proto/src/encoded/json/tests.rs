//! Each test compares with serde_json.

use proptest::prelude::*;

use super::*;
use crate::encoded::tests::{check, resources};
use crate::json::round_trip;
use crate::v1::resource::AllocationInfo;
use crate::v1::scheduler::{Event, event};

/// A message with random content.
fn random<M: prost::Message + Default>(name: &str, seed: u64) -> M {
    M::decode(&round_trip::random(name, seed)[..]).expect("it was just encoded")
}

/// An OFFERS event of these offers. Most of their ids are such that the event can be read.
fn offers_event(seeds: &[u64]) -> Event {
    let offer = |seed: &u64| {
        let mut offer: Offer = random("mesos.v1.Offer", *seed);
        if !seed.is_multiple_of(8) {
            offer.id = format!("offer-{seed}").as_str().into();
            offer.agent_id = format!("agent-{seed}").as_str().into();
            offer.hostname = format!("host{}.example", seed % 1000);
            offer.allocation_info = (!seed.is_multiple_of(3)).then(|| AllocationInfo {
                role: Some("web".to_owned()),
            });
        }
        offer
    };
    let offers = seeds.iter().map(offer).collect();
    Event {
        r#type: Some(event::Type::Offers as i32),
        offers: Some(event::Offers { offers }),
        ..Default::default()
    }
}

/// An UPDATE event of this status. Most of its ids are such that the event can be read.
fn update_event(seed: u64) -> Event {
    let mut status: TaskStatus = random("mesos.v1.TaskStatus", seed);
    if !seed.is_multiple_of(8) {
        status.task_id = format!("task-{seed}").as_str().into();
        status.agent_id = status.agent_id.map(|_| "agent".into());
        let uuid = Bytes::copy_from_slice(&u128::from(seed).to_be_bytes());
        status.uuid = (!seed.is_multiple_of(3)).then_some(uuid);
    }
    Event {
        r#type: Some(event::Type::Update as i32),
        update: Some(event::Update { status }),
        ..Default::default()
    }
}

fn text(event: &Event) -> String {
    serde_json::to_string(event).expect("it has a form")
}

fn check_offers(found: &[EncodedOffer], expected: &[Offer]) {
    check(found, expected);
    // Each text in JSON is UTF-8.
    assert!(found.iter().all(|offer| resources(offer).is_some()));
}

fn check_update(found: &EncodedUpdate, expected: &TaskStatus) {
    assert_eq!(found.task_id(), expected.task_id.value);
    assert_eq!(found.task_id_bytes(), found.task_id().as_bytes());
    let agent_id = expected.agent_id.as_ref();
    assert_eq!(found.agent_id(), agent_id.map(|id| id.value.as_str()));
    assert_eq!(found.agent_id_bytes(), found.agent_id().map(str::as_bytes));
    assert_eq!(found.uuid(), expected.uuid);
    assert_eq!(found.uuid_bytes(), expected.uuid.as_deref());
    assert_eq!(found.state(), expected.state);
    assert_eq!(found.reason(), expected.reason);
    assert_eq!(&found.decode().0, expected);
}

/// Checks that what is found in `text` is what serde decodes.
fn compare(events: &mut JsonEvents, text: &[u8]) -> bool {
    let bytes = Bytes::copy_from_slice(text);
    let decoded = || {
        let text = std::str::from_utf8(text).expect("what was accepted is UTF-8");
        serde_json::from_str::<Event>(text).expect("what was accepted can be decoded")
    };
    if let Some(found) = events.offers(&bytes) {
        let event = decoded();
        assert_eq!(event.r#type(), event::Type::Offers);
        check_offers(&found, &event.offers.expect("offers").offers);
        return true;
    }
    if let Some(found) = events.update(&bytes) {
        let event = decoded();
        assert_eq!(event.r#type(), event::Type::Update);
        check_update(&found, &event.update.expect("an update").status);
        return true;
    }
    false
}

/// Changes of a text: a place, how many bytes are removed there, and what takes their place.
fn changes() -> impl Strategy<Value = Vec<(prop::sample::Index, usize, Vec<u8>)>> {
    let piece = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..3),
        prop::sample::select(vec![
            "\"",
            "\\",
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            " ",
            "null",
            "true",
            "-",
            "0",
            "1",
            ".",
            "e",
            "=",
            "\\u00e4",
            "\\ud800",
            "\\n",
            "é",
            "\"x\":1,",
            "\"id\":{\"value\":\"i\"},",
            "{}",
        ])
        .prop_map(|piece| piece.as_bytes().to_vec()),
    ];
    let change = (any::<prop::sample::Index>(), 0_usize..3, piece);
    prop::collection::vec(change, 0..4)
}

fn change(text: &mut Vec<u8>, changes: &[(prop::sample::Index, usize, Vec<u8>)]) {
    for (at, removed, piece) in changes {
        let at = at.index(text.len());
        let end = text.len().min(at + removed);
        text.splice(at..end, piece.iter().copied());
    }
}

proptest! {
    #[test]
    fn what_is_found_in_a_changed_text_is_what_serde_decodes(
        offers in prop::collection::vec(prop::collection::vec(any::<u64>(), 0..4), 1..3),
        statuses in prop::collection::vec(any::<u64>(), 1..4),
        changes in prop::collection::vec(changes(), 1..12),
    ) {
        let mut events = JsonEvents::default();
        let texts = offers.iter().map(|seeds| text(&offers_event(seeds)));
        let texts = texts.chain(statuses.iter().map(|seed| text(&update_event(*seed))));
        let texts: Vec<String> = texts.collect();
        for (text, changes) in texts.iter().cycle().zip(&changes) {
            // Compared with templates of texts without changes.
            compare(&mut events, text.as_bytes());
            let mut text = text.clone().into_bytes();
            change(&mut text, changes);
            let found = compare(&mut events, &text);
            // Also without templates.
            prop_assert_eq!(compare(&mut JsonEvents::default(), &text), found);
        }
    }
}

/// Replaces bytes by others. More often than by `changes`, a value stays a value of the same length.
fn replaced() -> impl Strategy<Value = Vec<(prop::sample::Index, u8)>> {
    let byte = prop_oneof![
        prop::sample::select(br#"0019-.e"\/{}[],: aZ~#!"#.to_vec()),
        any::<u8>(),
    ];
    prop::collection::vec((any::<prop::sample::Index>(), byte), 0..3)
}

proptest! {
    #[test]
    fn what_is_found_in_a_text_of_the_same_length_is_what_serde_decodes(
        texts in prop::collection::vec((0..2000_u32, any::<bool>(), replaced()), 1..40),
    ) {
        let mut events = JsonEvents::default();
        for (number, is_update, replaced) in texts {
            let mut text = match is_update {
                true => master_event(number),
                false => offers_of_the_master(number..number + 3),
            }
            .into_bytes();
            for (at, byte) in replaced {
                let at = at.index(text.len());
                text[at] = byte;
            }
            let found = compare(&mut events, &text);
            // Also without templates.
            prop_assert_eq!(compare(&mut JsonEvents::default(), &text), found);
        }
    }
}

/// An event of the master.
fn master_event(number: u32) -> String {
    let words = ["RUNNING", "FINISHED", "RUNNING", "STARTING", "LOST"];
    let state = words[number as usize % words.len()];
    format!(
        r#"{{"type":"UPDATE","update":{{"status":{{"task_id":{{"value":"task-{number}"}},"state":"TASK_{state}","timestamp":{number}.5,"agent_id":{{"value":"agent-{}"}},"uuid":"{}"}}}}}}"#,
        number % 7,
        STANDARD.encode(u128::from(number).to_be_bytes()),
    )
}

/// An offer of the master.
fn master_offer(number: u32) -> String {
    let (rack, port) = (number / 40, 31_000 + number % 100 * 10);
    format!(
        r#"{{"id":{{"value":"offer-{number}"}},"framework_id":{{"value":"f"}},"agent_id":{{"value":"agent-{number}"}},"hostname":"node-{number}","url":{{"scheme":"http","address":{{"hostname":"node-{number}","ip":"10.0.0.{}","port":5051}},"path":"/slave(1)"}},"resources":[{{"name":"cpus","type":"SCALAR","scalar":{{"value":{}.25}},"allocation_info":{{"role":"web"}}}},{{"name":"ports","type":"RANGES","ranges":{{"range":[{{"begin":{port},"end":32000}}]}},"reservations":[{{"type":"DYNAMIC","role":"web","labels":{{"labels":[{{"key":"k","value":"\u0007/\"ä"}}]}}}}]}}],"attributes":[{{"name":"rack","type":"TEXT","text":{{"value":"rack-{rack}"}}}}],"allocation_info":{{"role":"web"}}}}"#,
        number % 256,
        number % 28,
    )
}

/// An event of the master with these offers.
fn offers_of_the_master(numbers: std::ops::Range<u32>) -> String {
    let offers: Vec<_> = numbers.map(master_offer).collect();
    let offers = offers.join(",");
    format!(r#"{{"type":"OFFERS","offers":{{"offers":[{offers}]}}}}"#)
}

#[test]
fn offers_with_the_same_fields_need_one_template() {
    let mut events = JsonEvents::default();
    for first in (0..1000).step_by(100) {
        let event = offers_of_the_master(first..first + 100);
        assert!(compare(&mut events, event.as_bytes()));
    }
    assert_eq!(events.offers.checked(), 1);
}

#[test]
fn updates_with_the_same_fields_need_one_template() {
    let mut events = JsonEvents::default();
    for number in 0..1000 {
        assert!(
            compare(&mut events, master_event(number).as_bytes()),
            "{number}"
        );
    }
    assert_eq!(events.updates.checked(), 1);
}

#[test]
fn what_mesos_does_not_write_is_decoded_as_a_whole() {
    let good = master_event(1);
    assert!(compare(&mut JsonEvents::default(), good.as_bytes()));
    for (part, with) in [
        ("\"state\":", "\"state\": "),
        ("TASK_FINISHED", "TASK_NEW"),
        ("1.5", "\"1.5\""),
        ("1.5", "null"),
        ("1.5", "1.5e999"),
        ("1.5", "01.5"),
        ("\"task_id\":{\"value\":\"task-1\"},", ""),
        (
            "\"task_id\":{\"value\":\"task-1\"}",
            "\"task_id\":{\"value\":\"task-1\",\"x\":1}",
        ),
        ("\"timestamp\":1.5", "\"task_id\":{\"value\":\"task-2\"}"),
        ("task_id", "t\\u0061sk_id"),
        ("task-1", "t\\u0061sk-1"),
        ("\"uuid\":\"", "\"uuid\":\"AAAA"),
        ("}}}", "}}} "),
    ] {
        let text = good.replacen(part, with, 1);
        assert_ne!(text, good, "{part}");
        assert!(
            !compare(&mut JsonEvents::default(), text.as_bytes()),
            "{text}"
        );
        // Also compared with the text that is usual.
        let mut events = JsonEvents::default();
        compare(&mut events, good.as_bytes());
        assert!(!compare(&mut events, text.as_bytes()), "{text}");
    }
}

#[test]
fn fields_of_a_newer_mesos_are_passed() {
    let newer = [
        r#""new":{"a":[1,-2.5e3,true,null,"x\n",{}],"b":[]},"#,
        r#""new":false,"#,
        r#""new":"text","#,
    ];
    let mut events = JsonEvents::default();
    for field in newer {
        let text = master_event(1).replacen("\"state\"", &format!("{field}\"state\""), 1);
        assert!(compare(&mut events, text.as_bytes()), "{text}");
    }
}

#[test]
fn a_value_whose_bytes_differ_may_get_an_escape() {
    let mut events = JsonEvents::default();
    for message in [
        "message a1",
        "message b2",
        "message c+",
        "message \\n",
        "message \\u",
    ] {
        let text = master_event(1).replacen(
            "\"state\"",
            &format!("\"message\":\"{message}\",\"state\""),
            1,
        );
        assert_eq!(
            compare(&mut events, text.as_bytes()),
            !message.ends_with('u'),
            "{text}"
        );
    }
    assert_eq!(events.updates.checked(), 1);
}

#[test]
fn a_number_may_become_longer_or_shorter() {
    let mut events = JsonEvents::default();
    for number in [1, 10, 1_000_000, 9, 123] {
        assert!(compare(&mut events, master_event(5 * number).as_bytes()));
    }
}

#[test]
fn other_events_are_not_read() {
    for event in [
        "",
        "{}",
        r#"{"type":"HEARTBEAT"}"#,
        r#"{"type":"OFFERS","offers":{}}"#,
        r#"{"type":"OFFERS","offers":{"offers":[]}}"#,
        r#"{"type":"OFFERS","offers":{"offers":["#,
        r#"{"type":"UPDATE","update":{"status":{}}}"#,
        r#"{"type":"UPDATE","update":{"status":"#,
    ] {
        assert!(
            !compare(&mut JsonEvents::default(), event.as_bytes()),
            "{event}"
        );
    }
}

#[test]
fn the_offers_of_mesos_1_11_are_found() {
    let event = br#"{"type":"OFFERS","offers":{"offers":[{"id":{"value":"ce4fe405-b0ef-47e1-bd41-2634e9721b4e-O1"},"framework_id":{"value":"ce4fe405-b0ef-47e1-bd41-2634e9721b4e-0001"},"agent_id":{"value":"ce4fe405-b0ef-47e1-bd41-2634e9721b4e-S0"},"hostname":"127.0.0.1","url":{"scheme":"http","address":{"hostname":"127.0.0.1","ip":"127.0.0.1","port":5050},"path":"/slave(1)"},"resources":[{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":31000,"end":32000}]},"role":"*","allocation_info":{"role":"*"}},{"name":"cpus","type":"SCALAR","scalar":{"value":4.0},"role":"*","allocation_info":{"role":"*"}}],"allocation_info":{"role":"*"}}]}}"#;
    assert!(compare(&mut JsonEvents::default(), event));
}
