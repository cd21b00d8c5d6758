//! Accesses: what an event must have for a check to have a chance, so that the index can find the check by it.
//!
//! An access is necessary and need not be sufficient: whatever it finds is checked. A check that holds of an empty
//! document, such as `$.a != 1`, has no access.

use super::check::Check;
use super::place::{Place, Step, below, place};
use super::required::required_parts;
use super::sites::{SiteId, Sites};
use super::value::{fingerprint, text_fingerprint};
use crate::condition::{Measure, Op, Quantifier, folded_text};
use crate::document::{Node, Number, Object};
use crate::path::{Comparison, Filter, Operand, Segment, Selector};

/// Something to be found at a site.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) site: SiteId,
    pub(super) measure: Measure,
    pub(super) sought: Sought,
}

/// What is to be found.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Sought {
    /// A value of this fingerprint; of the text in lower case if folded. Common ones are worth little.
    Equal { value: u64, folded: bool, common: bool },
    /// A number within bounds, both included.
    Number { low: Option<Number>, high: Option<Number> },
    /// A string within bounds, both included.
    Text { low: Option<Box<str>>, high: Option<Box<str>> },
    /// A string with this part; in lower case if folded.
    Part { part: Box<str>, at: Anchor, folded: bool },
    /// A string that this regular expression matches, which requires no literal.
    Pattern { pattern: Box<str>, folded: bool },
    /// Anything.
    Exists,
}

/// Where in the string the part stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Anchor {
    Start,
    Anywhere,
    End,
}

/// Every access of a check: keys of which at least one is found in every document where the check holds. None if it may
/// hold of a document without any of its nodes.
pub(super) fn accesses(check: &Check, sites: &mut Sites) -> Vec<Vec<Key>> {
    let Some(wanted) = wanted(check) else {
        return Vec::new();
    };
    let test = &check.test;
    let segments = &test.path().query().segments;
    let place = place(segments);
    let site = match &place {
        Some(place) => sites.at_place(place),
        None => sites.of(test),
    };
    let soughts = soughts(check, wanted).into_iter();
    let mut own: Vec<Key> = soughts.map(|sought| Key { site, measure: test.measure(), sought }).collect();
    if wanted == Op::Contains && test.measure() == Measure::Value {
        match place {
            Some(place) => own.extend(elements(check, &place, sites)),
            // Elements of arrays that may be anywhere are no site: whatever is there makes it a candidate.
            None => own = vec![Key { site, measure: Measure::Value, sought: Sought::Exists }],
        }
    }
    std::iter::once(own).chain(filter_accesses(segments, sites)).collect()
}

/// What some node must be for the check to hold; `Exists` where any node will do, nothing where none is needed.
fn wanted(check: &Check) -> Option<Op> {
    let (op, quantifier) = (check.test.op(), check.test.quantifier());
    match (op, quantifier, check.negated) {
        (Op::Exists, _, false) | (Op::Missing, _, true) => Some(Op::Exists),
        (Op::Exists, _, true) | (Op::Missing, _, false) => None,
        // Some node differs.
        (Op::Ne | Op::NotIn, Quantifier::Any, false) | (Op::Ne | Op::NotIn, Quantifier::None, true) => {
            Some(Op::Exists)
        },
        // Not all of them differ.
        (Op::Ne | Op::NotIn, Quantifier::Every, true) => Some(Op::In),
        (Op::Ne | Op::NotIn, _, _) => None,
        (_, Quantifier::Any | Quantifier::Every, false) | (_, Quantifier::None, true) => Some(op),
        (_, Quantifier::Any | Quantifier::Every, true) | (_, Quantifier::None, false) => None,
    }
}

/// What is sought at the place of the test's path.
fn soughts(check: &Check, wanted: Op) -> Vec<Sought> {
    let test = &check.test;
    let (values, folded) = (test.compared(), test.ignores_case());
    let parts = |at: Anchor| {
        let parts = values.iter().filter_map(Node::as_str);
        let sought = |part: &str| match part {
            "" => Sought::Exists,
            part => Sought::Part { part: part.into(), at, folded },
        };
        parts.map(sought).collect()
    };
    match wanted {
        Op::Eq | Op::In => values.iter().map(|value| equal(value, folded)).collect(),
        Op::Empty => {
            let empty = [
                Node::Null,
                Node::String("".into()),
                Node::Array(Vec::new()),
                Node::Object(Object::default()),
            ];
            empty.iter().map(|value| equal(value, false)).collect()
        },
        Op::Gt | Op::Gte => values.iter().filter_map(|value| range(Some(value), None)).collect(),
        Op::Lt | Op::Lte => values.iter().filter_map(|value| range(None, Some(value))).collect(),
        Op::StartsWith => parts(Anchor::Start),
        Op::EndsWith => parts(Anchor::End),
        Op::Contains => parts(Anchor::Anywhere),
        Op::Regex => {
            test.values().iter().filter_map(Node::as_str).flat_map(|text| pattern(text, folded)).collect()
        },
        Op::Exists | Op::NotEmpty | Op::Cidr | Op::Ne | Op::NotIn | Op::Missing => {
            vec![Sought::Exists]
        },
    }
}

