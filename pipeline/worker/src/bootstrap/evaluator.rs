//! The newcomers of a job, compiled for themselves.

use engine::Newcomer;
use rules::{Matcher, RuleBook, Snapshot};

/// The newcomers that are still in force, as they were when they became known.
pub(super) struct Evaluator {
    pub(super) rules: RuleBook,
    pub(super) snapshot: Snapshot,
}

impl Evaluator {
    pub(super) fn of(newcomers: &[Newcomer], book: &RuleBook) -> Self {
        let in_force = newcomers.iter().filter(|newcomer| is_in_force(newcomer, book));
        let rules: RuleBook = in_force.map(|newcomer| std::sync::Arc::clone(&newcomer.active)).collect();
        Self { snapshot: Matcher::compile(&rules), rules }
    }
}

/// Whether this meaning of a rule is in force.
pub(super) fn is_in_force(newcomer: &Newcomer, book: &RuleBook) -> bool {
    let now = book.get(&newcomer.active.rule.key);
    now.is_some_and(|now| now.generation == newcomer.active.generation)
}
