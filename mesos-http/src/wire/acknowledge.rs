//! Encodes an ACKNOWLEDGE of the scheduler API, which is by far the most frequent call.
//!
//! prost visits all twenty fields of a call twice. This encoder knows the four that are set.

use bytes::Bytes;
use mesos_proto::v1::scheduler::Call;
use mesos_proto::v1::scheduler::call::{Acknowledge, Type};
use prost::encoding::{encode_varint, encoded_len_varint};

// Keys of fields: the number of the field, and the type of a value with a length.
pub(super) const CALL_FRAMEWORK_ID: u8 = 1 << 3 | 2;
pub(super) const CALL_TYPE: u8 = 2 << 3;
const CALL_ACKNOWLEDGE: u8 = 8 << 3 | 2;
const ACKNOWLEDGE_AGENT_ID: u8 = 1 << 3 | 2;
const ACKNOWLEDGE_TASK_ID: u8 = 2 << 3 | 2;
const ACKNOWLEDGE_UUID: u8 = 3 << 3 | 2;
/// The field of every id that has its text.
const VALUE: u8 = 1 << 3 | 2;

/// `call` as protobuf, if it is an ACKNOWLEDGE with a framework id and nothing else.
pub(super) fn encode(call: &Call) -> Option<Bytes> {
    let Call {
        framework_id: Some(framework_id),
        r#type: Some(call_type),
        subscribe: None,
        accept: None,
        decline: None,
        accept_inverse_offers: None,
        decline_inverse_offers: None,
        revive: None,
        kill: None,
        shutdown: None,
        acknowledge: Some(body),
        acknowledge_operation_status: None,
        reconcile: None,
        reconcile_operations: None,
        message: None,
        request: None,
        suppress: None,
        update_framework: None,
    } = call
    else {
        return None;
    };
    if *call_type != Type::Acknowledge as i32 {
        return None;
    }
    let Acknowledge {
        agent_id,
        task_id,
        uuid,
    } = body;
    let (framework_id, agent_id) = (framework_id.value.as_bytes(), agent_id.value.as_bytes());
    let task_id = task_id.value.as_bytes();
    let body = id_length(agent_id) + id_length(task_id) + field_length(uuid.len());
    let length = id_length(framework_id) + 2 + field_length(body);
    let mut output = Vec::with_capacity(length);
    put_id(&mut output, CALL_FRAMEWORK_ID, framework_id);
    output.extend_from_slice(&[CALL_TYPE, Type::Acknowledge as u8]);
    put_length(&mut output, CALL_ACKNOWLEDGE, body);
    put_id(&mut output, ACKNOWLEDGE_AGENT_ID, agent_id);
    put_id(&mut output, ACKNOWLEDGE_TASK_ID, task_id);
    put_length(&mut output, ACKNOWLEDGE_UUID, uuid.len());
    output.extend_from_slice(uuid);
    Some(output.into())
}

/// The size of a field of this length, with its key.
pub(super) fn field_length(length: usize) -> usize {
    1 + encoded_len_varint(length as u64) + length
}

/// The size of a field that is an id.
pub(super) fn id_length(value: &[u8]) -> usize {
    field_length(field_length(value.len()))
}

pub(super) fn put_length(output: &mut Vec<u8>, key: u8, length: usize) {
    match u8::try_from(length) {
        Ok(length @ ..0x80) => output.extend_from_slice(&[key, length]),
        _ => {
            output.push(key);
            encode_varint(length as u64, output);
        }
    }
}

pub(super) fn put_id(output: &mut Vec<u8>, key: u8, value: &[u8]) {
    put_length(output, key, field_length(value.len()));
    put_length(output, VALUE, value.len());
    output.extend_from_slice(value);
}

#[cfg(test)]
mod tests {
    use mesos_proto::v1::FrameworkId;
    use proptest::prelude::*;
    use prost::Message as _;

    use super::*;

    proptest! {
        #[test]
        fn the_bytes_are_those_of_prost(
            ids in prop::array::uniform3("\\PC{0,200}"),
            uuid in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let [framework_id, agent_id, task_id] = ids;
            let body = Acknowledge {
                agent_id: agent_id.as_str().into(),
                task_id: task_id.as_str().into(),
                uuid: uuid.into(),
            };
            let call = Call {
                framework_id: Some(FrameworkId { value: framework_id }),
                ..body.into()
            };
            prop_assert_eq!(encode(&call).expect("an acknowledgement"), call.encode_to_vec());
        }
    }

    #[test]
    fn another_call_is_left_to_prost() {
        let named = |call| Call {
            framework_id: Some("f".into()),
            ..call
        };
        let acknowledge = named(Acknowledge::default().into());
        assert!(encode(&acknowledge).is_some());
        let mut both = acknowledge.clone();
        both.revive = Some(Default::default());
        let mut other = acknowledge.clone();
        other.r#type = Some(Type::Kill as i32);
        let unnamed: Call = Acknowledge::default().into();
        for call in [both, other, unnamed, named(Type::Teardown.into())] {
            assert_eq!(encode(&call), None, "{call:?}");
        }
    }
}
