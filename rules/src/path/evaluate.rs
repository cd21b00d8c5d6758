//! What a path selects, by the letter of RFC 9535 §2: the reference that faster ways are compared with.
//!
//! Time is bounded by the limits on paths: every node is visited at most once per combination of selectors and per
//! level of filters. That may still be much in a large document, so whoever evaluates paths of strangers sets a limit
//! ([`Steps`]).

use std::borrow::Cow;

use super::steps::Steps;
use super::syntax::{Comparison, Filter, Operand, Query, Segment, Selector};
use crate::document::{Node, Number};

impl Query {
    /// The nodes that are selected from here, in order.
    pub(crate) fn select<'a>(&self, from: &'a Node) -> Vec<&'a Node> {
        self.selected(from, &mut Steps::unlimited())
    }

    /// What a query selects that selects one node at most; nothing is collected on the way.
    fn only<'a>(&self, from: &'a Node, steps: &mut Steps) -> Option<&'a Node> {
        self.segments.iter().try_fold(from, |node, segment| {
            let Segment::Child(selectors) = segment else { return None };
            match (&**selectors, node) {
                _ if !steps.take() => None,
                ([Selector::Name(name)], _) => node.member(name),
                ([Selector::Index(index)], Node::Array(elements)) => {
                    at(*index, elements.len()).and_then(|index| elements.get(index))
                },
                _ => None,
            }
        })
    }

    /// The same; worth nothing if the steps are passed.
    pub(crate) fn selected<'a>(&self, from: &'a Node, steps: &mut Steps) -> Vec<&'a Node> {
        let mut nodes = vec![from];
        for segment in &self.segments {
            let mut next = Vec::new();
            for node in nodes {
                match segment {
                    Segment::Child(selectors) => children(selectors, node, &mut next, steps),
                    Segment::Descendant(selectors) => descendants(selectors, node, &mut next, steps),
                }
            }
            nodes = next;
        }
        nodes
    }
}

/// A node before what is below it; documents are shallow enough to recurse.
fn descendants<'a>(selectors: &[Selector], node: &'a Node, selected: &mut Vec<&'a Node>, steps: &mut Steps) {
    if !steps.take() {
        return;
    }
    children(selectors, node, selected, steps);
    for child in node.children() {
        descendants(selectors, child, selected, steps);
    }
}

/// Every node that is selected or filtered is a step, and so is every selector: a path that selects nothing is looked at
/// as well.
pub(super) fn children<'a>(
    selectors: &[Selector],
    node: &'a Node,
    selected: &mut Vec<&'a Node>,
    steps: &mut Steps,
) {
    for selector in selectors {
        if !steps.take() {
            return;
        }
        match (selector, node) {
            (Selector::Name(name), _) => selected.extend(node.member(name)),
            (Selector::Wildcard, _) => selected.extend(node.children().take_while(|_| steps.take())),
            (Selector::Index(index), Node::Array(elements)) => {
                selected.extend(at(*index, elements.len()).and_then(|index| elements.get(index)));
            },
            (Selector::Slice { start, end, step }, Node::Array(elements)) => {
                slice(elements, (*start, *end, *step), selected, steps);
            },
            (Selector::Filter(filter), _) => {
                selected.extend(node.children().filter(|child| steps.take() && filter.holds(child, steps)));
            },
            (Selector::Index(_) | Selector::Slice { .. }, _) => {},
        }
    }
}

/// The position of an index that may count from the end.
fn at(index: i64, length: usize) -> Option<usize> {
    let length = i64::try_from(length).ok()?;
    usize::try_from(if index < 0 { length + index } else { index }).ok()
}

/// RFC 9535 §2.3.4.2.2, with its names.
fn slice<'a>(
    elements: &'a [Node],
    (start, end, step): (Option<i64>, Option<i64>, i64),
    selected: &mut Vec<&'a Node>,
    steps: &mut Steps,
) {
    let Ok(length) = i64::try_from(elements.len()) else {
        return;
    };
    let normalize = |index: i64| if index < 0 { length + index } else { index };
    let element = |index: i64| usize::try_from(index).ok().and_then(|index| elements.get(index));
    if step > 0 {
        let mut index = normalize(start.unwrap_or(0)).clamp(0, length);
        let upper = normalize(end.unwrap_or(length)).clamp(0, length);
        while index < upper && steps.take() {
            selected.extend(element(index));
            index = index.saturating_add(step);
        }
    } else if step < 0 {
        let mut index = start.map_or(length - 1, normalize).clamp(-1, length - 1);
        let lower = end.map_or(-1, |end| normalize(end).clamp(-1, length - 1));
        while index > lower && steps.take() {
            selected.extend(element(index));
            index = index.saturating_add(step);
        }
    }
}

impl Filter {
    fn holds(&self, current: &Node, steps: &mut Steps) -> bool {
        match self {
            Self::Or(alternatives) => {
                alternatives.iter().any(|alternative| alternative.holds(current, steps))
            },
            Self::And(parts) => parts.iter().all(|part| part.holds(current, steps)),
            Self::Not(inner) => !inner.holds(current, steps),
            Self::Exists(query) if query.is_singular() => query.only(current, steps).is_some(),
            Self::Exists(query) => !query.selected(current, steps).is_empty(),
            Self::Compare(left, comparison, right) => {
                let (left, right) = (left.value(current, steps), right.value(current, steps));
                comparison.holds(left.as_deref(), right.as_deref())
            },
            Self::Matches(text, pattern) => text
                .value(current, steps)
                .is_some_and(|text| text.as_str().is_some_and(|text| pattern.matches(text))),
        }
    }
}

impl Operand {
    fn value<'a>(&'a self, current: &'a Node, steps: &mut Steps) -> Option<Cow<'a, Node>> {
        let number = |number: Number| Cow::Owned(Node::Number(number));
        match self {
            Self::Literal(literal) => Some(Cow::Borrowed(literal)),
            Self::Query(query) => query.only(current, steps).map(Cow::Borrowed),
            Self::Length(argument) => argument.value(current, steps)?.length().map(number),
            Self::Count(query) => Some(number(query.selected(current, steps).len().into())),
            Self::Value(query) => match query.selected(current, steps)[..] {
                [only] => Some(Cow::Borrowed(only)),
                _ => None,
            },
        }
    }
}

impl Comparison {
    /// RFC 9535 §2.3.5.2.2: nothing equals nothing; only numbers and strings have an order.
    fn holds(self, left: Option<&Node>, right: Option<&Node>) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Less => less(left, right),
            Self::LessOrEqual => less(left, right) || left == right,
            Self::Greater => less(right, left),
            Self::GreaterOrEqual => less(right, left) || left == right,
        }
    }
}

fn less(left: Option<&Node>, right: Option<&Node>) -> bool {
    match (left, right) {
        (Some(Node::Number(left)), Some(Node::Number(right))) => left < right,
        // UTF-8 keeps the order of code points.
        (Some(Node::String(left)), Some(Node::String(right))) => left < right,
        _ => false,
    }
}
