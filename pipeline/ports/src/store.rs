//! The state backend: one store per partition.

use bytes::Bytes;
use engine::{Key, Partition, Table, Write};

use crate::error::Result;

/// The store of one partition. Owned by one thread.
pub trait Store: Send {
    /// The values under these keys of a table, in the same order.
    fn get_many(&self, table: Table, keys: &[Key]) -> Result<Vec<Option<Bytes>>>;

    /// The first key of a table with `from <= key < to`, and its value.
    fn first(&self, table: Table, from: &Key, to: &Key) -> Result<Option<(Key, Bytes)>>;

    /// Every key and value of a table, in key order. For small tables: rules and meta.
    fn scan(&self, table: Table) -> Result<Vec<(Key, Bytes)>>;

    /// Makes all changes in one atomic step: after a crash either all are there or none.
    fn write(&mut self, writes: &[Write]) -> Result<()>;
}

/// Opens and removes the stores of partitions.
pub trait Stores: Send {
    /// Opens the store of a partition, an empty one if there is none. One process at a time may have it open.
    fn open(&self, partition: Partition) -> Result<Box<dyn Store>>;

    /// Removes the store of a partition, which is not open.
    fn remove(&self, partition: Partition) -> Result<()>;
}
