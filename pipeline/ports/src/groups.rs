//! Asking for the groups of a rule where its state is: the live answer to "why has it (not) fired".

use engine::{GroupCursor, GroupPage, Partition, Source};
use rules::{CustomerId, RuleKey};

use crate::error::Error;

/// Which groups are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupQuery {
    /// The rule.
    pub rule: RuleKey,
    /// Whose groups: for a customer's own rule the same customer.
    pub customer: CustomerId,
    /// How many at most.
    pub limit: usize,
    /// The `next` of the page before.
    pub behind: Option<GroupCursor>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoGroups {
    /// The customer's partition is not live here.
    #[error(
        "partition {partition} of the customer is not live in this process; /readyz tells why, if it is to be here"
    )]
    Elsewhere {
        /// The customer's partition.
        partition: Partition,
    },
    /// The worker has not learnt yet which partitions there are.
    #[error("the worker of this process has no partition yet; wait until /readyz answers 200")]
    NotReady,
    /// The rule is not in force on the partition.
    #[error("the rule is not in force yet on partition {partition}")]
    NotInForce {
        /// The customer's partition.
        partition: Partition,
    },
    /// The state could not be read.
    #[error(transparent)]
    Failed(#[from] Error),
}

/// Answers what the groups of rules have come to. Calls block; they read what is committed, and hold no stream up.
pub trait Groups: Send + Sync {
    /// A page of groups, those with the greatest values first.
    ///
    /// # Errors
    /// The customer's state is not here, or cannot be read.
    fn groups(&self, query: &GroupQuery) -> Result<GroupPage, NoGroups>;
}

/// Reads the state of one partition beside its owner.
pub trait StateReader: Send + Sync {
    /// Shows the state as it is at one moment: what is written meanwhile is not seen.
    fn look(&self, look: &mut dyn FnMut(&dyn Source));
}
