//! Offers and updates that are decoded when they are needed, and calls without messages.
//!
//! Most offers are declined without a look at more than a few fields, and decoding an offer takes
//! ten times as long as this module needs to find these fields. An [`EncodedOffer`] is a copy of its
//! bytes, so that an offer that is kept does not keep its whole event in memory, but only a block of a
//! few kilobytes.
//!
//! Updates are read more often, but not all of them completely. An [`EncodedUpdate`] is a slice of its
//! event, because an update is handled at once.
//!
//! All errors are found at once: [`EncodedOffer::all_in`] and [`EncodedUpdate::in_event`] check each
//! field against the schema (`shape.rs`), and returns `None` unless decoding is certain to succeed. It also
//! returns `None` for everything unusual, such as text that is not UTF-8 in the fields that it
//! reads, or a field that occurs twice. The caller then decodes the whole event.
//!
//! Offers and updates of an event that is JSON are read by [`JsonEvents`], and stay text.
//!
//! [`decline`], [`acknowledge`] and [`reconcile`] encode calls from the ids alone.

mod block;
mod call;
#[cfg(feature = "json")]
mod json;
mod resource;
mod shape;
mod template;
#[cfg(test)]
mod tests;
mod update;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use prost::Message as _;

use crate::lossy;
use crate::v1;
use crate::wire::{LENGTH_DELIMITED, VARINT, length_delimited, tag, varint};
use block::{Block, Texts};
pub use call::{Encoding, acknowledge, decline, reconcile};
#[cfg(feature = "json")]
pub use json::JsonEvents;
pub use resource::{EncodedResource, EncodedResources};
use shape::{Shape, Stack, check, key};
use template::Templates;
pub use update::EncodedUpdate;

/// Field numbers in `mesos.v1.scheduler.Event` and in its `Offers`.
const EVENT_TYPE: u32 = 1;
const EVENT_OFFERS: u32 = 3;
const OFFERS_OFFERS: u32 = 1;

/// Keys in `mesos.v1.Offer`.
const ID: u8 = key(1, LENGTH_DELIMITED);
const AGENT_ID: u8 = key(3, LENGTH_DELIMITED);
const HOSTNAME: u8 = key(4, LENGTH_DELIMITED);
const ALLOCATION_INFO: u8 = key(10, LENGTH_DELIMITED);

/// The key in `OfferID`, `AgentID` and `AllocationInfo` of their text.
const VALUE: u8 = key(1, LENGTH_DELIMITED);

static OFFER: Shape = Shape::new(shape::OFFER, &[ID, AGENT_ID, HOSTNAME, ALLOCATION_INFO]);

