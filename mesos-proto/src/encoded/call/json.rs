//! The calls as JSON, byte for byte as serde_json writes them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use crate::json::text::plain;
use crate::v1::Filters;

pub(super) fn decline<'a>(
    framework_id: &str,
    offer_ids: impl Iterator<Item = &'a [u8]> + Clone,
    filters: Option<&Filters>,
) -> Option<Bytes> {
    let sizes = offer_ids.clone().map(|id| id.len() + ID.len() + 4);
    let mut output = head(
        framework_id,
        "DECLINE",
        "decline",
        sizes.sum::<usize>() + 80,
    );
    let mut is_empty = true;
    for id in offer_ids {
        match is_empty {
            true => output.extend_from_slice(b"\"offer_ids\":["),
            false => output.push(b','),
        }
        put_id(&mut output, id);
        is_empty = false;
    }
    if !is_empty {
        output.push(b']');
    }
    if let Some(filters) = filters {
        if !is_empty {
            output.push(b',');
        }
        output.extend_from_slice(b"\"filters\":");
        serde_json::to_writer(&mut output, filters).ok()?;
    }
    output.extend_from_slice(b"}}");
    Some(output.into())
}

pub(super) fn acknowledge(
    framework_id: &str,
    agent_id: &[u8],
    task_id: &[u8],
    uuid: &[u8],
) -> Bytes {
    let size = agent_id.len() + task_id.len() + 2 * uuid.len() + 80;
    let mut output = head(framework_id, "ACKNOWLEDGE", "acknowledge", size);
    output.extend_from_slice(b"\"agent_id\":");
    put_id(&mut output, agent_id);
    output.extend_from_slice(b",\"task_id\":");
    put_id(&mut output, task_id);
    output.extend_from_slice(b",\"uuid\":\"");
    put_base64(&mut output, uuid);
    output.extend_from_slice(b"\"}}");
    output.into()
}

pub(super) fn reconcile<'a>(
    framework_id: &str,
    tasks: impl Iterator<Item = (&'a str, Option<&'a str>)> + Clone,
) -> Bytes {
    let sizes = tasks.clone().map(|(task_id, agent_id)| {
        let agent_id = agent_id.map_or(0, |id| id.len() + ID.len() + 15);
        task_id.len() + ID.len() + 15 + agent_id
    });
    let size = sizes.sum::<usize>() + 20;
    let mut output = head(framework_id, "RECONCILE", "reconcile", size);
    let mut separator = "\"tasks\":[{\"task_id\":";
    for (task_id, agent_id) in tasks {
        output.extend_from_slice(separator.as_bytes());
        put_id(&mut output, task_id.as_bytes());
        if let Some(agent_id) = agent_id {
            output.extend_from_slice(b",\"agent_id\":");
            put_id(&mut output, agent_id.as_bytes());
        }
        separator = "},{\"task_id\":";
    }
    let end: &[u8] = match separator.starts_with('}') {
        true => b"}]}}",
        false => b"}}",
    };
    output.extend_from_slice(end);
    output.into()
}

/// The start of an id.
const ID: &[u8] = b"{\"value\":\"";

/// The fields that each call has, and the start of the field `body`, with room for `more` bytes.
fn head(framework_id: &str, call_type: &str, body: &str, more: usize) -> Vec<u8> {
    let mut output = Vec::with_capacity(framework_id.len() + 80 + more);
    output.extend_from_slice(b"{\"framework_id\":");
    put_id(&mut output, framework_id.as_bytes());
    output.extend_from_slice(b",\"type\":\"");
    output.extend_from_slice(call_type.as_bytes());
    output.extend_from_slice(b"\",\"");
    output.extend_from_slice(body.as_bytes());
    output.extend_from_slice(b"\":{");
    output
}

