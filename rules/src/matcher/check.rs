//! A test or its negation, evaluated where a clause is a candidate.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::value::fingerprint;
use crate::condition::{Op, Quantifier, Test, measured};
use crate::document::Node;
use crate::path::{Segment, Selector};

/// A test, or that it does not hold.
#[derive(Debug, Clone)]
pub(super) struct Check {
    pub(super) test: Arc<Test>,
    pub(super) negated: bool,
}

impl Check {
    /// Whether it holds of the document: what [`Test::holds`] says, without collecting nodes.
    pub(super) fn holds(&self, root: &Node) -> bool {
        let test = &*self.test;
        let query = test.path().query();
        let mut seen = false;
        let mut any = |wanted: Option<bool>| {
            query.any(root, &mut |node| {
                measured(test.measure(), node).is_some_and(|node| {
                    seen = true;
                    wanted.is_none_or(|wanted| test.meets(&node) == wanted)
                })
            })
        };
        let holds = match (test.op(), test.quantifier()) {
            (Op::Exists, _) => any(None),
            (Op::Missing, _) => !any(None),
            (_, Quantifier::Any) => any(Some(true)),
            (_, Quantifier::None) => !any(Some(true)),
            (Op::Ne | Op::NotIn, Quantifier::Every) => !any(Some(false)),
            (_, Quantifier::Every) => !any(Some(false)) && seen,
        };
        holds != self.negated
    }

    /// About how much an evaluation costs, to do the cheap ones first.
    pub(super) fn cost(&self) -> usize {
        let op = match self.test.op() {
            Op::Regex => 100,
            Op::Contains | Op::Cidr => 10,
            Op::Eq | Op::Ne | Op::Gt | Op::Gte | Op::Lt | Op::Lte | Op::In | Op::NotIn => 1,
            Op::Exists | Op::Missing | Op::Empty | Op::NotEmpty | Op::StartsWith | Op::EndsWith => 1,
        };
        let path = &self.test.path().query();
        let broad = if path.is_singular() { 1 } else { 20 };
        (op + self.test.values().len()) * broad + path.segments.len()
    }
}

impl PartialEq for Check {
    fn eq(&self, other: &Self) -> bool {
        self.negated == other.negated && (Arc::ptr_eq(&self.test, &other.test) || self.test == other.test)
    }
}

impl Eq for Check {}

impl Hash for Check {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let test = &self.test;
        self.negated.hash(state);
        (test.op() as u8).hash(state);
        test.values().iter().for_each(|value| fingerprint(value).hash(state));
        for segment in &test.path().query().segments {
            if let Segment::Child(selectors) = segment
                && let [Selector::Name(name)] = &**selectors
            {
                name.hash(state);
            }
        }
    }
}
