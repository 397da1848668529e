//! Splits a large OFFERS event into smaller events before it is decoded.
//!
//! Decoded offers need many times their size on the wire. A master that offers ten thousand agents
//! at once does so in one event. Nothing in the event says that its offers belong together: an event
//! holds what one round of allocation gave to one framework (`Master::offer` in
//! src/master/master.cpp). So the event is delivered as a sequence of smaller events, and each is
//! decoded when the one before it was delivered.

use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};
use mesos_proto::v1::scheduler::event::Type;
use prost::encoding::{WireType, decode_key, decode_varint, encode_key, encode_varint};

/// The size of a chunk in bytes: five to six hundred offers of four resources each. A shorter event
/// is not split, and a chunk exceeds this size only by its last offer.
const CHUNK: usize = 256 << 10;

/// Field numbers in `mesos.v1.scheduler.Event`, and in its `Offers`.
const TYPE: u32 = 1;
const OFFERS: u32 = 3;
const OFFERS_OFFERS: u32 = 1;

/// The remaining chunks. Each one is the encoding of an event.
#[derive(Debug)]
pub(crate) struct OffersChunks {
    offers: Bytes,
    ranges: std::vec::IntoIter<Range<usize>>,
}

impl OffersChunks {
    /// `None` if `event` must not be split: it is short, is not OFFERS, or contains a field that the
    /// chunks would lose.
    pub(crate) fn new(event: &Bytes) -> Option<Self> {
        Self::cut(event, CHUNK)
    }

    fn cut(event: &Bytes, chunk: usize) -> Option<Self> {
        if event.len() <= chunk {
            return None;
        }
        let offers = offers(event.clone())?;
        let ranges = ranges(&offers, chunk)?.into_iter();
        Some(Self { offers, ranges })
    }
}

impl Iterator for OffersChunks {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let range = self.ranges.next()?;
        // A copy, so that an offer that is kept does not keep the whole event in memory.
        let mut event = BytesMut::with_capacity(range.len() + 16);
        encode_key(TYPE, WireType::Varint, &mut event);
        encode_varint(Type::Offers as u64, &mut event);
        encode_key(OFFERS, WireType::LengthDelimited, &mut event);
        encode_varint(range.len() as u64, &mut event);
        event.put_slice(&self.offers[range]);
        Some(event.freeze())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.ranges.size_hint()
    }
}

impl ExactSizeIterator for OffersChunks {}

/// The `Offers` message in `event`, if the event consists of its type and this message.
fn offers(mut event: Bytes) -> Option<Bytes> {
    let (mut is_offers, mut offers) = (false, None);
    while !event.is_empty() {
        match decode_key(&mut event).ok()? {
            (TYPE, WireType::Varint) => {
                is_offers = decode_varint(&mut event).ok()? == Type::Offers as u64;
            }
            (OFFERS, WireType::LengthDelimited) if offers.is_none() => {
                offers = Some(take_field(&mut event)?);
            }
            _ => return None,
        }
    }
    offers.filter(|_| is_offers)
}

/// The ranges of the chunks in `offers`: whole fields, which together cover all bytes.
fn ranges(offers: &Bytes, chunk: usize) -> Option<Vec<Range<usize>>> {
    let mut ranges = Vec::with_capacity(offers.len() / chunk + 1);
    let mut start = 0;
    let mut rest = offers.clone();
    while !rest.is_empty() {
        let (OFFERS_OFFERS, WireType::LengthDelimited) = decode_key(&mut rest).ok()? else {
            return None;
        };
        take_field(&mut rest)?;
        let end = offers.len() - rest.len();
        if end - start >= chunk || rest.is_empty() {
            ranges.push(start..end);
            start = end;
        }
    }
    Some(ranges)
}

/// Removes a length-delimited field and returns its content.
fn take_field(bytes: &mut Bytes) -> Option<Bytes> {
    let length = usize::try_from(decode_varint(bytes).ok()?).ok()?;
    (length <= bytes.len()).then(|| bytes.split_to(length))
}

#[cfg(test)]
mod tests {
    use mesos_proto::v1::scheduler::{Event, event};
    use mesos_proto::v1::{Offer, scheduler};
    use proptest::prelude::*;
    use prost::Message as _;

