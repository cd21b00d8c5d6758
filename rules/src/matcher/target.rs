//! Targets: what is found by a key.

/// What a key leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    /// One clause.
    One(Mark),
    /// Several, by the number of their group.
    Group(u32),
}

/// A clause, and what finding it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark(u32);

impl Mark {
    /// The clause may hold; without its mark it does not.
    pub(super) fn candidate(clause: u32) -> Self {
        Self(clause << 1)
    }

    /// The clause may fail; without its mark it holds.
    pub(super) fn doubt(clause: u32) -> Self {
        Self(clause << 1 | 1)
    }

    pub(super) fn clause(self) -> u32 {
        self.0 >> 1
    }

    pub(super) fn is_doubt(self) -> bool {
        self.0 & 1 == 1
    }
}