/// An offer as protobuf or JSON. Its fields can be read without decoding the whole offer, and decoding
/// cannot fail. Clones share the bytes.
#[derive(Clone)]
pub struct EncodedOffer {
    /// Shared with other offers, see [`block`].
    block: Arc<[u8]>,
    /// The position of the offer's head in the block.
    at: u32,
    /// The position of the id in the offer. It is needed often.
    id: Range<u16>,
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
        let mut following = count(list)?;
        let mut offers = Vec::with_capacity(following);
        let mut templates = Templates::default();
        let (mut block, mut stack) = (Block::default(), Stack::new());
        while !list.is_empty() {
            let (OFFERS_OFFERS, LENGTH_DELIMITED) = tag(&mut list)? else {
                return None;
            };
            let offer = length_delimited(&mut list)?;
            following -= 1;
            let texts = templates.texts(offer, &mut stack, following)?;
            block.add(offer, id_in(offer, &texts)?, texts, &mut offers)?;
        }
        block.finish(&mut offers);
        Some(offers)
    }

    /// The id of the offer.
    pub fn id(&self) -> &str {
        std::str::from_utf8(self.id_bytes()).unwrap_or_default()
    }

    /// The id of the offer as bytes. It costs less than [`id`](Self::id), which checks again that
    /// the bytes are UTF-8.
    pub fn id_bytes(&self) -> &[u8] {
        let start = block::start(self.at);
        let id = start + usize::from(self.id.start)..start + usize::from(self.id.end);
        self.block.get(id).unwrap_or_default()
    }

    /// The id of the agent.
    pub fn agent_id(&self) -> &str {
        self.text(block::AGENT_ID).unwrap_or_default()
    }

    /// The host name of the agent.
    pub fn hostname(&self) -> &str {
        self.text(block::HOSTNAME).unwrap_or_default()
    }

    /// The role that the resources are allocated to, if there is one.
    pub fn role(&self) -> Option<&str> {
        self.text(block::ROLE)
    }

    /// The size of the encoded offer in bytes.
    pub fn size(&self) -> usize {
        self.offer().len()
    }

    /// The resources.
    pub fn resources(&self) -> EncodedResources<'_> {
        EncodedResources::of(self.offer(), self.role().unwrap_or_default())
    }

    /// The whole offer, and the names of the fields whose text is not UTF-8 and was replaced, as the
    /// backends do for all messages.
    pub fn decode(&self) -> (v1::Offer, Vec<String>) {
        #[cfg(feature = "json")]
        if json::is_json(self.offer()) {
            return (json::decode(self.offer()), Vec::new());
        }
        if let Ok(offer) = v1::Offer::decode(self.offer()) {
            return (offer, Vec::new());
        }
        let decoded = lossy::decode(Bytes::copy_from_slice(self.offer()));
        // `texts` accepts only what can be decoded; the tests compare.
        debug_assert!(decoded.is_ok(), "{decoded:?}");
        decoded.unwrap_or_default()
    }

    /// Whether this is a clone of `other`, or the other way round. It costs less than a comparison
    /// of the bytes.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.block, &other.block) && self.at == other.at
    }

    fn offer(&self) -> &[u8] {
        block::offer(&self.block, self.at)
    }

    fn text(&self, which: usize) -> Option<&str> {
        let position = block::number(&self.block, self.at, which);
        let offer = self.offer();
        // No text is at the start of an offer.
        let mut rest = offer.get(position..).filter(|_| position > 0)?;
        #[cfg(feature = "json")]
        if json::is_json(offer) {
            return json::text(rest);
        }
        std::str::from_utf8(length_delimited(&mut rest)?).ok()
    }
}

/// Whether the bytes are equal.
impl PartialEq for EncodedOffer {
    fn eq(&self, other: &Self) -> bool {
        self.offer() == other.offer()
    }
}

impl Eq for EncodedOffer {}

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
fn texts<'a>(offer: &'a [u8], stack: &mut Stack<'a>) -> Option<Texts> {
    let mut texts = Texts::default();
    check((offer, &OFFER), stack, |key, mut rest| {
        let place = match key {
            ID => &mut texts.id,
            AGENT_ID => &mut texts.agent_id,
            HOSTNAME => &mut texts.hostname,
            _ => &mut texts.role,
        };
        if *place != 0 {
            return None;
        }
        let mut at = offer.len() - rest.len();
        let mut text = length_delimited(&mut rest)?;
        if key != HOSTNAME {
            at = offer.len() - rest.len() - text.len() + 1;
            text = only_value(text)?;
        }
        is_text(text).then_some(())?;
        *place = u32::try_from(at).ok()?;
        Some(rest)
    })?;
    (texts.id != 0 && texts.agent_id != 0).then_some(texts)
}

/// The range of the id.
#[inline]
fn id_in(offer: &[u8], texts: &Texts) -> Option<Range<usize>> {
    let mut rest = offer.get(texts.id as usize..)?;
    let length = length_delimited(&mut rest)?.len();
    let end = offer.len() - rest.len();
    Some(end - length..end)
}

/// Whether the texts at these positions are UTF-8.
fn are_texts(offer: &[u8], texts: &Texts) -> bool {
    let positions = [texts.id, texts.agent_id, texts.hostname, texts.role];
    positions.into_iter().all(|position| {
        let mut rest = offer.get(position as usize..).unwrap_or_default();
        position == 0 || length_delimited(&mut rest).is_some_and(is_text)
    })
}

/// The text in a message that has no other field.
fn only_value(message: &[u8]) -> Option<&[u8]> {
    let (&VALUE, mut rest) = message.split_first()? else {
        return None;
    };
    let text = length_delimited(&mut rest)?;
    rest.is_empty().then_some(text)
}
