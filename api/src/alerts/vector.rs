//! The position of an alert stream: per partition the offset that comes next. Opaque to clients.

use std::fmt;
use std::str::FromStr;

use engine::{Offset, Partition};

/// The version of the text form; what follows are the offsets, joined by dots.
const MARK: &str = "v1.";
/// More partitions than any topic has; bounds what a client can make us hold.
const PARTITIONS_MAX: usize = 10_000;

/// Per partition, from 0 on, the offset that comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Vector(Vec<Offset>);

/// A text that is no vector.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

impl Vector {
    /// A position with these offsets.
    pub(super) fn new(offsets: Vec<Offset>) -> Self {
        Self(offsets)
    }

    /// What comes next in this partition.
    pub(super) fn next(&self, partition: Partition) -> Offset {
        self.0.get(partition.0 as usize).copied().unwrap_or_default()
    }

    /// Moves on to behind this record; false if the record is not before anything, but was passed already.
    pub(super) fn pass(&mut self, partition: Partition, offset: Offset) -> bool {
        match self.0.get_mut(partition.0 as usize) {
            Some(next) if *next <= offset => {
                *next = offset.next();
                true
            },
            Some(_) | None => false,
        }
    }

    /// Whether nothing before `other` is still to come.
    pub(super) fn covers(&self, other: &Self) -> bool {
        self.pairs().all(|(partition, next)| next >= other.next(partition)) && self.len() >= other.len()
    }

    /// Moves on to at least `other` in every partition.
    pub(super) fn raise(&mut self, other: &Self) {
        for (next, other) in self.0.iter_mut().zip(&other.0) {
            *next = (*next).max(*other);
        }
    }

    /// The same with this many partitions; new ones are at their beginning.
    pub(super) fn resized(mut self, partitions: usize) -> Self {
        self.0.resize(partitions, Offset(0));
        self
    }

    /// The number of partitions.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Partitions and their offsets.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (Partition, Offset)> {
        (0u32..).map(Partition).zip(self.0.iter().copied())
    }
}

impl fmt::Display for Vector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MARK)?;
        for (number, offset) in self.0.iter().enumerate() {
            let dot = if number == 0 { "" } else { "." };
            write!(f, "{dot}{offset}")?;
        }
        Ok(())
    }
}

impl FromStr for Vector {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let offsets = text.strip_prefix(MARK).ok_or(Malformed)?.split('.');
        let read = |digits: &str| {
            // `parse` would also take a plus sign.
            if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(Malformed);
            }
            // The greatest number has no next one.
            let offset = digits.parse().ok().filter(|offset| *offset < u64::MAX);
            offset.map(Offset).ok_or(Malformed)
        };
        let offsets: Vec<_> = offsets.take(PARTITIONS_MAX + 1).map(read).collect::<Result<_, _>>()?;
        if offsets.len() > PARTITIONS_MAX {
            return Err(Malformed);
        }
        Ok(Self(offsets))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn vector(offsets: &[u64]) -> Vector {
        Vector(offsets.iter().copied().map(Offset).collect())
    }

    proptest! {
        #[test]
        fn texts_read_back(offsets in proptest::collection::vec(0..u64::MAX, 1..40)) {
            let vector = vector(&offsets);
            prop_assert_eq!(vector.to_string().parse::<Vector>().unwrap(), vector);
        }

        #[test]
        fn any_text_is_read_without_panic(text: String) {
            drop(text.parse::<Vector>());
            drop(format!("{MARK}{text}").parse::<Vector>());
        }
    }

    #[test]
    fn the_text_is_fixed_and_others_are_refused() {
        assert_eq!(vector(&[3, 0, 17]).to_string(), "v1.3.0.17");
        for text in ["", "1", "v1.", "v1.1.", "v1.+1", "v1.-1", "v2.1", "v1.x", "v1.18446744073709551615"] {
            assert_eq!(text.parse::<Vector>(), Err(Malformed), "{text}");
        }
        let long = format!("v1{}", ".1".repeat(PARTITIONS_MAX + 1));
        assert_eq!(long.parse::<Vector>(), Err(Malformed));
    }

    #[test]
    fn a_record_is_passed_once() {
        let mut at = vector(&[5, 0]);
        assert!(!at.pass(Partition(0), Offset(4)));
        assert!(at.pass(Partition(0), Offset(7)));
        assert!(!at.pass(Partition(0), Offset(7)));
        assert!(!at.pass(Partition(2), Offset(0)));
        assert_eq!(at, vector(&[8, 0]));
        assert!(
            at.covers(&vector(&[8, 0])) && !at.covers(&vector(&[8, 1])) && !at.covers(&vector(&[1, 0, 0]))
        );
        at.raise(&vector(&[2, 9]));
        assert_eq!(at, vector(&[8, 9]));
    }
}