/// What is sought for a regular expression: literals of which one must be there, or else the expression.
fn pattern(text: &str, folded: bool) -> Vec<Sought> {
    let part = |part| Sought::Part { part, at: Anchor::Anywhere, folded: false };
    match required_parts(text).filter(|_| !folded) {
        Some(parts) => parts.into_iter().map(part).collect(),
        None => vec![Sought::Pattern { pattern: text.into(), folded }],
    }
}

fn equal(value: &Node, folded: bool) -> Sought {
    let common = match value {
        Node::Null | Node::Bool(_) | Node::Array(_) | Node::Object(_) => true,
        Node::String(text) => text.is_empty(),
        Node::Number(number) => *number == Number::from(0_i64),
    };
    match value {
        Node::String(text) if folded => {
            Sought::Equal { value: text_fingerprint(&folded_text(text)), folded, common }
        },
        _ => Sought::Equal { value: fingerprint(value), folded, common },
    }
}

fn range(low: Option<&Node>, high: Option<&Node>) -> Option<Sought> {
    let text = |node: Option<&Node>| node.and_then(Node::as_str).map(Box::from);
    let number = |node: Option<&Node>| node.and_then(Node::as_number).cloned();
    match low.or(high)? {
        Node::Number(_) => Some(Sought::Number { low: number(low), high: number(high) }),
        Node::String(_) => Some(Sought::Text { low: text(low), high: text(high) }),
        Node::Null | Node::Bool(_) | Node::Array(_) | Node::Object(_) => None,
    }
}

/// `contains` of an array: one of the values is an element.
fn elements(check: &Check, place: &Place, sites: &mut Sites) -> Vec<Key> {
    let test = &check.test;
    let place: Place = place.iter().cloned().chain([Step::Any]).collect();
    let site = sites.at_place(&place);
    let sought = test.compared().iter().map(|value| equal(value, test.ignores_case()));
    sought.map(|sought| Key { site, measure: Measure::Value, sought }).collect()
}

/// What the filters of a path require of the nodes that they let through.
fn filter_accesses(segments: &[Segment], sites: &mut Sites) -> Vec<Vec<Key>> {
    let mut all = Vec::new();
    for (position, segment) in segments.iter().enumerate() {
        let Segment::Child(selectors) = segment else { break };
        if let [Selector::Filter(filter)] = &**selectors
            && let Some(mut element) = place(&segments[..position])
        {
            element.push(Step::Any);
            let parts = match &**filter {
                Filter::And(parts) => parts.as_slice(),
                single => std::slice::from_ref(single),
            };
            all.extend(parts.iter().filter_map(|part| filter_keys(part, &element, sites)));
        }
    }
    all
}

/// The keys of which one must be found below the element for the filter to let it through.
fn filter_keys(filter: &Filter, element: &Place, sites: &mut Sites) -> Option<Vec<Key>> {
    let key = |query, sought, sites: &mut Sites| {
        let site = sites.at_place(&below(element, query)?);
        Some(Key { site, measure: Measure::Value, sought })
    };
    match filter {
        Filter::Or(parts) => {
            let keys: Option<Vec<_>> = parts.iter().map(|part| filter_keys(part, element, sites)).collect();
            Some(keys?.into_iter().flatten().collect())
        },
        Filter::Compare(Operand::Query(query), Comparison::Equal, Operand::Literal(value))
        | Filter::Compare(Operand::Literal(value), Comparison::Equal, Operand::Query(query)) => {
            Some(vec![key(query, equal(value, false), sites)?])
        },
        Filter::Exists(query) => Some(vec![key(query, Sought::Exists, sites)?]),
        Filter::And(_) | Filter::Not(_) | Filter::Compare(..) | Filter::Matches(..) => None,
    }
}

/// Joins the bounds of a clause on one and the same node: `1 < a && a < 5` is sought as one interval. Answers those that
/// were joined of several.
pub(super) fn joined_bounds<'a>(keys: impl Iterator<Item = &'a Key>) -> Vec<Key> {
    let mut joined: Vec<(Key, usize)> = Vec::new();
    for key in keys {
        let fits = |other: &Key| {
            other.site == key.site
                && other.measure == key.measure
                && std::mem::discriminant(&other.sought) == std::mem::discriminant(&key.sought)
        };
        match joined.iter_mut().find(|(other, _)| fits(other)) {
            Some((other, count)) => {
                narrow(&mut other.sought, &key.sought);
                *count += 1;
            },
            None => joined.push((key.clone(), 1)),
        }
    }
    joined.into_iter().filter(|(_, count)| *count > 1).map(|(key, _)| key).collect()
}

fn narrow(sought: &mut Sought, other: &Sought) {
    match (sought, other) {
        (Sought::Number { low, high }, Sought::Number { low: other_low, high: other_high }) => {
            narrow_bounds(low, high, other_low, other_high);
        },
        (Sought::Text { low, high }, Sought::Text { low: other_low, high: other_high }) => {
            narrow_bounds(low, high, other_low, other_high);
        },
        _ => {},
    }
}

fn narrow_bounds<T: Ord + Clone>(
    low: &mut Option<T>,
    high: &mut Option<T>,
    other_low: &Option<T>,
    other_high: &Option<T>,
) {
    // `None` is below everything.
    if *other_low > *low {
        low.clone_from(other_low);
    }
    if high.is_none() || other_high.as_ref().is_some_and(|other| high.as_ref().is_some_and(|own| other < own))
    {
        high.clone_from(other_high);
    }
}
