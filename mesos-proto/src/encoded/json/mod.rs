//! Offers and updates as JSON. Their first byte is `{`, with which no checked protobuf starts: it
//! would be the key of a group.

mod layout;
mod template;
#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::EncodedOffer;
use super::block::{Block, Texts};
use super::update::{EncodedUpdate, Fields, Uuid};
use crate::json::check::Scan;
use crate::json::message::Message as _;
use crate::json::text::Kind;
use crate::v1::{Offer, Resource, TaskState, TaskStatus, task_status};
use template::{Found, Templates};

/// The start and the end of an event with offers or an update, as Mesos writes it.
const OFFERS: &[u8] = br#"{"type":"OFFERS","offers":{"offers":["#;
const OFFERS_END: &[u8] = b"]}}";
const UPDATE: &[u8] = br#"{"type":"UPDATE","update":{"status":"#;
const UPDATE_END: &[u8] = b"}}";

/// The values that are read.
const AGENT_ID: u8 = 1;
const OFFER_ID: u8 = 2;
const HOSTNAME: u8 = 3;
const ROLE: u8 = 4;
const TASK_ID: u8 = 2;
const UUID: u8 = 3;
const STATE: u8 = 4;
const REASON: u8 = 5;

/// Whether a checked message is JSON.
pub(super) fn is_json(message: &[u8]) -> bool {
    message.first() == Some(&b'{')
}

/// Reads offers and updates in events that are JSON. It remembers earlier events of a stream, with
/// which it compares later ones, so use one for each stream.
///
/// ```
/// use bytes::Bytes;
/// use mesos_proto::encoded::JsonEvents;
///
/// let event = r#"{"type":"UPDATE","update":{"status":{"task_id":{"value":"t"},"state":"TASK_RUNNING"}}}"#;
/// let update = JsonEvents::default().update(&Bytes::from(event)).ok_or("decode the event")?;
/// assert_eq!(update.task_id(), "t");
/// # Ok::<(), &str>(())
/// ```
#[derive(Debug)]
pub struct JsonEvents {
    offers: Templates,
    updates: Templates,
}

impl Default for JsonEvents {
    fn default() -> Self {
        Self {
            offers: Templates::new(check_offer),
            updates: Templates::new(check_status),
        }
    }
}

impl JsonEvents {
    /// Whether `event` seems to be one that this can read.
    pub fn may_read(event: &[u8]) -> bool {
        event.starts_with(OFFERS) || event.starts_with(UPDATE)
    }

    /// The offers in `event`. `None` if the event is not OFFERS, or if it has to be decoded as a
    /// whole; see the [module](super).
    pub fn offers(&mut self, event: &[u8]) -> Option<Vec<EncodedOffer>> {
        let mut rest = event.strip_prefix(OFFERS)?;
        let mut offers = Vec::new();
        let mut block = Block::default();
        loop {
            let found = self.offers.find(rest)?;
            let (offer, after) = rest.split_at_checked(found.length)?;
            let (id, texts) = texts(found)?;
            block.add(offer, id, texts, &mut offers)?;
            let Some(next) = after.strip_prefix(b",") else {
                block.finish(&mut offers);
                return (after == OFFERS_END).then_some(offers);
            };
            rest = next;
        }
    }

    /// The update in `event`. `None` if the event is not UPDATE, or if it has to be decoded as a
    /// whole; see the [module](super).
    pub fn update(&mut self, event: &Bytes) -> Option<EncodedUpdate> {
        let status = event.strip_prefix(UPDATE)?.strip_suffix(UPDATE_END)?;
        let found = self.updates.find(status)?;
        let fields = fields(found, status)?;
        Some(EncodedUpdate::new(event.slice_ref(status), fields))
    }
}

/// Decodes a message that was checked.
pub(super) fn decode<M: DeserializeOwned + Default>(message: &[u8]) -> M {
    let decoded = serde_json::from_slice(message);
    // A check accepts only what can be decoded; the tests compare.
    debug_assert!(decoded.is_ok(), "{:?}", decoded.err());
    decoded.unwrap_or_default()
}

/// As [`decode`]. Not inlined, because the memory for a second message would slow down protobuf.
#[cold]
pub(super) fn decode_into(message: &[u8], resource: &mut Resource) {
    *resource = decode(message);
}

