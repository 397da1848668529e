//! The content of an offer: a message, or bytes that are decoded when they are needed.

use std::borrow::Borrow;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

use mesos_proto::encoded::{EncodedOffer, EncodedResources};
use mesos_proto::v1;

/// The content of an offer, shared by the [`Offer`](super::Offer) and the ledger. It is equal to
/// another one if the id is equal.
#[derive(Clone, Debug)]
pub(crate) enum OfferKey {
    Message(Arc<v1::Offer>),
    Encoded(EncodedOffer),
}

impl OfferKey {
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Message(message) => &message.id.value,
            Self::Encoded(offer) => offer.id(),
        }
    }

    /// The id as bytes, which costs less.
    pub(crate) fn id_bytes(&self) -> &[u8] {
        match self {
            Self::Message(message) => message.id.value.as_bytes(),
            Self::Encoded(offer) => offer.id_bytes(),
        }
    }

    pub(super) fn agent_id(&self) -> &str {
        match self {
            Self::Message(message) => &message.agent_id.value,
            Self::Encoded(offer) => offer.agent_id(),
        }
    }

    pub(super) fn hostname(&self) -> &str {
        match self {
            Self::Message(message) => &message.hostname,
            Self::Encoded(offer) => offer.hostname(),
        }
    }

    pub(super) fn role(&self) -> Option<&str> {
        match self {
            Self::Message(message) => message.allocation_info.as_ref()?.role.as_deref(),
            Self::Encoded(offer) => offer.role(),
        }
    }

    /// The resources, if they can be read without decoding the offer.
    pub(super) fn encoded_resources(&self) -> Option<EncodedResources<'_>> {
        match self {
            Self::Message(_) => None,
            Self::Encoded(offer) => Some(offer.resources()),
        }
    }

    /// The message. If it has to be decoded, `decoded` keeps it.
    pub(super) fn message<'a>(&'a self, decoded: &'a OnceLock<Box<v1::Offer>>) -> &'a v1::Offer {
        match self {
            Self::Message(message) => message,
            Self::Encoded(offer) => decoded.get_or_init(|| decode(offer)),
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Message(one), Self::Message(other)) => Arc::ptr_eq(one, other),
            (Self::Encoded(one), Self::Encoded(other)) => one.is_same(other),
            _ => false,
        }
    }
}

fn decode(offer: &EncodedOffer) -> Box<v1::Offer> {
    let (message, replaced) = offer.decode();
    if !replaced.is_empty() {
        let fields = replaced.join(", ");
        tracing::warn!(fields, "replaced invalid UTF-8 in offer {}", offer.id());
    }
    Box::new(message)
}

impl From<v1::Offer> for OfferKey {
    fn from(offer: v1::Offer) -> Self {
        Self::Message(Arc::new(offer))
    }
}

impl From<EncodedOffer> for OfferKey {
    fn from(offer: EncodedOffer) -> Self {
        Self::Encoded(offer)
    }
}

impl Borrow<[u8]> for OfferKey {
    fn borrow(&self) -> &[u8] {
        self.id_bytes()
    }
}

impl Hash for OfferKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id_bytes().hash(state);
    }
}

impl PartialEq for OfferKey {
    fn eq(&self, other: &Self) -> bool {
        self.is_same(other) || self.id_bytes() == other.id_bytes()
    }
}

impl Eq for OfferKey {}

#[cfg(test)]
mod tests {
    use mesos_proto::encoded::JsonEvents;
    use mesos_proto::v1::scheduler::{Event, event};
    use mesos_proto::v1::{ExecutorId, Resource, resource};
    use prost::Message as _;

    use super::*;
    use crate::resources::Resources;

    #[test]
    fn an_encoded_offer_has_the_content_of_its_message() {
        let message = v1::Offer {
            id: "offer".into(),
            agent_id: "agent".into(),
            hostname: "host".to_owned(),
            resources: vec![Resource::scalar("cpus", 4.5)],
            executor_ids: vec![ExecutorId::from("executor")],
            allocation_info: Some(resource::AllocationInfo {
                role: Some("web".to_owned()),
            }),
            ..Default::default()
        };
        let event = Event {
            r#type: Some(event::Type::Offers as i32),
            offers: Some(event::Offers {
                offers: vec![message.clone()],
            }),
            ..Default::default()
        };
        let mut encoded = EncodedOffer::all_in(&event.encode_to_vec()).expect("usual offers");
        let encoded = OfferKey::from(encoded.remove(0));
        let json = serde_json::to_vec(&event).expect("JSON");
        let mut json = JsonEvents::default().offers(&json).expect("usual offers");
        let json = OfferKey::from(json.remove(0));
        let decoded = OfferKey::from(message.clone());
        for offer in [&encoded, &json, &decoded] {
            assert_eq!((offer.id(), offer.agent_id()), ("offer", "agent"));
            assert_eq!((offer.hostname(), offer.role()), ("host", Some("web")));
            assert_eq!(offer.message(&OnceLock::new()), &message);
        }
        let expected = Resources::try_from(message.resources).expect("valid");
        for offer in [&encoded, &json] {
            let resources = offer.encoded_resources().map(Resources::from_encoded);
            let resources = resources.flatten().expect("encoded");
            assert_eq!(resources.expect("valid"), expected);
        }
        assert_eq!(encoded, decoded);
    }
}
