//! The reasons, in words.

use std::net::IpAddr;

use super::statement::Seen;
use super::{Limits, Selected, shorten};
use crate::condition::{Measure, Op, Quantifier, Test, folded_text};
use crate::document::{Node, Number};

/// How many values a reason names.
const VALUES_MAX: usize = 5;

/// Why a test holds or does not. `only` is the node if there is just one; `stopped` says why there is none.
pub(super) fn of_test(
    test: &Test,
    seen: &Seen,
    only: Option<&Selected>,
    stopped: Option<String>,
    limits: Limits,
) -> String {
    if seen.total == 0 {
        let nothing = match (&seen.unmeasured, stopped) {
            (Some((place, kind)), _) => format!("there is no length: {place} is {kind}"),
            (None, Some(stopped)) => format!("the path selects nothing: {stopped}"),
            (None, None) => "the path selects nothing".to_owned(),
        };
        return format!("{nothing}{}", without_nodes(test));
    }
    if !test.op().takes_quantifier() {
        let nodes = if seen.total == 1 { "1 node".to_owned() } else { format!("{} nodes", seen.total) };
        return format!("the path selects {nodes}");
    }
    let words = Words::of(test, limits);
    let (one, several) = match test.measure() {
        Measure::Value => ("node", "nodes"),
        Measure::Length | Measure::MemberOrLength => ("length", "lengths"),
    };
    if let (1, Some(node)) = (seen.total, only) {
        let forbidden = if node.meets && test.quantifier() == Quantifier::None {
            ", and with `none` it must not"
        } else {
            ""
        };
        return match (&node.why, node.meets) {
            (Some(why), false) => format!("the {one} {why}"),
            (_, true) => format!("the {one} {}{forbidden}", words.one),
            (None, false) => format!("the {one} {}", words.not_one),
        };
    }
    let wanted = match test.quantifier() {
        Quantifier::Any => "one is enough",
        Quantifier::Every => "all must",
        Quantifier::None => "none may",
    };
    match seen.met {
        0 => format!("none of {} {several} {}; {wanted}", seen.total, words.one),
        1 => format!("1 of {} {several} {}; {wanted}", seen.total, words.one),
        met if met == seen.total => format!("all {met} {several} {}; {wanted}", words.several),
        met => format!("{met} of {} {several} {}; {wanted}", seen.total, words.several),
    }
}

/// What the absence of nodes means, where that is not plain.
fn without_nodes(test: &Test) -> &'static str {
    match (test.op(), test.quantifier()) {
        (Op::Exists | Op::Missing, _) | (_, Quantifier::Any) => "",
        (Op::Ne, Quantifier::Every) => ", and `!=` holds where nothing is",
        (Op::NotIn, Quantifier::Every) => ", and `not in` holds where nothing is",
        (_, Quantifier::None) => ", and `none` holds where nothing is",
        (_, Quantifier::Every) => ", and `every` asks for one at least",
    }
}

/// What a test says of its nodes.
struct Words {
    /// Of one node that meets it.
    one: String,
    /// Of several.
    several: String,
    /// Of one that does not meet it.
    not_one: String,
}

impl Words {
    fn of(test: &Test, limits: Limits) -> Self {
        let (one, several, not_one) = match test.op() {
            Op::Eq => ("equals", "equal", "does not equal"),
            Op::Ne => ("differs from", "differ from", "equals"),
            Op::Gt => ("is greater than", "are greater than", "is not greater than"),
            Op::Gte => ("is at least", "are at least", "is less than"),
            Op::Lt => ("is less than", "are less than", "is not less than"),
            Op::Lte => ("is at most", "are at most", "is greater than"),
            Op::In => ("is among", "are among", "is not among"),
            Op::NotIn => ("is not among", "are not among", "is among"),
            Op::Empty => ("is empty", "are empty", "is not empty"),
            Op::NotEmpty => ("is not empty", "are not empty", "is empty"),
            Op::Contains => ("contains", "contain", "does not contain"),
            Op::StartsWith => ("starts with", "start with", "does not start with"),
            Op::EndsWith => ("ends with", "end with", "does not end with"),
            Op::Regex => ("matches", "match", "does not match"),
            Op::Cidr => ("is in the network", "are in the network", "is not in the network"),
            Op::Exists => ("is there", "are there", "is not there"),
            Op::Missing => ("is missing", "are missing", "is there"),
        };
        let values = values(test, limits);
        let with = |verb: &str| format!("{verb}{values}");
        Self { one: with(one), several: with(several), not_one: with(not_one) }
    }
}

