//! A test or its negation, as a clause has it.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::value::fingerprint;
use crate::condition::{Op, Test};
use crate::path::{Filter, Operand, Query, Segment, Selector};

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
        hash_query(test.path().query(), state);
    }
}

/// Names and literals tell nearly all paths apart.
fn hash_query<H: Hasher>(query: &Query, state: &mut H) {
    for segment in &query.segments {
        let (Segment::Child(selectors) | Segment::Descendant(selectors)) = segment;
        for selector in selectors {
            match selector {
                Selector::Name(name) => name.hash(state),
                Selector::Index(index) => index.hash(state),
                Selector::Filter(filter) => hash_filter(filter, state),
                Selector::Wildcard | Selector::Slice { .. } => {},
            }
        }
    }
}

fn hash_filter<H: Hasher>(filter: &Filter, state: &mut H) {
    match filter {
        Filter::Or(parts) | Filter::And(parts) => parts.iter().for_each(|part| hash_filter(part, state)),
        Filter::Not(inner) => hash_filter(inner, state),
        Filter::Exists(query) => hash_query(query, state),
        Filter::Compare(left, _, right) => {
            hash_operand(left, state);
            hash_operand(right, state);
        },
        Filter::Matches(text, _) => hash_operand(text, state),
    }
}

fn hash_operand<H: Hasher>(operand: &Operand, state: &mut H) {
    match operand {
        Operand::Literal(literal) => fingerprint(literal).hash(state),
        Operand::Query(query) | Operand::Count(query) | Operand::Value(query) => hash_query(query, state),
        Operand::Length(argument) => hash_operand(argument, state),
    }
}
