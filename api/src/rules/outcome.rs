//! What became of control records: the latest of them, for those who wait for theirs.

use std::collections::VecDeque;
use std::sync::Arc;

use engine::Offset;
use ports::{Record, header};
use rules::{
    ActiveRule, CommandRecord, Control, EXPECTED_VERSION_HEADER, Invalid, Outcome, Rejection, RuleBook,
};

/// How many outcomes are kept. A writer asks for its own within milliseconds after its record was read.
const OUTCOMES_MAX: usize = 16_384;

/// What became of a control record, without what nobody asks for.
#[derive(Debug, Clone)]
pub(super) enum Resolved {
    /// The rule is new.
    Created(Arc<ActiveRule>),
    /// The rule has replaced an earlier version, or was suspended for a customer.
    Replaced(Arc<ActiveRule>),
    /// The rule was written again as it stood.
    Unchanged(Arc<ActiveRule>),
    /// The rule is gone; this is what it was.
    Deleted(Arc<ActiveRule>),
    /// The writer had expected another version than this one, if there is a rule at all.
    Stale(Rejection, Option<Arc<ActiveRule>>),
    /// The rule that was to be deleted is not there.
    NoSuchRule,
    /// The record is no command.
    Malformed(Invalid),
    /// The record is about the deployment as a whole, and about no rule.
    NoRule,
}

/// Reads a control record as every reader of the topic does, and applies it.
pub(super) fn resolve(book: &mut RuleBook, record: &Record) -> Resolved {
    let control = Control::read(&CommandRecord {
        key: record.key.as_deref(),
        value: record.value.as_deref(),
        expected_version: header(&record.headers, EXPECTED_VERSION_HEADER).map(|value| &value[..]),
    });
    let (key, outcome) = match control {
        Ok(Control::Rule(command)) => (command.key(), book.apply(command)),
        Ok(Control::Carried(active)) => (active.rule.key, book.carry(active)),
        Ok(Control::Generation(next)) => {
            book.count_from(next);
            return Resolved::NoRule;
        },
        Ok(Control::Savepoint(_)) => return Resolved::NoRule,
        Err(invalid) => return Resolved::Malformed(invalid),
    };
    match outcome {
        Outcome::Created(now) => Resolved::Created(now),
        Outcome::Replaced { now, .. } => Resolved::Replaced(now),
        Outcome::Unchanged(now) => Resolved::Unchanged(now),
        Outcome::Deleted(before) => Resolved::Deleted(before),
        Outcome::Rejected(Rejection::NoSuchRule) => Resolved::NoSuchRule,
        Outcome::Rejected(stale @ Rejection::Stale { .. }) => Resolved::Stale(stale, book.get(&key).cloned()),
    }
}

/// The latest outcomes, by offset.
#[derive(Default)]
pub(super) struct Outcomes(VecDeque<(Offset, Resolved)>);

impl Outcomes {
    /// Adds the outcome of the next record; the oldest one is forgotten.
    pub(super) fn push(&mut self, offset: Offset, resolved: Resolved) {
        if self.0.len() == OUTCOMES_MAX {
            self.0.pop_front();
        }
        self.0.push_back((offset, resolved));
    }

    /// What became of the record at this offset, if it is still known.
    pub(super) fn find(&self, offset: Offset) -> Option<Resolved> {
        let place = self.0.binary_search_by_key(&offset, |(at, _)| *at).ok()?;
        self.0.get(place).map(|(_, resolved)| resolved.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_outcomes_are_found_and_older_ones_forgotten() {
        let mut outcomes = Outcomes::default();
        // Offsets have holes where transactions end.
        for number in 0..2 * OUTCOMES_MAX as u64 {
            outcomes.push(Offset(2 * number), Resolved::NoSuchRule);
        }
        assert_eq!(outcomes.0.len(), OUTCOMES_MAX);
        assert!(outcomes.find(Offset(0)).is_none());
        assert!(outcomes.find(Offset(4 * OUTCOMES_MAX as u64 - 2)).is_some());
        assert!(outcomes.find(Offset(4 * OUTCOMES_MAX as u64 - 3)).is_none());
    }
}
