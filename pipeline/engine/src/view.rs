//! A view on fetched state: what a batch reads, and what it changes, in memory.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::key::Key;
use crate::write::{Table, Write};

/// The state that one batch works on. Holds every key that the plan asked for, present or not.
#[derive(Debug, Default)]
pub struct View {
    slots: BTreeMap<Key, Slot>,
}

#[derive(Debug)]
struct Slot {
    value: Option<Bytes>,
    changed: bool,
}

impl View {
    /// Takes what was fetched: each key with its value, or nothing where the store has none.
    pub fn new(fetched: impl IntoIterator<Item = (Key, Option<Bytes>)>) -> Self {
        let slot = |(key, value)| (key, Slot { value, changed: false });
        Self { slots: fetched.into_iter().map(slot).collect() }
    }

    /// The value under a key that was fetched.
    pub(crate) fn get(&self, key: &Key) -> Option<&Bytes> {
        let slot = self.slots.get(key).expect("the plan lists every key that apply reads");
        slot.value.as_ref()
    }

    /// Sets the value under a key.
    pub(crate) fn put(&mut self, key: Key, value: impl Into<Bytes>) {
        self.slots.insert(key, Slot { value: Some(value.into()), changed: true });
    }

    /// The changes, one per key whatever how often it changed, in key order.
    pub(crate) fn into_writes(self) -> Vec<Write> {
        let changed = self.slots.into_iter().filter(|(_, slot)| slot.changed);
        let write = |(key, slot): (Key, Slot)| match slot.value {
            Some(value) => Write::Put { table: Table::State, key, value },
            None => Write::Delete { table: Table::State, key },
        };
        changed.map(write).collect()
    }
}
