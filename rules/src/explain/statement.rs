//! Explains one test: which nodes it looked at, and how many of them meet it.

use super::{Explanation, Limits, Selected, Why, reason, shorten, stopped};
use crate::condition::{Measure, Op, Quantifier, Test, measured};
use crate::document::Node;
use crate::path::{Location, Step};

/// What was seen at the path of a test.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// How many nodes the path selects.
    pub(super) selected: usize,
    /// How many of them have what the test looks at: all, unless it asks for lengths.
    pub(super) total: usize,
    /// How many of these meet the test.
    pub(super) met: usize,
    /// The first one that has no length: its place and what it is.
    pub(super) unmeasured: Option<(String, &'static str)>,
}

/// Listed nodes of one verdict, with their numbers among all.
type Listed = Vec<(usize, Selected)>;

pub(super) fn explain(test: &Test, root: &Node, limits: Limits) -> Explanation {
    let mut seen = Seen::default();
    let (mut meeting, mut failing): (Listed, Listed) = (Vec::new(), Vec::new());
    test.path().query().locate(root, &mut |way, node| {
        seen.selected += 1;
        let place = |end: Option<Step<'_>>| {
            let way: Vec<Step<'_>> = way.iter().copied().chain(end).collect();
            shorten::text(Location(&way), limits.location_chars_max)
        };
        let Some(looked_at) = measured(test.measure(), node) else {
            seen.unmeasured.get_or_insert_with(|| (place(None), node.kind()));
            return;
        };
        let meets = match test.op() {
            Op::Exists => true,
            Op::Missing => false,
            _ => test.meets(&looked_at),
        };
        let list = if meets { &mut meeting } else { &mut failing };
        if list.len() < limits.nodes_max {
            let member = matches!((test.measure(), node), (Measure::MemberOrLength, Node::Object(_)));
            let selected = Selected {
                path: place(member.then_some(Step::Name("length"))),
                value: shorten::value(&looked_at, limits.value_chars_max),
                is_length: test.measure() != Measure::Value && !member,
                meets,
                why: if meets { None } else { reason::of_node(test, &looked_at) },
            };
            list.push((seen.total, selected));
        }
        seen.total += 1;
        seen.met += usize::from(meets);
    });
    let holds = holds(test, &seen);
    // What decided comes first: one that meets it is enough for `any` and too much for `none`.
    let deciding = match test.quantifier() {
        Quantifier::Any | Quantifier::None => true,
        Quantifier::Every => holds,
    };
    let nodes = if deciding { list(meeting, failing, limits) } else { list(failing, meeting, limits) };
    let stopped = if seen.selected == 0 { stopped::explain(test.path(), root, limits) } else { None };
    Explanation {
        holds,
        reason: reason::of_test(test, &seen, nodes.first(), stopped, limits),
        why: Why::Test {
            text: test.to_string(),
            path: test.full_path(),
            op: test.op().name(),
            quantifier: test.op().takes_quantifier().then(|| test.quantifier().name()),
            nodes,
            nodes_total: seen.total,
            nodes_met: seen.met,
        },
    }
}

/// As [`Test::holds`] decides, from the numbers.
fn holds(test: &Test, seen: &Seen) -> bool {
    match (test.op(), test.quantifier()) {
        (Op::Exists, _) => seen.total > 0,
        (Op::Missing, _) => seen.total == 0,
        (_, Quantifier::Any) => seen.met > 0,
        (_, Quantifier::None) => seen.met == 0,
        (Op::Ne | Op::NotIn, Quantifier::Every) => seen.met == seen.total,
        (_, Quantifier::Every) => seen.total > 0 && seen.met == seen.total,
    }
}

/// As many as the limit allows, the deciding ones before the others, in the order of the document.
fn list(deciding: Listed, others: Listed, limits: Limits) -> Vec<Selected> {
    let mut list: Listed = deciding.into_iter().chain(others).take(limits.nodes_max).collect();
    list.sort_by_key(|(number, _)| *number);
    list.into_iter().map(|(_, selected)| selected).collect()
}
