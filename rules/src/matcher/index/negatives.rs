//! Negative clauses: those that hold of an empty document, so that nothing can be sought for them, such as `$.a != 1`.
//! They hold of an event unless something is found that a check of theirs forbids; only those are checked. So very many of
//! them cost little more than saying that they hold.

use super::{CheckId, Index};
use crate::matcher::seen::{Lists, Seen};
use crate::matcher::truth::Truth;

/// The clauses from 0 on that are negative, by the check that they share with many others.
#[derive(Debug, Default)]
pub(super) struct Negatives {
    pub(super) runs: Box<[Run]>,
}

/// Clauses up to this one, from where the run before ends.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) to: u32,
    /// A check of all of them. What it forbids is not sought: if it fails, none of them holds.
    pub(super) guard: Option<CheckId>,
}

impl Negatives {
    pub(super) fn len(&self) -> usize {
        self.runs.last().map_or(0, |run| run.to as usize)
    }

    /// Meets the clauses that hold, after those in doubt were decided.
    pub(super) fn hold(&self, index: &Index, seen: &mut Seen<'_, '_>, lists: &mut Lists) {
        let mut from = 0;
        for run in &self.runs {
            let clauses = from..run.to;
            from = run.to;
            match run.guard.map_or(Truth::True, |guard| guard.truth(seen)) {
                Truth::True => {
                    for clause in clauses {
                        if lists.failed[clause as usize / 64] & 1 << (clause % 64) == 0 {
                            index.meet(clause, lists);
                        }
                    }
                },
                Truth::False => {},
                // Another check may fail for certain.
                Truth::Unknown => {
                    for clause in clauses {
                        if index.truth(clause, seen) == Truth::Unknown {
                            let condition = index.clauses[clause as usize].condition;
                            lists.unknown.extend(index.subscribers(condition).iter().map(|each| each.0));
                        }
                    }
                },
            }
        }
    }
}
