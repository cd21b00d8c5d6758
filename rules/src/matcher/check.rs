//! A test or its negation, as a clause has it.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::value::fingerprint;
use crate::condition::{Op, Test};
use crate::path::{Segment, Selector};

/// A test, or that it does not hold.
#[derive(Debug, Clone)]
pub(super) struct Check {
    pub(super) test: Arc<Test>,
    pub(super) negated: bool,
}

/// About how much an evaluation of a test costs, to do the cheap ones first.
pub(super) fn cost(test: &Test) -> usize {
    let op = match test.op() {
        Op::Regex => 100,
        Op::Contains | Op::Cidr => 10,
        Op::Eq | Op::Ne | Op::Gt | Op::Gte | Op::Lt | Op::Lte | Op::In | Op::NotIn => 1,
        Op::Exists | Op::Missing | Op::Empty | Op::NotEmpty | Op::StartsWith | Op::EndsWith => 1,
    };
    let path = &test.path().query();
    let broad = if path.is_singular() { 1 } else { 20 };
    (op + test.values().len()) * broad + path.segments.len()
}

/// A test as a key: the same for tests that say the same.
#[derive(Debug, Clone)]
pub(super) struct Same(pub(super) Arc<Test>);

impl PartialEq for Same {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl Eq for Same {}

impl Hash for Same {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let test = &self.0;
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
