//! Iterators over the messages of a sum, one message per copy.

use std::iter::RepeatN;

use mesos_proto::v1::Resource;

use super::identity::Entry;

/// Iterates over [`Resources`](super::Resources) by value; see
/// [`into_iter`](super::Resources::into_iter).
#[derive(Clone, Debug)]
pub struct IntoIter {
    pub(super) entries: std::vec::IntoIter<Entry>,
    /// The copies that are left of the current entry.
    pub(super) copies: Option<RepeatN<Resource>>,
}

impl Iterator for IntoIter {
    type Item = Resource;

    fn next(&mut self) -> Option<Resource> {
        loop {
            if let Some(resource) = self.copies.as_mut().and_then(Iterator::next) {
                return Some(resource);
            }
            let Entry { resource, copies } = self.entries.next()?;
            self.copies = Some(std::iter::repeat_n(resource, copies));
        }
    }
}

/// Iterates over [`Resources`](super::Resources) by reference; see
/// [`iter`](super::Resources::iter).
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    pub(super) entries: std::slice::Iter<'a, Entry>,
    /// The copies that are left of the current entry.
    pub(super) copies: Option<RepeatN<&'a Resource>>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = &'a Resource;

    fn next(&mut self) -> Option<&'a Resource> {
        loop {
            if let Some(resource) = self.copies.as_mut().and_then(Iterator::next) {
                return Some(resource);
            }
            let entry = self.entries.next()?;
            self.copies = Some(std::iter::repeat_n(&entry.resource, entry.copies));
        }
    }
}
