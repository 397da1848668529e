//! Reads offers and updates of a scheduler without decoding them.

use bytes::Bytes;
#[cfg(feature = "json")]
use mesos_proto::encoded::JsonEvents;
use mesos_proto::encoded::{EncodedOffer, EncodedUpdate};
use mesos_proto::v1::scheduler::event::Type;

use super::codec::Codec;

/// The events of one stream.
#[derive(Debug)]
pub(crate) struct Undecoded {
    codec: Codec,
    #[cfg(feature = "json")]
    json: JsonEvents,
}

impl Undecoded {
    pub(crate) fn new(codec: Codec) -> Self {
        Self {
            codec,
            #[cfg(feature = "json")]
            json: JsonEvents::default(),
        }
    }

    /// Whether `event` seems to be OFFERS or UPDATE. Such an event is decoded by the consumer, if at
    /// all. Mesos encodes the type first.
    pub(crate) fn may_read(codec: Codec, event: &[u8]) -> bool {
        const OFFERS: u8 = Type::Offers as u8;
        const UPDATE: u8 = Type::Update as u8;
        match codec {
            Codec::Protobuf => matches!(event, [0x08, OFFERS | UPDATE, ..]),
            #[cfg(feature = "json")]
            Codec::Json => JsonEvents::may_read(event),
        }
    }

    /// The offers of `event`, unless it has to be decoded.
    pub(crate) fn offers(&mut self, event: &[u8]) -> Option<Vec<EncodedOffer>> {
        match self.codec {
            Codec::Protobuf => EncodedOffer::all_in(event),
            #[cfg(feature = "json")]
            Codec::Json => self.json.offers(event),
        }
    }

    /// The update in `event`, unless it has to be decoded.
    pub(crate) fn update(&mut self, event: &Bytes) -> Option<EncodedUpdate> {
        match self.codec {
            Codec::Protobuf => EncodedUpdate::in_event(event),
            #[cfg(feature = "json")]
            Codec::Json => self.json.update(event),
        }
    }
}
