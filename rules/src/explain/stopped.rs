//! Where a path that selects nothing came to its end: the longest part of it that selects something, and why not more.

use super::{Limits, shorten};
use crate::document::Node;
use crate::path::{Location, Path, Query, Segment, Selector, Step};

/// Why the path selects nothing in the document; nothing if it selects something.
pub(super) fn explain(path: &Path, root: &Node, limits: Limits) -> Option<String> {
    let segments = &path.query().segments;
    // Every shorter part of a path selects something where a longer one does, and `$` alone always does.
    let (mut before, mut behind) = (0, segments.len());
    while before + 1 < behind {
        let middle = usize::midpoint(before, behind);
        if selects(segments, middle, root) { before = middle } else { behind = middle }
    }
    let stop = segments.get(before).filter(|_| !selects(segments, behind, root))?;
    let (mut count, mut first) = (0, None);
    beginning(segments, before).locate(root, &mut |way, node| {
        count += 1;
        first.get_or_insert_with(|| (shorten::text(Location(way), limits.location_chars_max), node));
    });
    let (location, node) = first?;
    let ending = ending(stop, node, limits);
    Some(match count {
        1 => format!("{location} {ending}"),
        more => format!("of {more} nodes before it none leads on; the first, {location}, {ending}"),
    })
}

fn beginning(segments: &[Segment], count: usize) -> Query {
    Query { segments: segments.iter().take(count).cloned().collect() }
}

fn selects(segments: &[Segment], count: usize, root: &Node) -> bool {
    !beginning(segments, count).select(root).is_empty()
}

/// What the node lacks for the segment.
fn ending(segment: &Segment, node: &Node, limits: Limits) -> String {
    let Segment::Child(selectors) = segment else {
        return "has nothing like it at any depth".to_owned();
    };
    let elements =
        |count: usize| if count == 1 { "1 element".to_owned() } else { format!("{count} elements") };
    let kind = node.kind();
    match (&**selectors, node) {
        ([Selector::Name(name)], Node::Object(members)) => {
            let near = members.iter().find(|(own, _)| own.to_lowercase() == name.to_lowercase());
            let near = near.map(|(own, _)| format!(", but {}", member(own, limits))).unwrap_or_default();
            format!("has no member {}{near}", member(name, limits))
        },
        ([Selector::Name(_)], _) => format!("is {kind}, which has no members"),
        ([Selector::Index(index)], Node::Array(list)) => {
            format!("has {}, none at [{index}]", elements(list.len()))
        },
        ([Selector::Slice { .. }], Node::Array(list)) => {
            format!("has {}, none of them in the slice", elements(list.len()))
        },
        ([Selector::Index(_) | Selector::Slice { .. }], _) => format!("is {kind}, which has no elements"),
        (_, Node::Array(list)) if list.is_empty() => "is an empty array".to_owned(),
        (_, Node::Object(members)) if members.is_empty() => "is an empty object".to_owned(),
        ([Selector::Filter(_)], Node::Array(list)) => {
            format!("has {}, none that the filter takes", elements(list.len()))
        },
        ([Selector::Filter(_)], Node::Object(members)) => {
            format!("has {} members, none that the filter takes", members.len())
        },
        (_, Node::Array(_) | Node::Object(_)) => "has nothing of what is selected in it".to_owned(),
        (_, Node::Null | Node::Bool(_) | Node::Number(_) | Node::String(_)) => {
            format!("is {kind}, with nothing in it")
        },
    }
}

/// A member's name as a selector.
fn member(name: &str, limits: Limits) -> String {
    let text = shorten::text(Location(&[Step::Name(name)]), limits.value_chars_max);
    text.trim_start_matches('$').to_owned()
}
