//! Conditions as clauses: the condition holds if all tests of one of its clauses do (disjunctive normal form).

use std::sync::Arc;

use super::check::Check;
use crate::condition::{Condition, Selections};

/// Checks that must all hold.
pub(super) type Clause = Vec<Check>;

/// The clauses of a condition; nothing if there are too many of them.
pub(super) fn clauses(condition: &Condition, selections: &Selections) -> Option<Vec<Clause>> {
    // Counted before any is written out, so a condition cannot make this costly.
    (!condition.needs_fallback(selections)).then(|| expanded(condition, selections, true))
}

/// The clauses of the condition or, with `holds` false, of its negation.
fn expanded(condition: &Condition, selections: &Selections, holds: bool) -> Vec<Clause> {
    match (condition, holds) {
        (Condition::All(parts), true) | (Condition::Any(parts), false) => parts
            .iter()
            .map(|part| expanded(part, selections, holds))
            .reduce(|left, right| product(&left, &right))
            .unwrap_or_else(|| vec![Clause::new()]),
        (Condition::Any(parts), true) | (Condition::All(parts), false) => {
            parts.iter().flat_map(|part| expanded(part, selections, holds)).collect()
        },
        (Condition::Not(inner), _) => expanded(inner, selections, !holds),
        (Condition::Test(test), _) => vec![vec![Check { test: Arc::clone(test), negated: !holds }]],
        (Condition::Selection(name), _) => match selections.get(name) {
            Some(stated) => expanded(&stated.condition, selections, holds),
            // As in the reference evaluation: what does not exist does not hold.
            None if holds => Vec::new(),
            None => vec![Clause::new()],
        },
    }
}

fn product(left: &[Clause], right: &[Clause]) -> Vec<Clause> {
    let pairs = left.iter().flat_map(|first| right.iter().map(move |second| (first, second)));
    pairs.map(|(first, second)| first.iter().chain(second).cloned().collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Option<Vec<String>> {
        let condition = Condition::parse(text, &[]).unwrap();
        let clauses = clauses(&condition, &Selections::new())?;
        let check =
            |check: &Check| format!("{}{}", if check.negated { "!" } else { "" }, check.test.path().text());
        Some(clauses.iter().map(|clause| clause.iter().map(check).collect::<Vec<_>>().join(" ")).collect())
    }

    #[test]
    fn negation_goes_down_to_the_tests() {
        assert_eq!(shown("$.a && ($.b || $.c)").unwrap(), ["$.a $.b", "$.a $.c"]);
        assert_eq!(shown("!($.a && ($.b || !$.c))").unwrap(), ["!$.a", "!$.b $.c"]);
    }

    #[test]
    fn a_condition_with_too_many_clauses_has_none() {
        let pair = |n: usize| format!("($.a{n} || $.b{n})");
        let text = |pairs: usize| (0..pairs).map(pair).collect::<Vec<_>>().join(" && ");
        assert_eq!(shown(&text(6)).unwrap().len(), 64);
        assert_eq!(shown(&text(7)), None);
    }
}
