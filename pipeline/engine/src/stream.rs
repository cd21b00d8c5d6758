//! The words of a stream: partition, offset, time.

use std::fmt;

pub use rules::Timestamp;
use serde::{Deserialize, Serialize};

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// One ordered part of a topic, from 0.
    Partition(u32)
}

number! {
    /// The place of a record within its partition, from 0. As a position: of the next record to be read.
    Offset(u64)
}

impl Offset {
    /// The place of a record by a signed number: what happened before the log has negative ones. Those stand at the upper end of
    /// the range, which no log reaches.
    pub fn from_signed(offset: i64) -> Self {
        Self(offset.cast_unsigned())
    }

    /// The signed number, see [`Offset::from_signed`].
    pub fn signed(self) -> i64 {
        self.0.cast_signed()
    }

    /// Whether the record was there before the log began.
    pub fn is_before_the_log(self) -> bool {
        self.signed() < 0
    }

    /// The position after the record at this offset.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}
