//! The entries of a sum, in the order in which they were added, each with another identity.

use std::hash::BuildHasher as _;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use mesos_proto::v1::Resource;

use super::identity::{Entry, Identity, same_identity};

/// Up to this number of entries, comparing with each takes less time than a hash.
const FEW: usize = 8;

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Entries {
    list: Vec<Entry>,
    /// If there are more than a few entries.
    index: Option<Box<Index>>,
}

/// The positions of the entries, by their identity.
#[derive(Clone, Debug, Default)]
struct Index {
    positions: HashTable<usize>,
    hasher: RandomState,
}

impl Index {
    fn hash(&self, resource: &Resource) -> u64 {
        self.hasher.hash_one(Identity(resource))
    }

    /// Adds the entry at `position` of `list`.
    fn add(&mut self, list: &[Entry], position: usize) {
        let hash = self.hash(&list[position].resource);
        let Self { positions, hasher } = self;
        let hash_of = |position: &usize| hasher.hash_one(Identity(&list[*position].resource));
        positions.insert_unique(hash, position, hash_of);
    }
}

impl Entries {
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self {
            list: Vec::with_capacity(capacity),
            index: None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, Entry> {
        self.list.iter()
    }

    /// The entry with the identity of `resource`.
    pub(super) fn get(&self, resource: &Resource) -> Option<&Entry> {
        self.position(resource, self.list.len())
            .and_then(|position| self.list.get(position))
    }

    /// As [`get`](Self::get). The caller must not change the identity.
    pub(super) fn get_mut(&mut self, resource: &Resource) -> Option<&mut Entry> {
        let position = self.position(resource, self.list.len())?;
        self.list.get_mut(position)
    }

    /// The position of an entry among the first `within` entries, which are all or all but the last.
    fn position(&self, resource: &Resource, within: usize) -> Option<usize> {
        let same = |entry: &Entry| same_identity(&entry.resource, resource);
        let Some(index) = &self.index else {
            return self.list[..within].iter().position(same);
        };
        let positions = &index.positions;
        let found = positions.find(index.hash(resource), |position| same(&self.list[*position]));
        found.copied()
    }

    /// Adds an empty entry, which has to be filled where it is, because moving it would take a part
    /// of the time. Then call [`settle`](Self::settle) or [`pop`](Self::pop).
    pub(super) fn open(&mut self) -> &mut Resource {
        let last = self.list.len();
        self.list.push(Entry::new(Resource::default()));
        &mut self.list[last].resource
    }

    /// Adds an entry at the end. Then call [`settle`](Self::settle).
    pub(super) fn push(&mut self, entry: Entry) {
        self.list.push(entry);
    }

    /// Removes the last entry, which is not settled.
    pub(super) fn pop(&mut self) -> Option<Entry> {
        self.list.pop()
    }

    /// The last entry.
    pub(super) fn last(&self) -> Option<&Entry> {
        self.list.last()
    }

    /// Removes the last entry again if an earlier one has its identity. Returns both.
    pub(super) fn settle(&mut self) -> Option<(&mut Entry, Entry)> {
        let (last, earlier) = self.list.split_last()?;
        match self.position(&last.resource, earlier.len()) {
            Some(position) => {
                let last = self.list.pop()?;
                Some((self.list.get_mut(position)?, last))
            }
            None => {
                match &mut self.index {
                    Some(index) => index.add(&self.list, self.list.len() - 1),
                    None if self.list.len() > FEW => self.make_index(),
                    None => {}
                }
                None
            }
        }
    }

    fn make_index(&mut self) {
        self.index = (self.list.len() > FEW).then(|| {
            let mut index = Box::<Index>::default();
            for position in 0..self.list.len() {
                index.add(&self.list, position);
            }
            index
        });
    }

    /// Removes all entries that `keep` refuses at once: removing one of n entries takes as long as
    /// removing many.
    pub(super) fn retain(&mut self, keep: impl FnMut(&Entry) -> bool) {
        self.list.retain(keep);
        self.make_index();
    }
}

/// Entries of other entries, which have different identities.
impl FromIterator<Entry> for Entries {
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Self {
        let list = entries.into_iter().collect();
        let mut entries = Self { list, index: None };
        entries.make_index();
        entries
    }
}

impl IntoIterator for Entries {
    type Item = Entry;
    type IntoIter = std::vec::IntoIter<Entry>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

impl<'a> IntoIterator for &'a Entries {
    type Item = &'a Entry;
    type IntoIter = std::slice::Iter<'a, Entry>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
