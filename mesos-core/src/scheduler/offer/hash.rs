//! The hash of the ids of offers.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::{FoldHasher, RandomState};

/// The number of bytes that are hashed.
const END: usize = 16;

/// Hashes the end of an id. The ids of the offers of a master start with the same text, and end with
/// a number (`Master::newOfferId` in src/master/master.cpp). They are from the master, so a fast hash
/// is enough.
#[derive(Clone, Debug, Default)]
pub(crate) struct HashIds(RandomState);

impl BuildHasher for HashIds {
    type Hasher = HashEnd;

    fn build_hasher(&self) -> HashEnd {
        HashEnd(self.0.build_hasher())
    }
}

pub(crate) struct HashEnd(FoldHasher<'static>);

impl Hasher for HashEnd {
    fn write(&mut self, bytes: &[u8]) {
        let start = bytes.len().saturating_sub(END);
        self.0.write(&bytes[start..]);
    }

    /// The length says nothing that the end does not say.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0.finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_offers_of_a_master_have_different_hashes() {
        let build = HashIds::default();
        let master = "7ad7bf0d-24d9-4f20-b6a4-8d3b0b2d0c3d";
        let hash = |number| build.hash_one(format!("{master}-O{number}").as_bytes());
        let hashes: HashSet<u64> = (0..10_000).map(hash).collect();
        assert!(hashes.len() > 9990, "{}", hashes.len());
    }
}