/// The text that starts here and has no escapes.
pub(super) fn text(rest: &[u8]) -> Option<&str> {
    let length = rest.iter().position(|byte| *byte == b'"')?;
    std::str::from_utf8(&rest[..length]).ok()
}

/// The elements of the array of resources in `offer`, which was checked.
pub(super) fn resources(offer: &[u8]) -> &[u8] {
    let mut leaves = Vec::new();
    let mut scan = Scan::new(offer, &mut leaves);
    let mut range = 0..0;
    let checked = scan.object::<Offer>(|name, scan| {
        let start = scan.position() + 1;
        scan.any()?;
        // The last of several arrays counts.
        if name == b"resources" {
            range = start..scan.position() - 1;
        }
        Some(())
    });
    debug_assert!(checked.is_some(), "the offer was checked");
    offer.get(range).unwrap_or_default()
}

/// Removes the first element of an array that was checked. Not inlined, because the memory for a
/// check would slow down protobuf.
#[inline(never)]
pub(super) fn next_element<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let mut leaves = Vec::new();
    let mut scan = Scan::new(rest, &mut leaves);
    scan.any()?;
    let (element, after) = rest.split_at_checked(scan.position())?;
    *rest = after.strip_prefix(b",").unwrap_or(after);
    Some(element)
}

/// The id of an offer, and the positions of its texts.
fn texts(found: &Found) -> Option<(std::ops::Range<usize>, Texts)> {
    let position = |slot| found.values[usize::from(slot)].start;
    let texts = Texts {
        agent_id: position(AGENT_ID),
        hostname: position(HOSTNAME),
        role: position(ROLE),
        ..Texts::default()
    };
    Some((found.range(OFFER_ID)?, texts))
}

/// The fields of a status.
fn fields(found: &Found, status: &[u8]) -> Option<Fields> {
    if found.length != status.len() {
        return None;
    }
    let number = |slot| found.values[usize::from(slot)].number;
    let uuid = match found.range(UUID) {
        Some(text) => {
            // A uuid has 16 bytes. Another one is decoded as a whole, if it is valid.
            let mut uuid = [0; 18];
            let length = STANDARD.decode_slice(status.get(text)?, &mut uuid).ok()?;
            let (uuid, []) = uuid.get(..length)?.split_first_chunk()? else {
                return None;
            };
            Uuid::Decoded(*uuid)
        }
        None => Uuid::Missing,
    };
    Some(Fields {
        task_id: found.range(TASK_ID),
        agent_id: found.range(AGENT_ID),
        uuid,
        state: Some(number(STATE)),
        reason: found.range(REASON).map(|_| number(REASON)),
    })
}

/// Checks an offer, and gives its values slots.
fn check_offer(scan: &mut Scan<'_>) -> Option<()> {
    scan.object::<Offer>(|name, scan| match name {
        b"id" => only(scan, b"{\"value\":", OFFER_ID),
        b"agent_id" => only(scan, b"{\"value\":", AGENT_ID),
        b"hostname" => scan.quoted(Kind::Plain, HOSTNAME),
        b"allocation_info" => only(scan, b"{\"role\":", ROLE),
        _ => Offer::check_field(name, scan),
    })
}

/// Checks a status, and gives its values slots.
fn check_status(scan: &mut Scan<'_>) -> Option<()> {
    scan.object::<TaskStatus>(|name, scan| match name {
        b"task_id" => only(scan, b"{\"value\":", TASK_ID),
        b"agent_id" => only(scan, b"{\"value\":", AGENT_ID),
        b"uuid" => scan.quoted(Kind::Plain, UUID),
        b"state" => scan.quoted(Kind::Name(state), STATE),
        b"reason" => scan.quoted(Kind::Name(reason), REASON),
        _ => TaskStatus::check_field(name, scan),
    })
}

/// Checks an object with one text.
fn only(scan: &mut Scan<'_>, start: &[u8], slot: u8) -> Option<()> {
    scan.expect(start)?;
    scan.quoted(Kind::Plain, slot)?;
    scan.expect(b"}")
}

fn state(name: &str) -> Option<i32> {
    TaskState::from_str_name(name).map(i32::from)
}

fn reason(name: &str) -> Option<i32> {
    task_status::Reason::from_str_name(name).map(i32::from)
}
