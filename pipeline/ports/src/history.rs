//! Long-term history: the records of the event topic that are kept for longer than the log keeps them.

use std::collections::BTreeSet;

use engine::{Input, Offset, Partition};
use rules::{CustomerId, Timestamp};

use crate::error::Result;

/// An archive of the event topic.
pub trait History: Send + Sync {
    /// The archive as it is now; what comes later is not in it.
    fn pin(&self) -> Result<Box<dyn PinnedHistory>>;
}

/// An archive as it was at one moment.
pub trait PinnedHistory: Send {
    /// The offset after the last record of a partition that is in it; 0 if none is. No record below it is missing.
    fn end(&self, partition: Partition) -> Offset;

    /// Reads the records of a partition below an offset, those from before the log first: at least those that are wanted.
    /// Customers may come one after the other; the records of each come in order.
    fn rows(&self, partition: Partition, wanted: &Wanted, until: Offset) -> Result<Box<dyn Rows>>;
}

/// Which records somebody wants; others may come along.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Those of these customers; of all without them.
    pub customers: Option<BTreeSet<CustomerId>>,
    /// Those with this record timestamp or a later one; all without it.
    pub since: Option<Timestamp>,
}

/// Records, batch by batch.
pub trait Rows: Send {
    /// The next records; none at the end. An archive that cannot be read to the end is an error, never an end.
    fn next_batch(&mut self) -> Result<Option<Vec<Input>>>;

    /// How many records there are at most, those that have come included; it may become less as they are read.
    fn expected(&self) -> u64;
}
