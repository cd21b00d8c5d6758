//! A view on state: what a batch reads and changes, over what was there before it.

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;

use crate::key::Key;
use crate::write::{Table, Write};

/// State that could not be read, for a reason of whoever keeps it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub Box<dyn std::error::Error + Send + Sync>);

/// The state before a batch.
pub trait Source {
    /// The value under a key.
    ///
    /// # Errors
    /// It could not be read.
    fn get(&self, table: Table, key: &Key) -> Result<Option<Bytes>, Unavailable>;

    /// The first key with `from <= key < to`, and its value.
    ///
    /// # Errors
    /// It could not be read.
    fn first(&self, table: Table, from: &Key, to: &Key) -> Result<Option<(Key, Bytes)>, Unavailable>;
}

/// The state that one batch works on.
pub struct View<'a> {
    source: &'a dyn Source,
    slots: BTreeMap<(Table, Key), Slot>,
    /// How many groups a customer may have over all rules that are evaluated for it.
    pub(crate) customer_groups_max: u64,
}

/// How many groups a customer has room for over all rules that are evaluated for it, unless a deployment says otherwise.
pub const CUSTOMER_GROUPS_MAX: u64 = 1_000_000;

struct Slot {
    value: Option<Bytes>,
    changed: bool,
}

impl<'a> View<'a> {
    /// A view over a source. What is known already of its keys need not be asked for again.
    pub fn new(
        source: &'a dyn Source,
        fetched: impl IntoIterator<Item = (Table, Key, Option<Bytes>)>,
    ) -> Self {
        let slot = |(table, key, value)| ((table, key), Slot { value, changed: false });
        let slots = fetched.into_iter().map(slot).collect();
        Self { source, slots, customer_groups_max: CUSTOMER_GROUPS_MAX }
    }

    /// The same with room for so many groups of a customer.
    #[must_use]
    pub fn with_customer_groups_max(self, max: u64) -> Self {
        Self { customer_groups_max: max, ..self }
    }

    /// The value under a key.
    pub(crate) fn get(&mut self, table: Table, key: &Key) -> Result<Option<Bytes>, Unavailable> {
        // One look-up where the key is known; it nearly always is.
        if let Some(slot) = self.slots.get(&(table, key.clone())) {
            return Ok(slot.value.clone());
        }
        let value = self.source.get(table, key)?;
        self.slots.insert((table, key.clone()), Slot { value: value.clone(), changed: false });
        Ok(value)
    }

    /// Sets the value under a key.
    pub(crate) fn put(&mut self, table: Table, key: Key, value: impl Into<Bytes>) {
        self.slots.insert((table, key), Slot { value: Some(value.into()), changed: true });
    }

    /// Removes the value under a key.
    pub(crate) fn delete(&mut self, table: Table, key: Key) {
        self.slots.insert((table, key), Slot { value: None, changed: true });
    }

    /// The first key with `from <= key < to`, and its value.
    pub(crate) fn first(
        &self,
        table: Table,
        from: &Key,
        to: &Key,
    ) -> Result<Option<(Key, Bytes)>, Unavailable> {
        if from >= to {
            return Ok(None);
        }
        let range = (Bound::Included((table, from.clone())), Bound::Excluded((table, to.clone())));
        let mut own =
            self.slots.range(range).filter_map(|((_, key), slot)| Some((key, slot.value.as_ref()?)));
        let own = own.next();
        let mut from = from.clone();
        // What the batch has removed is still in the source.
        while let Some((key, value)) = self.source.first(table, &from, own.map_or(to, |(key, _)| key))? {
            if !self.slots.contains_key(&(table, key.clone())) {
                return Ok(Some((key, value)));
            }
            from = after(&key);
        }
        Ok(own.map(|(key, value)| (key.clone(), value.clone())))
    }

