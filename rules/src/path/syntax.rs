//! The parsed form of a path.

use super::pattern::Pattern;
use crate::document::Node;

/// Segments applied one after the other, from the root or, in a filter, from the element at hand.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Query {
    pub(crate) segments: Vec<Segment>,
}

impl Query {
    /// Whether it selects one node at most, by names and indexes alone.
    pub(crate) fn is_singular(&self) -> bool {
        self.segments.iter().all(|segment| {
            matches!(segment, Segment::Child(selectors) if matches!(&**selectors, [Selector::Name(_) | Selector::Index(_)]))
        })
    }

    /// Whether it selects all that is at its place and nothing else, by names, indexes from the front and wildcards.
    pub(crate) fn is_plain(&self) -> bool {
        self.segments.iter().all(Segment::is_plain)
    }
}

impl Segment {
    /// As [`Query::is_plain`].
    pub(crate) fn is_plain(&self) -> bool {
        match self {
            Self::Child(selectors) => match &**selectors {
                [Selector::Name(_) | Selector::Wildcard] => true,
                [Selector::Index(index)] => *index >= 0,
                _ => false,
            },
            Self::Descendant(_) => false,
        }
    }
}

/// What a path does with the nodes that it has so far.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Segment {
    /// Applies the selectors to each node.
    Child(Box<[Selector]>),
    /// Applies them to each node and to everything below it.
    Descendant(Box<[Selector]>),
}

/// What is taken of a node.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Selector {
    Name(Box<str>),
    Wildcard,
    Index(i64),
    Slice { start: Option<i64>, end: Option<i64>, step: i64 },
    Filter(Box<Filter>),
}

/// What holds of a node or not.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Filter {
    Or(Vec<Filter>),
    And(Vec<Filter>),
    Not(Box<Filter>),
    /// The query selects something.
    Exists(Query),
    Compare(Operand, Comparison, Operand),
    /// `match()` or `search()`.
    Matches(Operand, Pattern),
}

/// One side of a comparison, or an argument: a value, or nothing.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Operand {
    Literal(Node),
    /// A singular query.
    Query(Query),
    Length(Box<Operand>),
    Count(Query),
    Value(Query),
}

/// The six comparisons of RFC 9535.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    /// All with their signs; a sign stands before the ones that it begins with.
    pub(crate) const SIGNS: [(&'static str, Self); 6] = [
        ("==", Self::Equal),
        ("!=", Self::NotEqual),
        ("<=", Self::LessOrEqual),
        (">=", Self::GreaterOrEqual),
        ("<", Self::Less),
        (">", Self::Greater),
    ];
}
