//! A segment: what a partition has decided since the last commit, in memory. Reads go through it before the store.

use std::collections::BTreeMap;

use bytes::Bytes;
use engine::{Key, Table, Write};
use ports::Outgoing;
use rules::SavepointId;

/// Uncommitted work of one partition.
#[derive(Debug, Default)]
pub(crate) struct Segment {
    staged: BTreeMap<(Table, Key), Option<Bytes>>,
    ranges: Vec<Write>,
    /// Alerts and dead letters, in order.
    pub(crate) output: Vec<Outgoing>,
    /// How many of them are alerts.
    pub(crate) alerts: u64,
    bytes: usize,
    touched: bool,
    /// The savepoint that ends the segment: its part is taken before anything else is written.
    pub(crate) savepoint: Option<SavepointId>,
}

impl Segment {
    /// Notes that the partition's position has moved, whether or not anything else changed.
    pub(crate) fn touch(&mut self) {
        self.touched = true;
    }

    /// Whether there is anything to commit.
    pub(crate) fn is_touched(&self) -> bool {
        self.touched
    }

    /// About how many bytes wait.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// What is staged under a key: a value, a removal, or nothing.
    pub(crate) fn staged(&self, table: Table, key: &Key) -> Option<&Option<Bytes>> {
        self.staged.get(&(table, key.clone()))
    }

    /// The first staged key with `from <= key < to`; nothing as its value if it is removed.
    pub(crate) fn first(&self, table: Table, from: &Key, to: &Key) -> Option<(&Key, Option<&Bytes>)> {
        let first = self.staged.range((table, from.clone())..(table, to.clone())).next();
        first.map(|((_, key), value)| (key, value.as_ref()))
    }

    /// Stages a change.
    pub(crate) fn stage(&mut self, write: Write) {
        self.touched = true;
        match write {
            Write::Put { table, key, value } => {
                self.bytes += key.len() + value.len();
                self.staged.insert((table, key), Some(value));
            },
            Write::Delete { table, key } => {
                self.bytes += key.len();
                self.staged.insert((table, key), None);
            },
            Write::DeleteRange { table, from, to } => {
                // What the range covers was staged before it; keys are never written again after their range went.
                self.staged.retain(|(of, key), _| *of != table || *key < from || *key >= to);
                self.bytes += from.len() + to.len();
                self.ranges.push(Write::DeleteRange { table, from, to });
            },
        }
    }

    /// Whether ranges were removed that the store still has.
    pub(crate) fn has_ranges(&self) -> bool {
        !self.ranges.is_empty()
    }

    /// Adds a record to the output.
    pub(crate) fn emit(&mut self, record: Outgoing) {
        self.touched = true;
        self.bytes += record.value.as_ref().map_or(0, Bytes::len) + 128;
        self.output.push(record);
    }

    /// All staged changes in the order in which a store takes them: ranges first, see [`Self::stage`].
    pub(crate) fn writes(&self) -> Vec<Write> {
        let single = self.staged.iter().map(|((table, key), value)| match value.clone() {
            Some(value) => Write::Put { table: *table, key: key.clone(), value },
            None => Write::Delete { table: *table, key: key.clone() },
        });
        self.ranges.iter().cloned().chain(single).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(key: &'static str) -> Key {
        Bytes::from_static(key.as_bytes())
    }

    fn put(at: &'static str, value: &'static str) -> Write {
        Write::Put { table: Table::State, key: key(at), value: key(value) }
    }

    #[test]
    fn the_last_of_several_changes_of_a_key_counts() {
        let mut segment = Segment::default();
        assert!(!segment.is_touched());
        segment.stage(put("a", "1"));
        segment.stage(put("a", "2"));
        segment.stage(Write::Delete { table: Table::State, key: key("b") });
        assert_eq!(segment.staged(Table::State, &key("a")), Some(&Some(key("2"))));
        assert_eq!(segment.staged(Table::State, &key("b")), Some(&None));
        assert_eq!(segment.staged(Table::Rules, &key("a")), None);
        assert_eq!(segment.writes(), [put("a", "2"), Write::Delete { table: Table::State, key: key("b") }]);
    }

    #[test]
    fn a_range_takes_what_was_staged_in_it() {
        let mut segment = Segment::default();
        segment.stage(put("a", "1"));
        segment.stage(put("b", "1"));
        let range = Write::DeleteRange { table: Table::State, from: key("b"), to: key("c") };
        segment.stage(range.clone());
        assert_eq!(segment.writes(), [range, put("a", "1")]);
    }
}
