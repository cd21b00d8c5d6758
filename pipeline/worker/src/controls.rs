//! Follows the control topic: folds its records into the rule book and compiles the snapshot that events meet.

use std::time::Duration;

use bytes::Bytes;
use engine::{DeadLetter, Offset, Partition, Reason};
use ports::{ErrorKind, Log, Reader, Record, Result, header};
use rules::{
    Command, CommandRecord, EXPECTED_VERSION_HEADER, Invalid, Matcher, Outcome, RuleBook, RuleKey, Snapshot,
};

/// The control topic has one partition: its order is the order of all changes.
pub(crate) const PARTITION: Partition = Partition(0);

/// How many control records one poll takes.
const RECORDS_MAX: usize = 1000;

/// The rules in force and how far the control topic is read.
pub(crate) struct Controls {
    reader: Box<dyn Reader>,
    next: Offset,
    book: RuleBook,
    snapshot: Snapshot,
}

/// What a poll of the control topic brought.
#[derive(Default)]
pub(crate) struct Changes {
    /// What became of each well-formed command, with the book's state after it folded in.
    pub(crate) outcomes: Vec<Outcome>,
    /// Records that could not be read.
    pub(crate) malformed: Vec<DeadLetter>,
    /// Whether any record was read.
    pub(crate) moved: bool,
}

impl Controls {
    /// Goes on from a book and the offset of the next record after it.
    pub(crate) fn resume(log: &dyn Log, topic: &str, book: RuleBook, next: Offset) -> Result<Self> {
        let reader = log.reader(topic, &[(PARTITION, next)])?;
        let snapshot = Matcher::compile(&book);
        Ok(Self { reader, next, book, snapshot })
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

    /// Takes up what is new on the control topic.
    pub(crate) fn poll(&mut self, timeout: Duration) -> Result<Changes> {
        let records = self.reader.poll(RECORDS_MAX, timeout)?.records;
        let mut changes = Changes { moved: !records.is_empty(), ..Changes::default() };
        for record in records {
            self.next = record.offset.next();
            match read(&record) {
                Ok(command) => changes.outcomes.push(self.book.apply(command)),
                Err(invalid) => changes.malformed.push(dead_letter(record, &invalid)),
            }
        }
        let changed: Vec<RuleKey> = changes.outcomes.iter().filter_map(changed_rule).collect();
        if !changed.is_empty() {
            self.snapshot = self.snapshot.with(&self.book, changed);
        }
        Ok(changes)
    }
}

/// The malformed control records in `[from, to)`, for a partition 0 that was not there when they came.
pub(crate) fn malformed_between(
    log: &dyn Log,
    topic: &str,
    from: Offset,
    to: Offset,
    timeout: Duration,
) -> Result<Vec<DeadLetter>> {
    let mut letters = Vec::new();
    if from >= to {
        return Ok(letters);
    }
    let mut reader = log.reader(topic, &[(PARTITION, from)])?;
    loop {
        let polled = reader.poll(RECORDS_MAX, timeout)?;
        for record in polled.records {
            if record.offset >= to {
                return Ok(letters);
            }
            let reached = record.offset.next() >= to;
            if let Err(invalid) = read(&record) {
                letters.push(dead_letter(record, &invalid));
            }
            if reached {
                return Ok(letters);
            }
        }
        if polled.at_end {
            let message = format!("control records {from} to {to} of `{topic}` are not there any more");
            return Err(ports::Error::new(ErrorKind::Gone, message));
        }
    }
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

fn read(record: &Record) -> std::result::Result<Command, Invalid> {
    Command::read(&CommandRecord {
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
