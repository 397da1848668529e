//! Checks an offer by comparing it with another one that was checked.
//!
//! The offers of an event are often of agents that were set up in the same way, and differ only in
//! numbers and in texts of the same length. Whether a message can be decoded depends only on some of
//! its bytes: the keys of the fields, the lengths, and the ends of the numbers. If these bytes are
//! equal, the result of the check is equal as well. To compare them takes a fifth of the time of the
//! check.

use super::shape::marks;
use super::{Texts, are_texts, shape, texts};

/// The number of offers that are compared with.
const TEMPLATES: usize = 4;

/// A template takes as long as the check of two offers. So there is at most one for this number of
/// offers.
const OFFERS: usize = 8;

/// The number of bytes that are compared at once.
const LANES: usize = 32;

/// An offer to compare with.
struct Template {
    bytes: Vec<u8>,
    /// The bits of the bytes that have to be equal.
    mask: Vec<u8>,
    texts: Texts,
}

/// The templates of an event.
#[derive(Default)]
pub(super) struct Templates {
    all: Vec<Template>,
    /// The number of offers without a template.
    unknown: usize,
}

impl Templates {
    /// Checks `offer` and finds its texts. `following` is the number of the offers after this one.
    pub(super) fn texts<'a>(
        &mut self,
        offer: &'a [u8],
        stack: &mut shape::Stack<'a>,
        following: usize,
    ) -> Option<Texts> {
        let same = self.all.iter().find(|one| one.is_like(offer));
        if let Some(Template { texts, .. }) = same {
            return are_texts(offer, texts).then_some(*texts);
        }
        let texts = texts(offer, stack)?;
        if self.unknown.is_multiple_of(OFFERS) && following >= OFFERS {
            self.all.truncate(TEMPLATES - 1);
            // Found first, because the next offer is probably similar.
            self.all.insert(0, Template::new(offer, texts)?);
        }
        self.unknown += 1;
        Some(texts)
    }
}

impl Template {
    /// A template of an offer that was checked.
    fn new(offer: &[u8], texts: Texts) -> Option<Self> {
        let mut mask = vec![0; offer.len()];
        marks(offer, shape::OFFER, &mut mask)?;
        Some(Self {
            bytes: offer.to_vec(),
            mask,
            texts,
        })
    }

    /// Whether all bytes that the check depends on are equal.
    fn is_like(&self, offer: &[u8]) -> bool {
        if offer.len() != self.bytes.len() || offer.len() < LANES {
            return false;
        }
        let mut different = [0; LANES];
        let mut compare = |offer: &[u8], bytes: &[u8], mask: &[u8]| {
            let bytes = offer.iter().zip(bytes).zip(mask);
            for (different, ((byte, expected), mask)) in different.iter_mut().zip(bytes) {
                *different |= (byte ^ expected) & mask;
            }
        };
        let chunks = offer
            .chunks_exact(LANES)
            .zip(self.bytes.chunks_exact(LANES));
        for ((offer, bytes), mask) in chunks.zip(self.mask.chunks_exact(LANES)) {
            compare(offer, bytes, mask);
        }
        // The last chunk overlaps the one before it.
        let last = offer.len() - LANES;
        compare(&offer[last..], &self.bytes[last..], &self.mask[last..]);
        different == [0; LANES]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message as _;

    use super::super::tests::offers;
    use super::*;

    proptest! {
        #[test]
        fn an_offer_that_is_like_a_template_has_the_result_of_the_check(
            offers in offers(),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        ) {
            for offer in offers {
                let mut bytes = offer.encode_to_vec();
                let Some(found) = texts(&bytes, &mut shape::Stack::new()) else { continue };
                let template = Template::new(&bytes, found).expect("a checked offer");
                prop_assert!(template.is_like(&bytes));
                for (at, with) in &changes {
                    let at = at.index(bytes.len());
                    bytes[at] = *with;
                }
                if template.is_like(&bytes) {
                    let found = are_texts(&bytes, &found).then_some(found);
                    prop_assert_eq!(texts(&bytes, &mut shape::Stack::new()), found);
                }
            }
        }
    }
}
