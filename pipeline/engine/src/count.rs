//! What a rule has counted for one customer, and its stored form.
//!
//! Stored form, version 1: `1 | flags | count | first seen | last seen − first seen | n | n offsets`, numbers as
//! varints, times zig-zag coded, each offset as its distance from the one before. Flag bit 0: has fired.

use crate::stream::{Offset, Timestamp};
use crate::varint::{Reader, Truncated, put_signed, put_varint};

/// How many of the latest contributions are kept as evidence.
pub const EVIDENCE_MAX: usize = 10;

const VERSION: u8 = 1;
const FIRED: u8 = 1;

/// A stored count that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CountError {
    /// Written by another version of the engine.
    #[error("a count of format {0}, this version reads format {VERSION}")]
    Format(u8),
    /// Cut or damaged.
    #[error(transparent)]
    Truncated(#[from] Truncated),
}

/// A running count with policy `once`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Count {
    /// How many events contributed.
    pub value: u64,
    /// Whether the rule has fired; it does so once.
    pub fired: bool,
    /// The event time of the first contribution.
    pub first_seen: Timestamp,
    /// The greatest event time of a contribution.
    pub last_seen: Timestamp,
    /// Offsets of the latest contributions, oldest first; not kept once the rule has fired.
    pub evidence: Vec<Offset>,
}

impl Count {
    /// Counts one event.
    pub(crate) fn add(&mut self, time: Timestamp, offset: Offset) {
        if self.value == 0 {
            (self.first_seen, self.last_seen) = (time, time);
        }
        self.value = self.value.saturating_add(1);
        self.first_seen = self.first_seen.min(time);
        self.last_seen = self.last_seen.max(time);
        if !self.fired {
            if self.evidence.len() == EVIDENCE_MAX {
                self.evidence.remove(0);
            }
            self.evidence.push(offset);
        }
    }

    /// The stored form.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![VERSION, if self.fired { FIRED } else { 0 }];
        put_varint(&mut out, self.value);
        put_signed(&mut out, self.first_seen.0);
        put_varint(&mut out, self.last_seen.0.wrapping_sub(self.first_seen.0).cast_unsigned());
        put_varint(&mut out, self.evidence.len() as u64);
        let mut before = 0;
        for offset in &self.evidence {
            put_varint(&mut out, offset.0.wrapping_sub(before));
            before = offset.0;
        }
        out
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// Another format version, or bytes that are no count.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CountError> {
        let mut reader = Reader::new(bytes);
        let version = reader.byte()?;
        if version != VERSION {
            return Err(CountError::Format(version));
        }
        let fired = reader.byte()? & FIRED != 0;
        let value = reader.varint()?;
        let first = reader.signed()?;
        let last = first.wrapping_add(reader.varint()?.cast_signed());
        let kept = reader.varint()?;
        if kept > EVIDENCE_MAX as u64 {
            return Err(Truncated.into());
        }
        let mut before = 0u64;
        let mut evidence = Vec::new();
        for _ in 0..kept {
            before = before.wrapping_add(reader.varint()?);
            evidence.push(Offset(before));
        }
        Ok(Self { value, fired, first_seen: Timestamp(first), last_seen: Timestamp(last), evidence })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn counts_read_back(value: u64, fired: bool, first: i64, last: i64, offsets in proptest::collection::vec(any::<u64>(), 0..=EVIDENCE_MAX)) {
            let count = Count {
                value, fired, first_seen: Timestamp(first), last_seen: Timestamp(last),
                evidence: offsets.into_iter().map(Offset).collect(),
            };
            prop_assert_eq!(Count::from_bytes(&count.to_bytes()), Ok(count));
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes: Vec<u8>) {
            drop(Count::from_bytes(&bytes));
        }
    }

    /// A change here is a change of the stored format and needs a new version byte.
    #[test]
    fn the_stored_form_is_fixed() {
        let mut count = Count::default();
        count.add(Timestamp(1000), Offset(7));
        count.add(Timestamp(900), Offset(300));
        assert_eq!(count.to_bytes(), [1, 0, 2, 0x88, 0x0e, 100, 2, 7, 0xa5, 0x02]);
        assert_eq!(Count::from_bytes(&[2, 0]), Err(CountError::Format(2)));
    }

    #[test]
    fn the_latest_contributions_are_the_evidence() {
        let mut count = Count::default();
        (0..25).for_each(|offset| count.add(Timestamp(0), Offset(offset)));
        assert_eq!(count.evidence, (15..25).map(Offset).collect::<Vec<_>>());
    }
}
