//! The items of a table, by id and by position.
//!
//! As an `IndexMap`, with half of the memory: positions have four bytes, and hashes are not stored.
//! An item keeps its position, so that lists of items are lists of positions.

use std::hash::BuildHasher as _;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::rounds::Number;

/// The position of an item. After the item was removed, another one may have its position.
pub(super) type Position = u32;

/// An item that is live, or open, or both.
#[derive(Debug)]
pub(super) struct Item<V> {
    pub(super) id: Box<str>,
    pub(super) value: V,
    /// Whether the item stays when it was answered.
    pub(super) live: bool,
    /// The round that requests the item, if it is open: requested and not answered yet.
    pub(super) round: Option<Number>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Items<V> {
    list: Vec<Option<Item<V>>>,
    /// The positions without an item.
    free: Vec<Position>,
    positions: HashTable<Position>,
    hasher: RandomState,
    /// The position after that of the item that was found last: a master answers requests in their
    /// order, so this is probably the next item to find.
    expected: Position,
}

impl<V> Default for Items<V> {
    fn default() -> Self {
        Self {
            list: Vec::new(),
            free: Vec::new(),
            positions: HashTable::new(),
            hasher: RandomState::default(),
            expected: 0,
        }
    }
}

/// Whether the item at `position` has this id.
fn is<V>(list: &[Option<Item<V>>], position: Position, id: &str) -> bool {
    let item = list.get(position as usize).and_then(Option::as_ref);
    item.is_some_and(|item| *item.id == *id)
}

impl<V> Items<V> {
    pub(super) fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.positions.len()
    }

    /// Makes room for this number of items in an empty table.
    pub(super) fn reserve_exact(&mut self, more: usize) {
        self.list.reserve_exact(more);
        self.positions.reserve(more, |_| 0);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Position, &Item<V>)> {
        let items = (0..).zip(&self.list);
        items.filter_map(|(position, item)| Some((position, item.as_ref()?)))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (Position, &mut Item<V>)> {
        let items = (0..).zip(&mut self.list);
        items.filter_map(|(position, item)| Some((position, item.as_mut()?)))
    }

    pub(super) fn get(&self, position: Position) -> Option<&Item<V>> {
        self.list.get(position as usize)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, position: Position) -> Option<&mut Item<V>> {
        self.list.get_mut(position as usize)?.as_mut()
    }

    /// The item with this id.
    pub(super) fn find(&mut self, id: &str) -> Option<(Position, &mut Item<V>)> {
        let same = |position: &Position| is(&self.list, *position, id);
        let position = if same(&self.expected) {
            self.expected
        } else {
            let hash = self.hasher.hash_one(id);
            *self.positions.find(hash, same)?
        };
        self.expected = position.saturating_add(1);
        Some((position, self.get_mut(position)?))
    }

    /// The item with this id. If it was not known, it is a new one with `value`; otherwise `value` is
    /// returned.
    pub(super) fn enter<I: AsRef<str> + Into<Box<str>>>(
        &mut self,
        id: I,
        value: V,
    ) -> (Position, &mut Item<V>, Option<V>) {
        let Self {
            list,
            free,
            positions,
            hasher,
            ..
        } = self;
        let name = id.as_ref();
        let hash = hasher.hash_one(name);
        let same = |position: &Position| is(list, *position, name);
        let hash_of = |position: &Position| {
            let item = list.get(*position as usize).and_then(Option::as_ref);
            item.map_or(0, |item| hasher.hash_one(&*item.id))
        };
        let position = match positions.entry(hash, same, hash_of) {
            Entry::Occupied(found) => *found.get(),
            Entry::Vacant(place) => {
                let position = free.pop().unwrap_or(list.len() as Position);
                place.insert(position);
                if position as usize == list.len() {
                    list.push(None);
                }
                position
            }
        };
        let slot = &mut list[position as usize];
        match slot {
            Some(item) => (position, item, Some(value)),
            None => {
                let item = Item {
                    id: id.into(),
                    value,
                    live: false,
                    round: None,
                };
                (position, slot.insert(item), None)
            }
        }
    }

    /// Removes the item at `position` if it is neither live nor open.
    pub(super) fn remove_unused(&mut self, position: Position) {
        let unused = |item: &Item<V>| !item.live && item.round.is_none();
        if self.get(position).is_some_and(unused) {
            self.remove(position);
        }
    }

    /// Removes the item at `position`.
    pub(super) fn remove(&mut self, position: Position) {
        let place = self.list.get_mut(position as usize);
        let Some(item) = place.and_then(Option::take) else {
            return;
        };
        let hash = self.hasher.hash_one(&*item.id);
        let at = |place: &Position| *place == position;
        if let Ok(found) = self.positions.find_entry(hash, at) {
            found.remove();
        }
        self.free.push(position);
        if self.positions.is_empty() {
            (self.list, self.free) = (Vec::new(), Vec::new());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_found_after_others_were_removed() {
        let mut items = Items::default();
        let ids: Vec<_> = (0..1_000).map(|number| number.to_string()).collect();
        for id in &ids {
            assert!(items.enter(id.as_str(), ()).2.is_none());
        }
        for (number, id) in ids.iter().enumerate() {
            let (position, item) = items.find(id).expect("a known item");
            assert_eq!(*item.id, **id);
            item.live = number % 3 == 0;
            items.remove_unused(position);
        }
        for (number, id) in ids.iter().enumerate() {
            assert_eq!(items.find(id).is_some(), number % 3 == 0, "{id}");
        }
        assert_eq!((items.len(), items.iter().count()), (334, 334));
    }

    #[test]
    fn an_item_keeps_its_position_and_leaves_it_to_another() {
        let mut items = Items::default();
        let (first, ..) = items.enter("a", 1);
        let (second, ..) = items.enter("b", 2);
        items.remove(first);
        assert_eq!(items.enter("b", 3).0, second);
        assert_eq!(items.enter("c", 4).0, first);
        let ids: Vec<_> = items.iter().map(|(_, item)| &*item.id).collect();
        assert_eq!(ids, ["c", "b"]);
    }

    #[test]
    fn a_tracked_task_takes_few_bytes_beside_its_id() {
        let task = size_of::<Option<Item<super::super::agents::Agent>>>();
        assert_eq!(task, 24);
    }
}
