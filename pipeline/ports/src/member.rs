//! Membership of a group: assignment of partitions, their records, and the one atomic commit of positions and output.

use std::time::Duration;

use engine::{Input, Offset, Partition};

use crate::error::{Error, Result};
use crate::log::{Committed, Outgoing, Place};

/// Who joins which group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The group.
    pub group: String,
    /// The topic it reads.
    pub topic: String,
    /// The member's lasting name: a process that comes back under it gets its partitions back at once, and one that
    /// still holds it is fenced.
    pub name: String,
}

/// What a member is told by [`Member::poll`].
#[derive(Debug)]
pub enum MemberEvent {
    /// The partition is this member's from now on. Nothing of it is delivered before [`Member::start`].
    Assigned {
        /// Which partition.
        partition: Partition,
        /// What the group has committed for it, if anything.
        committed: Option<Committed>,
    },
    /// The partition is asked back: commit what is finished, then call [`Member::release`].
    Revoked {
        /// Which partition.
        partition: Partition,
    },
    /// The partition is gone already: drop all uncommitted work on it.
    Lost {
        /// Which partition.
        partition: Partition,
    },
    /// Records of a started partition, in offset order, following those delivered before.
    Records {
        /// Which partition.
        partition: Partition,
        /// The records.
        inputs: Vec<Input>,
    },
}

/// Why a commit did not happen. In every case nothing of it was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// The partitions are still this member's: the same commit can be tried again after a pause.
    #[error("commit was aborted: {0}")]
    Aborted(Error),
    /// At least one partition is no longer this member's: drop all uncommitted work and join anew.
    #[error("assignment was lost: {0}")]
    Lost(Error),
    /// Trying again cannot help: stop.
    #[error("commit failed: {0}")]
    Fatal(Error),
}

/// Makes the positions to be committed from the places at which the commit's records will stand, in their order.
/// The positions cover every partition that the records speak for.
pub type Positions<'a> = &'a dyn Fn(&[Place]) -> Vec<(Partition, Committed)>;

/// A member of a group. Owned by one thread.
pub trait Member: Send {
    /// Answers what happened: changes of the assignment and records, waiting up to `timeout` for the first. Must be
    /// called often, also while nothing is wanted.
    fn poll(&mut self, records_max: usize, timeout: Duration) -> Result<Vec<MemberEvent>>;

    /// Starts the delivery of an assigned partition from this offset on.
    fn start(&mut self, partition: Partition, from: Offset) -> Result<()>;

    /// Gives a revoked partition up.
    fn release(&mut self, partition: Partition) -> Result<()>;

    /// Writes records and positions in one atomic step, and answers the records' places once it has happened.
    fn commit(
        &mut self,
        records: Vec<Outgoing>,
        positions: Positions<'_>,
    ) -> std::result::Result<Vec<Place>, CommitError>;

    /// Leaves the group.
    fn leave(self: Box<Self>) -> Result<()>;
}
