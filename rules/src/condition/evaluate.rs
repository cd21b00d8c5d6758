//! What a test says of a document: the reference that faster ways are compared with.

use std::borrow::Cow;

use super::fold;
use super::op::{Measure, Op, Quantifier};
use super::test::{Test, Wanted};
use crate::document::Node;
use crate::path::Steps;

impl Test {
    /// Whether the test holds of the document.
    pub fn holds(&self, root: &Node) -> bool {
        self.holds_within(root, &mut Steps::unlimited())
    }

    /// The same; worth nothing if the steps are passed.
    pub(super) fn holds_within(&self, root: &Node, steps: &mut Steps) -> bool {
        self.holds_of(self.path().query().selected(root, steps).into_iter())
    }

    /// Whether the test holds where its path selects these nodes.
    pub(crate) fn holds_of<'a>(&self, nodes: impl Iterator<Item = &'a Node>) -> bool {
        let mut nodes = nodes.filter_map(|node| measured(self.measure(), node)).peekable();
        match (self.op(), self.quantifier()) {
            (Op::Exists, _) => nodes.peek().is_some(),
            (Op::Missing, _) => nodes.peek().is_none(),
            (_, Quantifier::Any) => nodes.any(|node| self.meets(&node)),
            (_, Quantifier::None) => !nodes.any(|node| self.meets(&node)),
            (Op::Ne | Op::NotIn, Quantifier::Every) => nodes.all(|node| self.meets(&node)),
            (_, Quantifier::Every) => nodes.peek().is_some() && nodes.all(|node| self.meets(&node)),
        }
    }

    /// Whether one node meets the test.
    pub(crate) fn meets(&self, node: &Node) -> bool {
        match &self.wanted {
            Wanted::Patterns(patterns) => {
                node.as_str().is_some_and(|text| patterns.iter().any(|pattern| pattern.is_match(text)))
            },
            Wanted::Networks(networks) => {
                node.as_str().is_some_and(|text| networks.iter().any(|network| network.contains(text)))
            },
            Wanted::Values(values) => self.meets_values(node, values),
        }
    }

    fn meets_values(&self, node: &Node, values: &[Node]) -> bool {
        let fold = |node: &'_ Node| -> Option<Node> {
            (self.ignores_case() && matches!(node, Node::String(_))).then(|| fold::node(node))
        };
        let folded = fold(node);
        let node = folded.as_ref().unwrap_or(node);
        let ordered = |holds: fn(std::cmp::Ordering) -> bool| {
            values.iter().any(|value| order(node, value).is_some_and(holds))
        };
        let texts = |holds: fn(&str, &str) -> bool| {
            let meets = |value: &Node| Some(holds(node.as_str()?, value.as_str()?));
            values.iter().any(|value| meets(value) == Some(true))
        };
        match self.op() {
            Op::Eq | Op::In => values.contains(node),
            Op::Ne | Op::NotIn => !values.contains(node),
            Op::Gt => ordered(std::cmp::Ordering::is_gt),
            Op::Gte => ordered(std::cmp::Ordering::is_ge),
            Op::Lt => ordered(std::cmp::Ordering::is_lt),
            Op::Lte => ordered(std::cmp::Ordering::is_le),
            Op::StartsWith => texts(|text, start| text.starts_with(start)),
            Op::EndsWith => texts(|text, end| text.ends_with(end)),
            Op::Contains => match node {
                Node::Array(elements) => {
                    elements.iter().any(|element| values.contains(fold(element).as_ref().unwrap_or(element)))
                },
                Node::Null | Node::Bool(_) | Node::Number(_) | Node::String(_) | Node::Object(_) => {
                    texts(|text, part| text.contains(part))
                },
            },
            Op::Empty => node.is_empty(),
            Op::NotEmpty => !node.is_empty(),
            Op::Exists | Op::Missing | Op::Regex | Op::Cidr => {
                unreachable!("the first two ask for no single node, the others have no plain values")
            },
        }
    }
}

/// Numbers among numbers and strings, by code points, among strings; nothing else has an order.
fn order(left: &Node, right: &Node) -> Option<std::cmp::Ordering> {
    match (left, right) {
        (Node::Number(left), Node::Number(right)) => Some(left.cmp(right)),
        (Node::String(left), Node::String(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

pub(crate) fn measured(measure: Measure, node: &Node) -> Option<Cow<'_, Node>> {
    let length = || Some(Cow::Owned(Node::Number(node.length()?)));
    match (measure, node) {
        (Measure::Value, _) => Some(Cow::Borrowed(node)),
        (Measure::MemberOrLength, Node::Object(members)) => members.get("length").map(Cow::Borrowed),
        (Measure::MemberOrLength | Measure::Length, _) => length(),
    }
}
