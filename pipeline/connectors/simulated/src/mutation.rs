//! Worlds that are deliberately broken, to show that an auditor notices.

/// What is broken. The worker stays as it is: the ports under it do not keep what they promise, as if it called them in a
/// wrong order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutation {
    /// The store is written before the commit, not after it.
    StoreFirst,
    /// Positions are committed apart from the records, after them.
    PositionsApart,
    /// What a worker has decided on partitions that it lost is not dropped: it is not told, and nobody checks.
    LossHidden,
    /// State writes of some commits do not reach the changelog.
    ChangelogSkipped,
    /// Nobody refuses the commit of a process whose partitions have moved to another.
    ZombiesPass,
    /// Records of transactions that were aborted, or did not end yet, are readable.
    UncommittedIsRead,
}

impl Mutation {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::StoreFirst,
        Self::PositionsApart,
        Self::LossHidden,
        Self::ChangelogSkipped,
        Self::ZombiesPass,
        Self::UncommittedIsRead,
    ];
}
