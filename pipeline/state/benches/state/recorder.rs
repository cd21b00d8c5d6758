//! What is read of a store and written to it, so that it can be done again.

use std::cell::RefCell;

use bytes::Bytes;
use engine::{Key, Source, Table, Unavailable, Write};
use ports::Store;

/// Something done to a store.
pub(crate) enum Operation {
    GetMany(Vec<Key>),
    Get(Table, Key),
    First(Table, Key, Key),
    Write(Vec<Write>),
}

impl Operation {
    pub(crate) fn writes(&self) -> Option<&Vec<Write>> {
        match self {
            Self::Write(writes) => Some(writes),
            Self::GetMany(_) | Self::Get(..) | Self::First(..) => None,
        }
    }

    pub(crate) fn run(&self, store: &mut dyn Store) {
        match self {
            Self::GetMany(keys) => drop(store.get_many(Table::State, keys).expect("the store can be read")),
            Self::Get(table, key) => {
                drop(store.get_many(*table, std::slice::from_ref(key)).expect("the store can be read"));
            },
            Self::First(table, from, to) => {
                drop(store.first(*table, from, to).expect("the store can be read"));
            },
            Self::Write(writes) => store.write(writes).expect("the store can be written"),
        }
    }
}

/// How many keys were fetched at once, how many alone, how many seeks and writes there were.
pub(crate) fn counts(operations: &[Operation]) -> [usize; 4] {
    let mut counts = [0; 4];
    for operation in operations {
        match operation {
            Operation::GetMany(keys) => counts[0] += keys.len(),
            Operation::Get(..) => counts[1] += 1,
            Operation::First(..) => counts[2] += 1,
            Operation::Write(writes) => counts[3] += writes.len(),
        }
    }
    counts
}

/// A store that notes what is read of it.
pub(crate) struct Recorder<'a> {
    store: &'a dyn Store,
    operations: RefCell<Vec<Operation>>,
}

impl<'a> Recorder<'a> {
    pub(crate) fn new(store: &'a dyn Store) -> Self {
        Self { store, operations: RefCell::new(Vec::with_capacity(100_000)) }
    }

    pub(crate) fn into_operations(self) -> Vec<Operation> {
        self.operations.into_inner()
    }
}

impl Source for Recorder<'_> {
    fn get(&self, table: Table, key: &Key) -> Result<Option<Bytes>, Unavailable> {
        self.operations.borrow_mut().push(Operation::Get(table, key.clone()));
        let found = self.store.get_many(table, std::slice::from_ref(key)).map_err(unavailable)?;
        Ok(found.into_iter().next().flatten())
    }

    fn first(&self, table: Table, from: &Key, to: &Key) -> Result<Option<(Key, Bytes)>, Unavailable> {
        self.operations.borrow_mut().push(Operation::First(table, from.clone(), to.clone()));
        self.store.first(table, from, to).map_err(unavailable)
    }
}

fn unavailable(error: ports::Error) -> Unavailable {
    Unavailable(Box::new(error))
}
