//! Where a stream begins. Pure but for one question to the log.

use std::str::FromStr;

use engine::{Offset, Partition};
use ports::{Bounds, Log};

use super::vector::{Malformed, Vector};

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wish {
    /// Alerts from now on.
    Now,
    /// All that are still there.
    Oldest,
    /// Those behind this position.
    Behind(Vector),
}

impl FromStr for Wish {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        match text {
            "" => Ok(Self::Now),
            "0" => Ok(Self::Oldest),
            text => text.parse().map(Self::Behind),
        }
    }
}

/// Alerts that a stream was to tell and that are no longer there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gap {
    /// Where the stream was.
    pub(super) from: Vector,
    /// Where it goes on.
    pub(super) to: Vector,
}

/// The readable range of every partition.
pub(super) fn bounds(log: &dyn Log, topic: &str, partitions: usize) -> ports::Result<Vec<Bounds>> {
    let numbers = (0u32..).map(Partition).take(partitions);
    numbers.map(|partition| log.bounds(topic, partition)).collect()
}

/// The oldest position.
pub(super) fn oldest(bounds: &[Bounds]) -> Vector {
    Vector::new(bounds.iter().map(|bounds| bounds.start).collect())
}

/// Where a stream at this position goes on, and the gap if something in between is gone.
///
/// A position of another log, with partitions or offsets that this one does not have, says nothing about this one:
/// the stream has to begin with the oldest.
pub(super) fn resume(at: Vector, bounds: &[Bounds]) -> (Vector, Option<Gap>) {
    let is_foreign = at.len() > bounds.len()
        || at.pairs().zip(bounds).any(|((_, next), bounds)| next > bounds.end.max(bounds.start));
    let to = if is_foreign {
        oldest(bounds)
    } else {
        let mut to = at.clone().resized(bounds.len());
        to.raise(&oldest(bounds));
        to
    };
    let missed = is_foreign || to.pairs().any(|(partition, next)| next != at.next(partition));
    let gap = missed.then(|| Gap { from: at, to: to.clone() });
    (to, gap)
}

/// Where the topic ends now.
pub(super) fn end(bounds: &[Bounds]) -> Vector {
    let end = |bounds: &Bounds| Offset(bounds.end.0.max(bounds.start.0));
    Vector::new(bounds.iter().map(end).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(offsets: &[u64]) -> Vector {
        Vector::new(offsets.iter().copied().map(Offset).collect())
    }

    fn ranges(list: &[(u64, u64)]) -> Vec<Bounds> {
        list.iter().map(|(start, end)| Bounds { start: Offset(*start), end: Offset(*end) }).collect()
    }

    fn resumed(at: &[u64], list: &[(u64, u64)]) -> (Vector, bool) {
        let (to, gap) = resume(vector(at), &ranges(list));
        if let Some(gap) = &gap {
            assert_eq!((&gap.from, &gap.to), (&vector(at), &to));
        }
        (to, gap.is_some())
    }

    #[test]
    fn wishes_are_read() {
        assert_eq!("".parse(), Ok(Wish::Now));
        assert_eq!("0".parse(), Ok(Wish::Oldest));
        assert_eq!("v1.3".parse(), Ok(Wish::Behind(vector(&[3]))));
        assert_eq!("3".parse::<Wish>(), Err(Malformed));
    }

    #[test]
    fn what_is_still_there_is_resumed_without_a_gap() {
        assert_eq!(resumed(&[3, 9], &[(0, 5), (4, 9)]), (vector(&[3, 9]), false));
        assert_eq!(resumed(&[0], &[(0, 0), (0, 4)]), (vector(&[0, 0]), false), "a new partition");
    }

    #[test]
    fn what_has_expired_is_a_gap_in_its_partition_alone() {
        assert_eq!(resumed(&[3, 9], &[(0, 5), (10, 12)]), (vector(&[3, 10]), true));
    }

    #[test]
    fn the_position_of_another_log_begins_with_the_oldest() {
        assert_eq!(resumed(&[6], &[(0, 5)]), (vector(&[0]), true));
        assert_eq!(resumed(&[2, 2], &[(1, 5)]), (vector(&[1]), true));
    }
}
