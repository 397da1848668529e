//! The calls as protobuf.

use bytes::Bytes;
use prost::Message as _;
use prost::encoding::{encode_varint, encoded_len_varint};

use super::super::shape::key;
use crate::v1::Filters;
use crate::v1::scheduler::call::Type;
use crate::wire::{LENGTH_DELIMITED, VARINT};

/// Keys in `mesos.v1.scheduler.Call`.
const FRAMEWORK_ID: u8 = key(1, LENGTH_DELIMITED);
const TYPE: u8 = key(2, VARINT);
const DECLINE: u8 = key(5, LENGTH_DELIMITED);
const ACKNOWLEDGE: u8 = key(8, LENGTH_DELIMITED);

const RECONCILE: u8 = key(9, LENGTH_DELIMITED);

/// Keys in its `Decline`.
const OFFER_IDS: u8 = key(1, LENGTH_DELIMITED);
const FILTERS: u8 = key(2, LENGTH_DELIMITED);

/// Keys in its `Acknowledge`.
const AGENT_ID: u8 = key(1, LENGTH_DELIMITED);
const TASK_ID: u8 = key(2, LENGTH_DELIMITED);
const UUID: u8 = key(3, LENGTH_DELIMITED);

/// The key in its `Reconcile`, and keys in the `Task` of that.
const TASKS: u8 = key(1, LENGTH_DELIMITED);
const RECONCILED_TASK_ID: u8 = key(1, LENGTH_DELIMITED);
const RECONCILED_AGENT_ID: u8 = key(2, LENGTH_DELIMITED);

/// The key in each id of its text.
const VALUE: u8 = key(1, LENGTH_DELIMITED);

pub(super) fn decline<'a>(
    framework_id: &str,
    offer_ids: impl Iterator<Item = &'a [u8]> + Clone,
    filters: Option<&Filters>,
) -> Bytes {
    let filters_length = filters.map_or(0, |filters| field_length(filters.encoded_len()));
    let body = offer_ids.clone().map(id_length).sum::<usize>() + filters_length;
    let mut output = head(framework_id, Type::Decline, field_length(body));
    put_length(&mut output, DECLINE, body);
    for id in offer_ids {
        put_id(&mut output, OFFER_IDS, id);
    }
    if let Some(filters) = filters {
        put_length(&mut output, FILTERS, filters.encoded_len());
        filters.encode_raw(&mut output);
    }
    output.into()
}

pub(super) fn acknowledge(
    framework_id: &str,
    agent_id: &[u8],
    task_id: &[u8],
    uuid: &[u8],
) -> Bytes {
    let body = id_length(agent_id) + id_length(task_id) + field_length(uuid.len());
    let mut output = head(framework_id, Type::Acknowledge, field_length(body));
    put_length(&mut output, ACKNOWLEDGE, body);
    put_id(&mut output, AGENT_ID, agent_id);
    put_id(&mut output, TASK_ID, task_id);
    put_length(&mut output, UUID, uuid.len());
    output.extend_from_slice(uuid);
    output.into()
}

pub(super) fn reconcile<'a>(
    framework_id: &str,
    tasks: impl Iterator<Item = (&'a str, Option<&'a str>)> + Clone,
) -> Bytes {
    let lengths = |(task_id, agent_id): (&str, Option<&str>)| {
        id_length(task_id.as_bytes()) + agent_id.map_or(0, |id| id_length(id.as_bytes()))
    };
    let body = tasks.clone().map(|task| field_length(lengths(task))).sum();
    let mut output = head(framework_id, Type::Reconcile, field_length(body));
    put_length(&mut output, RECONCILE, body);
    for (task_id, agent_id) in tasks {
        put_length(&mut output, TASKS, lengths((task_id, agent_id)));
        put_id(&mut output, RECONCILED_TASK_ID, task_id.as_bytes());
        if let Some(agent_id) = agent_id {
            put_id(&mut output, RECONCILED_AGENT_ID, agent_id.as_bytes());
        }
    }
    output.into()
}

