//! Copies of offers that share an allocation. The offers of an event are usually freed together, and
//! to allocate and free each of them would take a third of the time of an offer that nobody reads.
//!
//! In a block, each offer has a head before it: the length of the offer, and the positions of its
//! texts.

use std::ops::Range;
use std::sync::Arc;

use super::EncodedOffer;

/// The size of a block in bytes, without its last offer. An offer that is kept keeps its block in
/// memory.
const BLOCK: usize = 4 << 10;

/// The positions of texts in the bytes of an offer: of the length before the text, or of its first byte
/// in JSON. Zero is a text that is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Texts {
    pub(super) id: u32,
    pub(super) agent_id: u32,
    pub(super) hostname: u32,
    pub(super) role: u32,
}

/// The numbers in a head: the length of the offer, and the positions.
const LENGTH: usize = 0;
pub(super) const AGENT_ID: usize = 1;
pub(super) const HOSTNAME: usize = 2;
pub(super) const ROLE: usize = 3;

/// The size of a head in bytes.
const HEAD: usize = size_of::<[u32; 4]>();

/// A block that is being filled.
#[derive(Default)]
pub(super) struct Block {
    bytes: Vec<u8>,
    /// The position of the head of each offer, and of the id in the offer.
    offers: Vec<(u32, Range<u16>)>,
}

impl Block {
    /// Adds a copy of `offer`, which has its id in this range. When the block is full, its offers are
    /// added to `offers`. `None` if the offer is too large, or its id is not at its start.
    pub(super) fn add(
        &mut self,
        offer: &[u8],
        id: Range<usize>,
        texts: Texts,
        offers: &mut Vec<EncodedOffer>,
    ) -> Option<()> {
        let at = u32::try_from(self.bytes.len()).ok()?;
        let id = [id.start, id.end].map(u16::try_from);
        let [Ok(start), Ok(end)] = id else {
            return None;
        };
        self.offers.push((at, start..end));
        let length = u32::try_from(offer.len()).ok()?;
        // In the order of the constants.
        let head = [length, texts.agent_id, texts.hostname, texts.role];
        let mut bytes = [0; HEAD];
        for (place, number) in bytes.chunks_exact_mut(4).zip(head) {
            place.copy_from_slice(&number.to_ne_bytes());
        }
        self.bytes.extend_from_slice(&bytes);
        self.bytes.extend_from_slice(offer);
        if self.bytes.len() >= BLOCK {
            self.finish(offers);
        }
        Some(())
    }

    /// Adds the offers in this block to `offers`.
    pub(super) fn finish(&mut self, offers: &mut Vec<EncodedOffer>) {
        if self.offers.is_empty() {
            return;
        }
        let block: Arc<[u8]> = Arc::from(&self.bytes[..]);
        offers.extend(self.offers.drain(..).map(|(at, id)| EncodedOffer {
            block: Arc::clone(&block),
            at,
            id,
        }));
        self.bytes.clear();
    }
}

/// The position in the block of the offer whose head is at this position.
pub(super) fn start(at: u32) -> usize {
    at as usize + HEAD
}

/// The offer whose head is at this position.
pub(super) fn offer(block: &[u8], at: u32) -> &[u8] {
    let end = start(at) + number(block, at, LENGTH);
    block.get(start(at)..end).unwrap_or_default()
}

/// A number in the head at this position.
pub(super) fn number(block: &[u8], at: u32, which: usize) -> usize {
    let bytes = block.get(at as usize + 4 * which..);
    let bytes = bytes.and_then(<[u8]>::first_chunk);
    u32::from_ne_bytes(*bytes.unwrap_or(&[0; 4])) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An id without bytes, and more bytes.
    fn bytes(number: u8, size: usize) -> Vec<u8> {
        [&[0][..], &vec![number; size - 1]].concat()
    }

    #[test]
    fn an_offer_that_is_kept_keeps_at_most_a_block_and_an_offer_in_memory() {
        for size in [1, 400, 10_000] {
            let (mut block, mut offers) = (Block::default(), Vec::new());
            for number in 0..100 {
                let offer = bytes(number, size);
                let added = block.add(&offer, 1..1, Texts::default(), &mut offers);
                added.expect("a small offer");
            }
            block.finish(&mut offers);
            assert_eq!(offers.len(), 100);
            for (offer, number) in offers.iter().zip(0..) {
                assert_eq!(offer.offer(), bytes(number, size));
                assert!(offer.block.len() < BLOCK + HEAD + size);
            }
        }
    }
}
