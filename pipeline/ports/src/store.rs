//! The state backend: one store per partition, and copies of it elsewhere.

use std::sync::Arc;

use bytes::Bytes;
use engine::{Key, Offset, Partition, Table, Write};
use rules::SavepointId;

use crate::error::{Error, ErrorKind, Result};
use crate::groups::StateReader;
use crate::position::Position;

/// The key in a store's table `meta` of the position that the store is at.
pub const POSITION_KEY: Key = Bytes::from_static(b"position");

/// The key in a store's table `meta` of the generation that the next new meaning of a rule gets: eight bytes, big-endian.
pub const GENERATION_KEY: Key = Bytes::from_static(b"next-generation");

/// The store of one partition. Owned by one thread.
pub trait Store: Send {
    /// The values under these keys of a table, in the same order.
    fn get_many(&self, table: Table, keys: &[Key]) -> Result<Vec<Option<Bytes>>>;

    /// The first key of a table with `from <= key < to`, and its value.
    fn first(&self, table: Table, from: &Key, to: &Key) -> Result<Option<(Key, Bytes)>>;

    /// Every key and value of a table, in key order. For small tables: rules and meta.
    fn scan(&self, table: Table) -> Result<Vec<(Key, Bytes)>>;

    /// Reads what the store holds from other threads; nothing if it cannot.
    fn reader(&self) -> Option<Arc<dyn StateReader>> {
        None
    }

    /// Makes all changes in one atomic step: after a crash either all are there or none.
    fn write(&mut self, writes: &[Write]) -> Result<()>;

    /// Takes this partition's part of a savepoint: a copy of the store as it is now, which is kept elsewhere as soon as
    /// it has got there. A part that is kept already stays as it is.
    ///
    /// # Errors
    /// The copy could not be made; the store itself is not concerned.
    fn savepoint(&mut self, _savepoint: SavepointId) -> Result<()> {
        Err(Error::new(ErrorKind::Refused, "these stores keep no savepoints: set a place for checkpoints"))
    }
}

/// The key in a store's table `meta` of the last savepoint that the store went through: `epoch;id`.
pub const SAVEPOINT_KEY: Key = Bytes::from_static(b"savepoint");

/// Opens and removes the stores of partitions.
pub trait Stores: Send {
    /// Opens the store of a partition, an empty one if there is none. One process at a time may have it open.
    fn open(&self, partition: Partition) -> Result<Box<dyn Store>>;

    /// Removes the store of a partition, which is not open.
    fn remove(&self, partition: Partition) -> Result<()>;

    /// Puts the newest sound checkpoint that is wanted in the place of the partition's store, which is not open. May
    /// answer that it is still at work, and is then called again until it is not. The store stays as it is unless
    /// [`Restore::Done`] is answered.
    ///
    /// # Errors
    /// Where checkpoints are kept cannot be reached: never taken for "there is none".
    fn restore(&self, _partition: Partition, _wanted: &Usable) -> Result<Restore> {
        Ok(Restore::Nothing { refused: Vec::new() })
    }

    /// Whether a checkpoint of the partition is kept, of whatever timeline: a sign that the deployment has run.
    fn has_checkpoint(&self, _partition: Partition) -> Result<bool> {
        Ok(false)
    }
}

/// Which checkpoints a recovery can use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usable {
    /// The committed position, which the checkpoint must not be ahead of.
    pub target: Position,
    /// The first record of the changelog that is still there.
    pub changelog: Offset,
}

impl Usable {
    /// Whether a store at this position can be brought to the target with the changelog that is there.
    pub fn takes(&self, position: &Position) -> bool {
        position.is_comparable_to(&self.target)
            && (position.epoch == self.target.epoch
                || position.epoch < self.target.epoch && position.changelog >= self.changelog)
    }
}

/// What became of the wish for a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Restore {
    /// There is none that can be used. Of those that were damaged, what is wrong.
    Nothing {
        /// Each checkpoint that would have been of use, and why it is not.
        refused: Vec<String>,
    },
    /// It is being fetched.
    Running {
        /// Bytes that have come.
        done: u64,
        /// Bytes in all.
        total: u64,
    },
    /// The partition's store is at this position now.
    Done(Position),
}
