//! Offers and updates that are decoded when they are needed.
//!
//! Most offers are declined without a look at more than a few fields, and decoding an offer takes
//! ten times as long as this module needs to find these fields. An [`EncodedOffer`] is a copy of the
//! bytes of one offer, so that an offer that is kept does not keep its whole event in memory.
//!
//! Updates are read more often, but not all of them completely. An [`EncodedUpdate`] is a slice of its
//! event, because an update is handled at once.
//!
//! All errors are found at once: [`EncodedOffer::all_in`] and [`EncodedUpdate::in_event`] check each
//! field against the schema (`shape.rs`), and returns `None` unless decoding is certain to succeed. It also
//! returns `None` for everything unusual, such as text that is not UTF-8 in the fields that it
//! reads, or a field that occurs twice. The caller then decodes the whole event.

mod shape;
#[cfg(test)]
mod tests;
mod update;

use std::fmt;

use bytes::Bytes;
use prost::Message as _;

use crate::lossy;
use crate::v1::{self, Resource};
use crate::wire::{LENGTH_DELIMITED, VARINT, length_delimited, tag, varint};
use shape::OFFER;
pub use update::EncodedUpdate;

/// Field numbers in `mesos.v1.scheduler.Event` and in its `Offers`.
const EVENT_TYPE: u32 = 1;
const EVENT_OFFERS: u32 = 3;
const OFFERS_OFFERS: u32 = 1;

/// Field numbers in `mesos.v1.Offer`.
const ID: u32 = 1;
const AGENT_ID: u32 = 3;
const HOSTNAME: u32 = 4;
const RESOURCES: u32 = 5;
const ALLOCATION_INFO: u32 = 10;

/// The field of `OfferID`, `AgentID` and `AllocationInfo` that has their text.
const VALUE: u32 = 1;

/// An offer as protobuf. Its fields can be read without decoding the whole offer, and decoding
/// cannot fail.
#[derive(Clone, PartialEq, Eq)]
pub struct EncodedOffer {
    bytes: Box<[u8]>,
    texts: Texts,
}

/// The positions of texts in the bytes of an offer: of the length before the text. Zero is a text
/// that is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Texts {
    id: u32,
    agent_id: u32,
    hostname: u32,
    role: u32,
}

impl EncodedOffer {
    /// The offers in `event`, which is an encoded `mesos.v1.scheduler.Event`. `None` if the event is
    /// not OFFERS, or if it has to be decoded as a whole; see the [module](self).
    ///
    /// ```
    /// use mesos_proto::encoded::EncodedOffer;
    ///
    /// // The type OFFERS, and one offer with the id "o", the agent "a" and the host name "h".
    /// let event = b"\x08\x02\x1a\x0f\x0a\x0d\x0a\x03\x0a\x01o\x1a\x03\x0a\x01a\x22\x01h";
    /// let offers = EncodedOffer::all_in(event).ok_or("decode the event")?;
    /// assert_eq!((offers[0].id(), offers[0].agent_id(), offers[0].hostname()), ("o", "a", "h"));
    /// assert_eq!(offers[0].decode().0.hostname, "h");
    /// # Ok::<(), &str>(())
    /// ```
    pub fn all_in(event: &[u8]) -> Option<Vec<Self>> {
        let mut list = offers_in(event)?;
        let mut offers = Vec::with_capacity(count(list)?);
        while !list.is_empty() {
            let (OFFERS_OFFERS, LENGTH_DELIMITED) = tag(&mut list)? else {
                return None;
            };
            let offer = length_delimited(&mut list)?;
            let texts = texts(offer)?;
            let bytes = offer.into();
            offers.push(Self { bytes, texts });
        }
        Some(offers)
    }

    /// The id of the offer.
    pub fn id(&self) -> &str {
        self.text(self.texts.id).unwrap_or_default()
    }

    /// The id of the offer as bytes. It costs less than [`id`](Self::id), which checks again that
    /// the bytes are UTF-8.
    pub fn id_bytes(&self) -> &[u8] {
        self.bytes_at(self.texts.id).unwrap_or_default()
    }

    /// The id of the agent.
    pub fn agent_id(&self) -> &str {
        self.text(self.texts.agent_id).unwrap_or_default()
    }

    /// The host name of the agent.
    pub fn hostname(&self) -> &str {
        self.text(self.texts.hostname).unwrap_or_default()
    }

    /// The role that the resources are allocated to, if there is one.
    pub fn role(&self) -> Option<&str> {
        self.text(self.texts.role)
    }