/// The values of a test behind a blank, if it has any.
fn values(test: &Test, limits: Limits) -> String {
    let mut named: Vec<String> = test
        .values()
        .iter()
        .take(VALUES_MAX)
        .map(|value| shorten::value(value, limits.value_chars_max))
        .collect();
    if test.values().len() > VALUES_MAX {
        named.push("…".to_owned());
    }
    match (&named[..], test.op()) {
        ([], _) => String::new(),
        ([only], _) => format!(" {only}"),
        (several, Op::In | Op::NotIn) => format!(" {}", several.join(", ")),
        (several, _) => format!(" any of {}", several.join(", ")),
    }
}

/// Why a node does not meet a test, where its value does not make that plain.
pub(super) fn of_node(test: &Test, node: &Node) -> Option<String> {
    match test.op() {
        Op::Eq | Op::In | Op::Gt | Op::Gte | Op::Lt | Op::Lte => {
            other_kind(test, node, "compared").or_else(|| nearly(test, node))
        },
        Op::Contains => match node {
            Node::String(_) => other_kind(test, node, "looked for").or_else(|| nearly(test, node)),
            Node::Array(_) => None,
            Node::Null | Node::Bool(_) | Node::Number(_) | Node::Object(_) => {
                Some(format!("is {}; `contains` looks at strings and arrays", node.kind()))
            },
        },
        Op::StartsWith | Op::EndsWith | Op::Regex | Op::Cidr => {
            let Some(text) = node.as_str() else {
                return Some(format!("is {}; `{}` looks at strings", node.kind(), test.op().name()));
            };
            let no_address = test.op() == Op::Cidr && text.parse::<IpAddr>().is_err();
            no_address.then(|| "is no IP address".to_owned()).or_else(|| nearly(test, node))
        },
        Op::Ne | Op::NotIn | Op::Empty | Op::NotEmpty | Op::Exists | Op::Missing => None,
    }
}

/// The values are all of one kind, and the node is of another.
fn other_kind(test: &Test, node: &Node, done: &str) -> Option<String> {
    let mut kinds = test.values().iter().map(Node::kind);
    let kind = kinds.next()?;
    if kind == node.kind() || kinds.any(|other| other != kind) {
        return None;
    }
    // A number in quotes is the most frequent of these.
    let quoted = node.as_str().is_some_and(|text| Number::parse(text).is_some()) && kind == "a number";
    let hint = if quoted { "; nothing is converted" } else { "" };
    Some(format!("is {}, {kind} was {done}{hint}", node.kind()))
}

/// A string that would meet the test if case, or blanks around it, did not matter.
fn nearly(test: &Test, node: &Node) -> Option<String> {
    let text = node.as_str()?;
    let would = |text: &str, values: &dyn Fn(&str) -> String| {
        test.values().iter().filter_map(Node::as_str).any(|value| {
            let value = values(value);
            match test.op() {
                Op::Eq | Op::In => text == value,
                Op::Contains => text.contains(&value),
                Op::StartsWith => text.starts_with(&value),
                Op::EndsWith => text.ends_with(&value),
                _ => false,
            }
        })
    };
    if !test.ignores_case() && would(&folded_text(text), &folded_text) {
        return Some("differs in case alone; `ignoreCase` takes it".to_owned());
    }
    would(text.trim(), &|value| value.trim().to_owned())
        .then(|| "differs in blanks at an end alone".to_owned())
}