    use super::*;

    fn event(names: &[String]) -> Event {
        let offer = |name: &String| Offer {
            id: name.as_str().into(),
            hostname: name.clone(),
            ..Default::default()
        };
        let offers = names.iter().map(offer).collect();
        Event {
            r#type: Some(Type::Offers as i32),
            offers: Some(event::Offers { offers }),
            ..Default::default()
        }
    }

    fn bytes(event: &Event) -> Bytes {
        event.encode_to_vec().into()
    }

    proptest! {
        #[test]
        fn the_chunks_contain_all_offers_in_order_and_have_limited_size(
            names in prop::collection::vec("[a-z]{0,40}", 0..60),
            chunk in 1_usize..600,
        ) {
            let whole = event(&names);
            let encoded = bytes(&whole);
            let chunks = match OffersChunks::cut(&encoded, chunk) {
                Some(chunks) => {
                    prop_assert!(encoded.len() > chunk);
                    chunks.collect()
                }
                None => {
                    prop_assert!(encoded.len() <= chunk);
                    vec![encoded]
                }
            };
            let mut found = Vec::new();
            for bytes in chunks {
                prop_assert!(bytes.len() < chunk + 150, "{} bytes", bytes.len());
                let event = Event::decode(bytes).expect("an event");
                prop_assert_eq!(event.r#type(), Type::Offers);
                found.extend(event.offers.expect("offers").offers);
            }
            prop_assert_eq!(found, whole.offers.expect("offers").offers);
        }

        #[test]
        fn any_bytes_are_either_not_split_or_split_without_a_loss(
            noise in prop::collection::vec(any::<u8>(), 0..200),
            at in 0_usize..400,
            with in any::<u8>(),
        ) {
            let good = bytes(&event(&vec!["name".to_owned(); 12]));
            let mut spoiled = good.to_vec();
            let at = at % spoiled.len();
            spoiled[at] = with;
            for bytes in [Bytes::from(noise), Bytes::from(spoiled)] {
                let Some(chunks) = OffersChunks::cut(&bytes, 10) else { continue };
                let chunks: Result<Vec<_>, _> = chunks.map(Event::decode).collect();
                let whole = Event::decode(bytes);
                prop_assert_eq!(chunks.is_ok(), whole.is_ok());
                let (Ok(chunks), Ok(whole)) = (chunks, whole) else { continue };
                let chunks = chunks.into_iter().flat_map(|event| event.offers).flat_map(|o| o.offers);
                let found: Vec<_> = chunks.collect();
                prop_assert_eq!(found, whole.offers.unwrap_or_default().offers);
            }
        }
    }

    #[test]
    fn an_event_that_is_not_only_offers_is_not_split() {
        let offers = event(&["a".to_owned(), "b".to_owned()]);
        assert_eq!(
            OffersChunks::cut(&bytes(&offers), 8).expect("chunks").len(),
            2
        );
        let rescind = Event {
            rescind: Some(scheduler::event::Rescind {
                offer_id: "a".into(),
            }),
            ..offers.clone()
        };
        assert!(
            OffersChunks::cut(&bytes(&rescind), 8).is_none(),
            "two fields"
        );
        let other = Event {
            r#type: Some(Type::Heartbeat as i32),
            ..offers.clone()
        };
        assert!(
            OffersChunks::cut(&bytes(&other), 8).is_none(),
            "another type"
        );
        let mut newer = offers.encode_to_vec();
        newer.extend_from_slice(b"\xc2\x0c\x02hi");
        assert!(
            OffersChunks::cut(&newer.into(), 8).is_none(),
            "an unknown field"
        );
        let twice = [offers.encode_to_vec(), offers.encode_to_vec()].concat();
        assert!(
            OffersChunks::cut(&twice.into(), 8).is_none(),
            "merged messages"
        );
    }

    #[test]
    fn an_event_of_usual_size_is_not_split() {
        let names = vec!["x".repeat(100); 1000];
        assert!(OffersChunks::new(&bytes(&event(&names))).is_none());
        let names = vec!["x".repeat(100); 2000];
        assert_eq!(
            OffersChunks::new(&bytes(&event(&names)))
                .expect("chunks")
                .len(),
            2
        );
    }
}