    /// The size of the encoded offer in bytes.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// The resources, or `None` if one of them contains text that is not UTF-8.
    pub fn resources(&self) -> Option<Vec<Resource>> {
        let mut resources = Vec::with_capacity(4);
        let mut rest = &self.bytes[..];
        while !rest.is_empty() {
            let (number, wire_type) = tag(&mut rest)?;
            if wire_type != LENGTH_DELIMITED {
                OFFER.value(&mut rest, number, wire_type)?;
                continue;
            }
            let data = length_delimited(&mut rest)?;
            if number == RESOURCES {
                resources.push(Resource::decode(data).ok()?);
            }
        }
        Some(resources)
    }

    /// The whole offer, and the names of the fields whose text is not UTF-8 and was replaced, as in
    /// [`lossy::decode`].
    pub fn decode(&self) -> (v1::Offer, Vec<String>) {
        if let Ok(offer) = v1::Offer::decode(&self.bytes[..]) {
            return (offer, Vec::new());
        }
        let decoded = lossy::decode(Bytes::copy_from_slice(&self.bytes));
        // `texts` accepts only what can be decoded; the tests compare.
        debug_assert!(decoded.is_ok(), "{decoded:?}");
        decoded.unwrap_or_default()
    }

    fn text(&self, at: u32) -> Option<&str> {
        std::str::from_utf8(self.bytes_at(at)?).ok()
    }

    fn bytes_at(&self, at: u32) -> Option<&[u8]> {
        let mut rest = self.bytes.get(at as usize..).filter(|_| at > 0)?;
        length_delimited(&mut rest)
    }
}

/// Only the texts: an offer is long.
impl fmt::Debug for EncodedOffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncodedOffer")
            .field("id", &self.id())
            .field("agent_id", &self.agent_id())
            .field("hostname", &self.hostname())
            .finish_non_exhaustive()
    }
}

/// The `Offers` message in `event`, if the event consists of the type OFFERS and this message.
fn offers_in(event: &[u8]) -> Option<&[u8]> {
    let (mut is_offers, mut offers) = (false, None);
    let mut rest = event;
    while !rest.is_empty() {
        match tag(&mut rest)? {
            (EVENT_TYPE, VARINT) => {
                is_offers = varint(&mut rest)? == v1::scheduler::event::Type::Offers as u64;
            }
            (EVENT_OFFERS, LENGTH_DELIMITED) if offers.is_none() => {
                offers = Some(length_delimited(&mut rest)?);
            }
            _ => return None,
        }
    }
    offers.filter(|_| is_offers)
}

/// The number of fields in `list`.
fn count(mut list: &[u8]) -> Option<usize> {
    let mut count = 0;
    while !list.is_empty() {
        let (_, LENGTH_DELIMITED) = tag(&mut list)? else {
            return None;
        };
        length_delimited(&mut list)?;
        count += 1;
    }
    Some(count)
}

/// Whether `bytes` are UTF-8. Nearly all texts of Mesos are ASCII, which is checked faster.
fn is_text(bytes: &[u8]) -> bool {
    bytes.is_ascii() || std::str::from_utf8(bytes).is_ok()
}

/// Checks an offer and finds its texts.
fn texts(offer: &[u8]) -> Option<Texts> {
    let mut texts = Texts::default();
    let mut rest = offer;
    while !rest.is_empty() {
        let (number, wire_type) = tag(&mut rest)?;
        let (place, nested) = match number {
            ID => (&mut texts.id, true),
            AGENT_ID => (&mut texts.agent_id, true),
            HOSTNAME => (&mut texts.hostname, false),
            ALLOCATION_INFO => (&mut texts.role, true),
            _ => {
                OFFER.value(&mut rest, number, wire_type)?;
                continue;
            }
        };
        if wire_type != LENGTH_DELIMITED || *place != 0 {
            return None;
        }
        let mut at = offer.len() - rest.len();
        let mut text = length_delimited(&mut rest)?;
        if nested {
            let (VALUE, LENGTH_DELIMITED) = tag(&mut text)? else {
                return None;
            };
            at = offer.len() - rest.len() - text.len();
            let value = length_delimited(&mut text)?;
            if !text.is_empty() {
                return None;
            }
            text = value;
        }
        is_text(text).then_some(())?;
        *place = u32::try_from(at).ok()?;
    }
    (texts.id != 0 && texts.agent_id != 0).then_some(texts)
}
