//! Places: where in a document a path may select something. A place covers all that the path selects, and more where
//! the path filters, so looking at a place misses nothing.

use crate::document::Node;
use crate::path::{Query, Segment, Selector};

/// One step down.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Step {
    Name(Box<str>),
    Index(usize),
    /// Every member or element.
    Any,
}

/// The steps from the root.
pub(super) type Place = Vec<Step>;

/// The place of a query; nothing if it looks at all depths.
pub(super) fn place(segments: &[Segment]) -> Option<Place> {
    let step = |segment: &Segment| match segment {
        Segment::Child(selectors) => Some(match &**selectors {
            [Selector::Name(name)] => Step::Name(name.clone()),
            [Selector::Index(index)] => usize::try_from(*index).map_or(Step::Any, Step::Index),
            _ => Step::Any,
        }),
        Segment::Descendant(_) => None,
    };
    segments.iter().map(step).collect()
}

/// The place of a query that selects all that is there and nothing else.
pub(super) fn exact(segments: &[Segment]) -> Option<Place> {
    segments.iter().all(Segment::is_plain).then(|| place(segments)).flatten()
}

/// Visits the nodes at a place.
pub(super) fn visit<'a>(place: &[Step], node: &'a Node, found: &mut dyn FnMut(&'a Node)) {
    let Some((step, rest)) = place.split_first() else { return found(node) };
    match (step, node) {
        (Step::Name(name), _) => {
            if let Some(child) = node.member(name) {
                visit(rest, child, found);
            }
        },
        (Step::Index(index), Node::Array(elements)) => {
            if let Some(child) = elements.get(*index) {
                visit(rest, child, found);
            }
        },
        (Step::Index(_), _) => {},
        (Step::Any, _) => node.children().for_each(|child| visit(rest, child, found)),
    }
}

/// The place of a query that starts at another place.
pub(super) fn below(start: &Place, query: &Query) -> Option<Place> {
    Some(start.iter().cloned().chain(place(&query.segments)?).collect())
}

/// Whether a document has one node at most at the place.
pub(super) fn is_single(place: &Place) -> bool {
    !place.contains(&Step::Any)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::Path;

    #[test]
    fn what_is_selected_by_more_than_a_name_may_be_anywhere_below() {
        let of = |text: &str| place(&Path::parse(text).unwrap().query().segments);
        let name = |name: &str| Step::Name(name.into());
        assert_eq!(of("$.a[0]['b']"), Some(vec![name("a"), Step::Index(0), name("b")]));
        for text in ["$.a[-1]", "$.a[1:]", "$.a[?@.x == 1]", "$.a.*", "$.a['x','y']"] {
            assert_eq!(of(text), Some(vec![name("a"), Step::Any]), "{text}");
        }
        assert_eq!(of("$.a..b"), None);
    }
}
