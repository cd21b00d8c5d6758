//! What happened at the ports, in order, for an auditor who was not in the room.

use engine::{Offset, Partition, Timestamp};
use ports::{Committed, Outgoing, Place};
use rules::SavepointId;

use crate::process::ProcessId;

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Seen {
    /// A process read its clock.
    Time {
        /// Which.
        process: ProcessId,
        /// The time of day.
        wall: Timestamp,
    },
    /// A member was given a partition.
    Assigned {
        /// To whom.
        process: ProcessId,
        /// Which.
        partition: Partition,
    },
    /// A member began with a partition.
    Started {
        /// Who.
        process: ProcessId,
        /// Which.
        partition: Partition,
        /// From which offset on.
        from: Offset,
    },
    /// A member gave a partition up, or learned that it was lost.
    Ended {
        /// Who.
        process: ProcessId,
        /// Which.
        partition: Partition,
    },
    /// A process opened a reader.
    Opened {
        /// Who.
        process: ProcessId,
        /// The reader, counted over the whole world.
        reader: u64,
        /// Of which topic.
        topic: String,
        /// Its first partition.
        partition: Partition,
        /// From which offset of it on.
        from: Offset,
    },
    /// A reader brought records up to, not including, this offset.
    Read {
        /// The reader.
        reader: u64,
        /// The partition.
        partition: Partition,
        /// The offset behind the last of them.
        next: Offset,
    },
    /// A reader had nothing to bring and has come to the end.
    Emptied {
        /// The reader.
        reader: u64,
    },
    /// A member brought events.
    Delivered {
        /// To whom.
        process: ProcessId,
        /// Of which partition.
        partition: Partition,
        /// Their offsets, in order.
        offsets: Vec<Offset>,
    },
    /// A process looked where a partition ends.
    Looked {
        /// Who.
        process: ProcessId,
        /// The topic.
        topic: String,
        /// The partition.
        partition: Partition,
        /// Its end.
        end: Offset,
    },
    /// A commit took effect.
    Committed {
        /// Whose.
        process: ProcessId,
        /// Others that believe to own a partition and are not mistaken.
        others: Vec<(Partition, ProcessId)>,
        /// What was written, and where.
        records: Vec<(Outgoing, Place)>,
        /// The new positions.
        positions: Vec<(Partition, Committed)>,
    },
    /// A store was written, and holds this.
    Stored {
        /// By whom.
        process: ProcessId,
        /// The partition.
        partition: Partition,
        /// The fingerprint of all that it holds but its position.
        fingerprint: u64,
        /// Its position.
        position: Option<String>,
    },
    /// A checkpoint took the place of a store.
    Restored {
        /// Of whom.
        process: ProcessId,
        /// The partition.
        partition: Partition,
        /// The fingerprint of all that it holds but its position.
        fingerprint: u64,
        /// Its position.
        position: String,
    },
    /// A part of a savepoint was taken that was not there yet.
    Part {
        /// By whom.
        process: ProcessId,
        /// The partition.
        partition: Partition,
        /// Of which savepoint.
        savepoint: SavepointId,
        /// The fingerprint of all that it holds but its position.
        fingerprint: u64,
        /// Its position.
        position: Option<String>,
    },
    /// A process died or ended.
    Died {
        /// Which.
        process: ProcessId,
    },
}