#[inline]
fn put_id(output: &mut Vec<u8>, value: &[u8]) {
    output.extend_from_slice(ID);
    if plain(value) == value.len() {
        output.extend_from_slice(value);
    } else {
        put_escaped(output, value);
    }
    output.extend_from_slice(b"\"}");
}

/// Appends a text without its quotes.
#[cold]
fn put_escaped(output: &mut Vec<u8>, value: &[u8]) {
    let text = String::from_utf8_lossy(value);
    // Writing a text into memory cannot fail.
    let quoted = serde_json::to_vec(&text).unwrap_or_default();
    let inside = quoted.get(1..quoted.len().saturating_sub(1));
    output.extend_from_slice(inside.unwrap_or_default());
}

#[inline]
fn put_base64(output: &mut Vec<u8>, bytes: &[u8]) {
    let start = output.len();
    output.resize(start + bytes.len().div_ceil(3) * 4, 0);
    // The room is exactly that of the text.
    let _ = STANDARD.encode_slice(bytes, &mut output[start..]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::v1::FrameworkId;
    use crate::v1::scheduler::{Call, call};

    /// Any text, often with characters that are escaped.
    fn text() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a-zA-Z0-9_.-]{0,60}",
            "(\\PC|[\"\\\\/\u{0}-\u{1f}\u{7f}\u{80}]){0,40}"
        ]
    }

    fn encoded(framework_id: &str, call: Call) -> Result<Vec<u8>, serde_json::Error> {
        let framework_id = Some(FrameworkId {
            value: framework_id.to_owned(),
        });
        let call = Call {
            framework_id,
            ..call
        };
        serde_json::to_vec(&call)
    }

    proptest! {
        #[test]
        fn a_decline_is_encoded_as_by_serde(
            framework_id in text(),
            offer_ids in prop::collection::vec(text(), 0..9),
            filters in prop::option::of(prop::option::of(any::<f64>())),
        ) {
            let filters = filters.map(|refuse_seconds| Filters { refuse_seconds });
            let ids = offer_ids.iter().map(|id| id.as_bytes());
            let found = decline(&framework_id, ids, filters.as_ref());
            let offer_ids = offer_ids.iter().map(|id| id.as_str().into()).collect();
            let expected = call::Decline { offer_ids, filters };
            prop_assert_eq!(found, encoded(&framework_id, expected.into()).ok().map(Bytes::from));
        }

        #[test]
        fn a_reconciliation_is_encoded_as_by_serde(
            framework_id in text(),
            tasks in prop::collection::vec((text(), prop::option::of(text())), 0..9),
        ) {
            let ids = tasks.iter().map(|(id, agent_id)| (id.as_str(), agent_id.as_deref()));
            let found = reconcile(&framework_id, ids);
            let task = |(id, agent_id): &(String, Option<String>)| call::reconcile::Task {
                task_id: id.as_str().into(),
                agent_id: agent_id.as_deref().map(Into::into),
            };
            let expected = call::Reconcile { tasks: tasks.iter().map(task).collect() };
            prop_assert_eq!(found, encoded(&framework_id, expected.into()).expect("no number"));
        }

        #[test]
        fn an_acknowledgement_is_encoded_as_by_serde(
            ids in prop::array::uniform3(text()),
            uuid in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let [framework_id, agent_id, task_id] = &ids;
            let found = acknowledge(framework_id, agent_id.as_bytes(), task_id.as_bytes(), &uuid);
            let expected = call::Acknowledge {
                agent_id: agent_id.as_str().into(),
                task_id: task_id.as_str().into(),
                uuid: uuid.into(),
            };
            prop_assert_eq!(found, encoded(framework_id, expected.into()).expect("no number"));
        }
    }

    #[test]
    fn not_a_number_cannot_be_encoded() {
        let filters = Filters {
            refuse_seconds: Some(f64::NAN),
        };
        let ids = [&b"offer"[..]].into_iter();
        assert_eq!(decline("framework", ids, Some(&filters)), None);
    }
}
