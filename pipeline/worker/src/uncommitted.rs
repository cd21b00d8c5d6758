//! State as a batch finds it: what was decided since the last commit, over what the store holds.

use bytes::Bytes;
use engine::{Key, Source, Table, Unavailable};
use ports::{Error, Store};

use crate::segment::Segment;

/// The state of a partition before a batch.
pub(crate) struct Uncommitted<'a> {
    pub(crate) segment: &'a Segment,
    pub(crate) store: &'a dyn Store,
}

impl Source for Uncommitted<'_> {
    fn get(&self, table: Table, key: &Key) -> Result<Option<Bytes>, Unavailable> {
        if let Some(staged) = self.segment.staged(table, key) {
            return Ok(staged.clone());
        }
        let found = self.store.get_many(table, std::slice::from_ref(key)).map_err(unavailable)?;
        Ok(found.into_iter().next().flatten())
    }

    fn first(&self, table: Table, from: &Key, to: &Key) -> Result<Option<(Key, Bytes)>, Unavailable> {
        let mut from = from.clone();
        loop {
            let staged = self.segment.first(table, &from, to);
            let until = staged.map_or(to, |(key, _)| key);
            // The store is ahead of what is staged, or they tell of the same key: then what is staged counts.
            if let Some(found) = self.store.first(table, &from, until).map_err(unavailable)? {
                return Ok(Some(found));
            }
            match staged {
                None => return Ok(None),
                Some((key, Some(value))) => return Ok(Some((key.clone(), value.clone()))),
                Some((key, None)) => from = [key.as_ref(), &[0]].concat().into(),
            }
        }
    }
}

fn unavailable(error: Error) -> Unavailable {
    Unavailable(Box::new(error))
}

#[cfg(test)]
mod tests {
    use engine::{Partition, Write};
    use ports::Stores;
    use ports::memory::MemoryStores;
    use proptest::prelude::*;

    use super::*;

    fn key(byte: u8) -> Key {
        Bytes::copy_from_slice(&[byte])
    }

    fn write(at: u8, value: Option<u8>) -> Write {
        let table = Table::Timers;
        match value {
            Some(value) => Write::Put { table, key: key(at), value: key(value) },
            None => Write::Delete { table, key: key(at) },
        }
    }

    proptest! {
        /// What is staged and what is stored look like one table.
        #[test]
        fn reads_see_the_store_as_it_will_be(
            stored in proptest::collection::vec((0u8..10, any::<u8>()), 0..8),
            staged in proptest::collection::vec((0u8..10, proptest::option::of(any::<u8>())), 0..8),
            from in 0u8..10, to in 0u8..10,
        ) {
            let stores = MemoryStores::default();
            let mut store = stores.open(Partition(0)).unwrap();
            store.write(&stored.iter().map(|(at, value)| write(*at, Some(*value))).collect::<Vec<_>>()).unwrap();
            let mut segment = Segment::default();
            staged.iter().for_each(|(at, value)| segment.stage(write(*at, *value)));
            let source = Uncommitted { segment: &segment, store: store.as_ref() };
            let first = if from < to { source.first(Table::Timers, &key(from), &key(to)).unwrap() } else { None };
            let one = source.get(Table::Timers, &key(from)).unwrap();
            let mut after = stores.open(Partition(0)).unwrap();
            after.write(&segment.writes()).unwrap();
            prop_assert_eq!(first, after.first(Table::Timers, &key(from), &key(to)).unwrap());
            prop_assert_eq!(one, after.get_many(Table::Timers, &[key(from)]).unwrap().remove(0));
        }
    }
}