/// The fields that each call has, with room for `more` bytes.
fn head(framework_id: &str, call_type: Type, more: usize) -> Vec<u8> {
    let framework_id = framework_id.as_bytes();
    let mut output = Vec::with_capacity(id_length(framework_id) + 2 + more);
    put_id(&mut output, FRAMEWORK_ID, framework_id);
    output.extend_from_slice(&[TYPE, call_type as u8]);
    output
}

/// The size of a field of this length, with its key.
fn field_length(length: usize) -> usize {
    1 + encoded_len_varint(length as u64) + length
}

/// The size of a field that is an id.
fn id_length(value: &[u8]) -> usize {
    field_length(field_length(value.len()))
}

fn put_length(output: &mut Vec<u8>, key: u8, length: usize) {
    match u8::try_from(length) {
        Ok(length @ ..0x80) => output.extend_from_slice(&[key, length]),
        _ => {
            output.push(key);
            encode_varint(length as u64, output);
        }
    }
}

#[inline]
fn put_id(output: &mut Vec<u8>, key: u8, value: &[u8]) {
    match value.len() {
        // Nearly all ids. Both lengths are short.
        length @ ..0x7e => {
            let length = length as u8;
            output.extend_from_slice(&[key, length + 2, VALUE, length]);
        }
        length => {
            put_length(output, key, field_length(length));
            put_length(output, VALUE, length);
        }
    }
    output.extend_from_slice(value);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::v1::FrameworkId;
    use crate::v1::scheduler::{Call, call};

    fn encoded(framework_id: &str, call: Call) -> Vec<u8> {
        let framework_id = Some(FrameworkId {
            value: framework_id.to_owned(),
        });
        let call = Call {
            framework_id,
            ..call
        };
        call.encode_to_vec()
    }

    proptest! {
        #[test]
        fn a_decline_is_encoded_as_by_prost(
            framework_id in "\\PC{0,200}",
            offer_ids in prop::collection::vec("\\PC{0,200}", 0..9),
            filters in prop::option::of(prop::option::of(any::<f64>())),
        ) {
            let filters = filters.map(|refuse_seconds| Filters { refuse_seconds });
            let ids = offer_ids.iter().map(|id| id.as_bytes());
            let found = decline(&framework_id, ids, filters.as_ref());
            let offer_ids = offer_ids.iter().map(|id| id.as_str().into()).collect();
            let expected = call::Decline { offer_ids, filters };
            prop_assert_eq!(found, encoded(&framework_id, expected.into()));
        }

        #[test]
        fn a_reconciliation_is_encoded_as_by_prost(
            framework_id in "\\PC{0,200}",
            tasks in prop::collection::vec(("\\PC{0,200}", prop::option::of("\\PC{0,200}")), 0..9),
        ) {
            let ids = tasks.iter().map(|(id, agent_id)| (id.as_str(), agent_id.as_deref()));
            let found = reconcile(&framework_id, ids);
            let task = |(id, agent_id): &(String, Option<String>)| call::reconcile::Task {
                task_id: id.as_str().into(),
                agent_id: agent_id.as_deref().map(Into::into),
            };
            let expected = call::Reconcile { tasks: tasks.iter().map(task).collect() };
            prop_assert_eq!(found, encoded(&framework_id, expected.into()));
        }

        #[test]
        fn an_acknowledgement_is_encoded_as_by_prost(
            ids in prop::array::uniform3("\\PC{0,200}"),
            uuid in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let [framework_id, agent_id, task_id] = &ids;
            let found = acknowledge(framework_id, agent_id.as_bytes(), task_id.as_bytes(), &uuid);
            let expected = call::Acknowledge {
                agent_id: agent_id.as_str().into(),
                task_id: task_id.as_str().into(),
                uuid: uuid.into(),
            };
            prop_assert_eq!(found, encoded(framework_id, expected.into()));
        }
    }
}
