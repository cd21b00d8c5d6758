//! State writes: what `apply` wants changed, as plain values.

use bytes::Bytes;

use crate::key::Key;

/// The tables of a partition's store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Position and bookkeeping of the partition itself.
    Meta,
    /// The rule book in force.
    Rules,
    /// Keyed state.
    State,
    /// Timers, by customer and time.
    Timers,
}

impl Table {
    /// All tables. Their order is part of the changelog's format.
    pub const ALL: [Self; 4] = [Self::Meta, Self::Rules, Self::State, Self::Timers];

    /// The name, for instance of a column family.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Rules => "rules",
            Self::State => "state",
            Self::Timers => "timers",
        }
    }
}

/// One change of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// Sets a value.
    Put {
        /// Where.
        table: Table,
        /// Under which key.
        key: Key,
        /// To what.
        value: Bytes,
    },
    /// Removes a value, if there is one.
    Delete {
        /// Where.
        table: Table,
        /// Under which key.
        key: Key,
    },
    /// Removes every value with `from <= key < to`.
    DeleteRange {
        /// Where.
        table: Table,
        /// The first key that goes.
        from: Key,
        /// The first key that stays.
        to: Key,
    },
}
