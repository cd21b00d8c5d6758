//! Follows the control topic: folds its records into the rule book and compiles the snapshot that events meet.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use engine::{DeadLetter, Offset, Partition, Reason};
use ports::{ErrorKind, Log, Reader, Record, Result, header};
use rules::{
    CommandRecord, Control, EXPECTED_VERSION_HEADER, Invalid, Matcher, Outcome, RuleBook, RuleKey,
    SavepointId, Snapshot,
};

use crate::merging::Merging;

/// The control topic has one partition: its order is the order of all changes.
pub(crate) const PARTITION: Partition = Partition(0);

/// How many control records one poll takes.
const RECORDS_MAX: usize = 1000;

/// The rules in force and how far the control topic is read.
pub(crate) struct Controls {
    reader: Box<dyn Reader>,
    /// Records that were read and not taken up: a savepoint ends what is taken up at once.
    unread: VecDeque<Record>,
    next: Offset,
    book: RuleBook,
    snapshot: Snapshot,
    merging: Merging,
}

/// What a poll of the control topic brought.
#[derive(Default)]
pub(crate) struct Changes {
    /// What became of each well-formed command, with the book's state after it folded in.
    pub(crate) outcomes: Vec<Outcome>,
    /// Records that could not be read.
    pub(crate) malformed: Vec<DeadLetter>,
    /// The savepoint that the last record asked for.
    pub(crate) savepoint: Option<SavepointId>,
    /// Whether any record was taken up.
    pub(crate) moved: bool,
}

impl Controls {
    /// Goes on from a book and the offset of the next record after it.
    pub(crate) fn resume(log: &dyn Log, topic: &str, book: RuleBook, next: Offset) -> Result<Self> {
        let reader = log.reader(topic, &[(PARTITION, next)])?;
        let snapshot = Matcher::compile(&book);
        Ok(Self { reader, unread: VecDeque::new(), next, book, snapshot, merging: Merging::default() })
    }

    /// The offset of the next control record to come into force.
    pub(crate) fn next(&self) -> Offset {
        self.next
    }

    pub(crate) fn book(&self) -> &RuleBook {
        &self.book
    }

    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Takes up what is new on the control topic, up to and with the first record that asks for a savepoint: all
    /// partitions come to this line, and no further before their parts are taken.
    pub(crate) fn poll(&mut self, timeout: Duration) -> Result<Changes> {
        if self.unread.is_empty() {
            self.unread.extend(self.reader.poll(RECORDS_MAX, timeout)?.records);
        }
        let mut changes = Changes::default();
        while changes.savepoint.is_none()
            && let Some(record) = self.unread.pop_front()
        {
            self.next = record.offset.next();
            changes.moved = true;
            match read(&record) {
                Ok(control) => match fold(&mut self.book, control) {
                    Folded::Rule(outcome) => changes.outcomes.push(outcome),
                    Folded::Savepoint(id) => changes.savepoint = Some(id),
                    Folded::Counter => {},
                },
                Err(invalid) => changes.malformed.push(dead_letter(record, &invalid)),
            }
        }
        let changed: Vec<RuleKey> = changes.outcomes.iter().filter_map(changed_rule).collect();
        let has_changed = !changed.is_empty();
        if has_changed {
            self.snapshot = self.snapshot.with(&self.book, changed);
        }
        if let Some(merged) = self.merging.turn(&self.snapshot, has_changed) {
            self.snapshot = merged;
        }
        Ok(changes)
    }
}

/// What a control record did to a book.
enum Folded {
    Rule(Outcome),
    Savepoint(SavepointId),
    Counter,
}

fn fold(book: &mut RuleBook, control: Control) -> Folded {
    match control {
        Control::Rule(command) => Folded::Rule(book.apply(command)),
        Control::Carried(active) => Folded::Rule(book.carry(active)),
        Control::Savepoint(id) => Folded::Savepoint(id),
        Control::Generation(next) => {
            book.count_from(next);
            Folded::Counter
        },
    }
}

/// A stretch of the control topic, for a partition that was elsewhere while the others read it.
pub(crate) struct Stretch {
    /// Up to where.
    pub(crate) next: Offset,
    /// The savepoint that ends it.
    pub(crate) savepoint: Option<SavepointId>,
    /// The rules in force there, if a savepoint ends it.
    pub(crate) book: Option<RuleBook>,
    /// Its records that could not be read.
    pub(crate) malformed: Vec<DeadLetter>,
}

/// The control records in `[from, to)` as stretches that end at savepoints, and the rest. `book` is in force at `from`.
pub(crate) fn stretches(
    log: &dyn Log,
    topic: &str,
    mut book: RuleBook,
    (from, to): (Offset, Offset),
    timeout: Duration,
) -> Result<Vec<Stretch>> {
    let mut stretches = Vec::new();
    let mut malformed = Vec::new();
    let mut reader = log.reader(topic, &[(PARTITION, from)])?;
    let mut reached = from;
    while reached < to {
        let polled = reader.poll(RECORDS_MAX, timeout)?;
        for record in polled.records.into_iter().take_while(|record| record.offset < to) {
            reached = record.offset.next();
            match read(&record) {
                Ok(control) => {
                    if let Folded::Savepoint(id) = fold(&mut book, control) {
                        let malformed = std::mem::take(&mut malformed);
                        let (savepoint, book) = (Some(id), Some(book.clone()));
                        stretches.push(Stretch { next: reached, savepoint, book, malformed });
                    }
                },
                Err(invalid) => malformed.push(dead_letter(record, &invalid)),
            }
        }
        if reached < to && polled.at_end {
            let message = format!("control records {reached} to {to} of `{topic}` are not there any more");
            return Err(ports::Error::new(ErrorKind::Gone, message));
        }
    }
    if stretches.last().is_none_or(|last: &Stretch| last.next < to) {
        stretches.push(Stretch { next: to, savepoint: None, book: None, malformed });
    }
    Ok(stretches)
}

/// The rule that is not in force any more as it was.
fn changed_rule(outcome: &Outcome) -> Option<RuleKey> {
    match outcome {
        Outcome::Created(active) | Outcome::Replaced { now: active, .. } | Outcome::Deleted(active) => {
            Some(active.rule.key)
        },
        Outcome::Unchanged(_) | Outcome::Rejected(_) => None,
    }
}

fn read(record: &Record) -> std::result::Result<Control, Invalid> {
    Control::read(&CommandRecord {
        key: record.key.as_deref(),
        value: record.value.as_deref(),
        expected_version: header(&record.headers, EXPECTED_VERSION_HEADER).map(Bytes::as_ref),
    })
}

fn dead_letter(record: Record, invalid: &Invalid) -> DeadLetter {
    DeadLetter {
        reason: Reason::BadControl,
        detail: invalid.to_string(),
        offset: record.offset,
        timestamp: record.timestamp,
        key: record.key,
        value: record.value,
    }
}
