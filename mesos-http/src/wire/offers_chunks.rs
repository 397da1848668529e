//! A large OFFERS event, cut into several smaller ones before it is decoded.
//!
//! Decoded offers take many times the room that they have on the wire. A master
//! that offers ten thousand agents at once does so in one event, and nothing in
//! it says that its offers belong together: masters put into one event what one
//! round of allocation gave one framework (`Master::offer` in
//! src/master/master.cpp). So it is handed over in chunks, each an event of its
//! own, in their order, and one is decoded when the one before it was taken.

use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};
use mesos_proto::v1::scheduler::event::Type;
use prost::encoding::{WireType, decode_key, decode_varint, encode_key, encode_varint};

/// In bytes; what is shorter stays whole, and no chunk is longer but by its last
/// offer. Five to six hundred offers of four resources each.
const CHUNK: usize = 256 << 10;

/// Tags in `mesos.v1.scheduler.Event`, and in its `Offers`.
const TYPE: u32 = 1;
const OFFERS: u32 = 3;
const OFFERS_OFFERS: u32 = 1;

/// The chunks that are still to come, each the bytes of an event.
#[derive(Debug)]
pub(crate) struct OffersChunks {
    offers: Bytes,
    ranges: std::vec::IntoIter<Range<usize>>,
}

impl OffersChunks {
    /// `None` where `event` is to be decoded as it is: because it is short, is
    /// not OFFERS, or has anything in it that the chunks could lose.
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
        // A copy, so that an offer that is kept keeps no more than its chunk.
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

/// The message in `event`, if it is OFFERS and nothing else.
fn offers(mut event: Bytes) -> Option<Bytes> {
    let (mut is_offers, mut offers) = (false, None);
    while !event.is_empty() {
        match decode_key(&mut event).ok()? {
            (TYPE, WireType::Varint) => {
                is_offers = decode_varint(&mut event).ok()? == Type::Offers as u64;
            }
            (OFFERS, WireType::LengthDelimited) if offers.is_none() => {
                offers = Some(taken(&mut event)?);
            }
            _ => return None,
        }
    }
    offers.filter(|_| is_offers)
}

/// Where in `offers` the chunks are: whole fields, every byte in one of them.
fn ranges(offers: &Bytes, chunk: usize) -> Option<Vec<Range<usize>>> {
    let mut ranges = Vec::with_capacity(offers.len() / chunk + 1);
    let mut start = 0;
    let mut rest = offers.clone();
    while !rest.is_empty() {
        let (OFFERS_OFFERS, WireType::LengthDelimited) = decode_key(&mut rest).ok()? else {
            return None;
        };
        taken(&mut rest)?;
        let end = offers.len() - rest.len();
        if end - start >= chunk || rest.is_empty() {
            ranges.push(start..end);
            start = end;
        }
    }
    Some(ranges)
}

/// A field's length, and then so many bytes.
fn taken(bytes: &mut Bytes) -> Option<Bytes> {
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
        fn the_chunks_are_the_offers_in_their_order_and_none_is_much_too_long(
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
        fn bytes_of_any_kind_are_left_whole_or_cut_without_a_loss(
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
    fn what_is_not_offers_alone_stays_whole() {
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
    fn an_event_of_usual_size_stays_whole() {
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
