//! Encodes a DECLINE of the scheduler API without filters, which can have thousands of offers.
//!
//! prost visits each id twice.

use bytes::Bytes;
use mesos_proto::v1::scheduler::Call;
use mesos_proto::v1::scheduler::call::{Decline, Type};

use super::acknowledge::{
    CALL_FRAMEWORK_ID, CALL_TYPE, field_length, id_length, put_id, put_length,
};

// Keys of fields: the number of the field, and the type of a value with a length.
const CALL_DECLINE: u8 = 5 << 3 | 2;
const DECLINE_OFFER_IDS: u8 = 1 << 3 | 2;

/// `call` as protobuf, if it is a DECLINE with a framework id and without filters.
pub(super) fn encode(call: &Call) -> Option<Bytes> {
    let Call {
        framework_id: Some(framework_id),
        r#type: Some(call_type),
        subscribe: None,
        accept: None,
        decline: Some(body),
        accept_inverse_offers: None,
        decline_inverse_offers: None,
        revive: None,
        kill: None,
        shutdown: None,
        acknowledge: None,
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
    let Decline {
        offer_ids,
        filters: None,
    } = body
    else {
        return None;
    };
    if *call_type != Type::Decline as i32 {
        return None;
    }
    let framework_id = framework_id.value.as_bytes();
    let ids = || offer_ids.iter().map(|id| id.value.as_bytes());
    let body: usize = ids().map(id_length).sum();
    let length = id_length(framework_id) + 2 + field_length(body);
    let mut output = Vec::with_capacity(length);
    put_id(&mut output, CALL_FRAMEWORK_ID, framework_id);
    output.extend_from_slice(&[CALL_TYPE, Type::Decline as u8]);
    put_length(&mut output, CALL_DECLINE, body);
    for id in ids() {
        put_id(&mut output, DECLINE_OFFER_IDS, id);
    }
    Some(output.into())
}

#[cfg(test)]
mod tests {
    use mesos_proto::v1::{Filters, FrameworkId};
    use proptest::prelude::*;
    use prost::Message as _;

    use super::*;

    fn call(framework_id: &str, offer_ids: &[String], filters: Option<Filters>) -> Call {
        let offer_ids = offer_ids.iter().map(|id| id.as_str().into()).collect();
        Call {
            framework_id: Some(FrameworkId {
                value: framework_id.to_owned(),
            }),
            ..Decline { offer_ids, filters }.into()
        }
    }

    proptest! {
        #[test]
        fn the_bytes_are_those_of_prost(
            framework_id in "\\PC{0,200}",
            offer_ids in prop::collection::vec("\\PC{0,200}", 0..9),
        ) {
            let call = call(&framework_id, &offer_ids, None);
            prop_assert_eq!(encode(&call).expect("a DECLINE"), call.encode_to_vec());
        }
    }

    #[test]
    fn another_call_is_left_to_prost() {
        let decline = call("f", &["o".to_owned()], None);
        assert!(encode(&decline).is_some());
        let mut both = decline.clone();
        both.revive = Some(Default::default());
        let mut other = decline.clone();
        other.r#type = Some(Type::Kill as i32);
        let mut unnamed = decline;
        unnamed.framework_id = None;
        let with_filters = call("f", &[], Some(Filters::default()));
        for call in [both, other, unnamed, with_filters] {
            assert_eq!(encode(&call), None, "{call:?}");
        }
    }
}