    /// The changes, one per key whatever how often it changed, by table and key.
    pub(crate) fn into_writes(self) -> Vec<Write> {
        let changed = self.slots.into_iter().filter(|(_, slot)| slot.changed);
        let write = |((table, key), slot): ((Table, Key), Slot)| match slot.value {
            Some(value) => Write::Put { table, key, value },
            None => Write::Delete { table, key },
        };
        changed.map(write).collect()
    }
}

/// The least key that is greater.
pub(crate) fn after(key: &Key) -> Key {
    let mut next = Vec::with_capacity(key.len() + 1);
    next.extend_from_slice(key);
    next.push(0);
    next.into()
}

/// State in memory: for tests, and for evaluations that no store outlives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemoryState {
    values: BTreeMap<(Table, Key), Bytes>,
    bytes: usize,
}

/// About what an entry takes beside its key and value.
const ENTRY_BYTES: usize = 96;

fn entry_bytes(key: &Key, value: &Bytes) -> usize {
    ENTRY_BYTES + key.len() + value.len()
}

impl MemoryState {
    /// Takes over what a batch changed.
    pub fn write(&mut self, writes: impl IntoIterator<Item = Write>) {
        for write in writes {
            match write {
                Write::Put { table, key, value } => {
                    self.bytes += entry_bytes(&key, &value);
                    let before = self.values.insert((table, key.clone()), value);
                    self.bytes -= before.map_or(0, |before| entry_bytes(&key, &before));
                },
                Write::Delete { table, key } => {
                    let before = self.values.remove(&(table, key.clone()));
                    self.bytes -= before.map_or(0, |before| entry_bytes(&key, &before));
                },
                Write::DeleteRange { table, from, to } => {
                    self.values.retain(|(of, key), _| *of != table || *key < from || *key >= to);
                    self.bytes = self.values.iter().map(|((_, key), value)| entry_bytes(key, value)).sum();
                },
            }
        }
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// About how many bytes of memory it takes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The values behind an entry, by table and key; all of them without one.
    pub fn iter_after(&self, entry: Option<(Table, Key)>) -> impl Iterator<Item = (Table, &Key, &Bytes)> {
        let from = entry.map_or(Bound::Unbounded, Bound::Excluded);
        let values = self.values.range((from, Bound::Unbounded));
        values.map(|((table, key), value)| (*table, key, value))
    }

    /// All values, by table and key.
    pub fn iter(&self) -> impl Iterator<Item = (Table, &Key, &Bytes)> {
        self.values.iter().map(|((table, key), value)| (*table, key, value))
    }
}

impl Source for MemoryState {
    fn get(&self, table: Table, key: &Key) -> Result<Option<Bytes>, Unavailable> {
        Ok(self.values.get(&(table, key.clone())).cloned())
    }

    fn first(&self, table: Table, from: &Key, to: &Key) -> Result<Option<(Key, Bytes)>, Unavailable> {
        let range = (table, from.clone())..(table, to.clone());
        Ok(self.values.range(range).next().map(|((_, key), value)| (key.clone(), value.clone())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(byte: u8) -> Key {
        Bytes::copy_from_slice(&[byte])
    }

    proptest! {
        /// Looking through the view is looking at the state after its writes.
        #[test]
        fn the_first_key_is_that_of_the_changed_state(
            before in proptest::collection::vec((0u8..12, any::<u8>()), 0..8),
            changes in proptest::collection::vec((0u8..12, proptest::option::of(any::<u8>())), 0..8),
            from in 0u8..12, to in 0u8..12,
        ) {
            let table = Table::State;
            let mut state = MemoryState::default();
            state.write(before.iter().map(|(at, value)| Write::Put { table, key: key(*at), value: key(*value) }));
            let source = state.clone();
            let mut view = View::new(&source, []);
            for (at, value) in &changes {
                match value {
                    Some(value) => view.put(table, key(*at), key(*value)),
                    None => view.delete(table, key(*at)),
                }
            }
            let seen = view.first(table, &key(from), &key(to)).unwrap();
            state.write(view.into_writes());
            let expected = if from < to { state.first(table, &key(from), &key(to)).unwrap() } else { None };
            prop_assert_eq!(seen, expected);
        }
    }
}
