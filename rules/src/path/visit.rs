//! Visits what a path selects, one node at a time, without collecting what lies on the way: for checks that are done
//! often and mostly end at the first node. Selects what `evaluate` selects, in the same order.

use super::evaluate::{children, descendants};
use super::syntax::{Query, Segment, Selector};
use crate::document::Node;

impl Query {
    /// Calls for each selected node until one call answers true, which is then the answer.
    pub(crate) fn any<'a>(&self, from: &'a Node, meets: &mut dyn FnMut(&'a Node) -> bool) -> bool {
        any(&self.segments, from, meets)
    }
}

fn any<'a>(segments: &[Segment], node: &'a Node, meets: &mut dyn FnMut(&'a Node) -> bool) -> bool {
    let Some((segment, rest)) = segments.split_first() else {
        return meets(node);
    };
    let mut next = Vec::new();
    match segment {
        Segment::Child(selectors) => match &**selectors {
            [Selector::Name(name)] => return node.member(name).is_some_and(|child| any(rest, child, meets)),
            [Selector::Wildcard] => return node.children().any(|child| any(rest, child, meets)),
            several => children(several, node, &mut next),
        },
        Segment::Descendant(selectors) => descendants(selectors, node, &mut next),
    }
    next.into_iter().any(|child| any(rest, child, meets))
}

#[cfg(test)]
mod tests {
    use crate::document::{Document, Node};
    use crate::path::Path;

    #[test]
    fn visits_what_is_selected_and_stops_when_told() {
        let text = r#"{"a":[{"b":1},{"b":2},{"c":{"b":3}}],"b":4}"#;
        let root = Document::parse(text, 64).unwrap().root;
        for path in ["$", "$.a[*].b", "$..b", "$.a[-1,0]", "$.a[?@.b > 1]", "$.a[1:].b", "$.x.y", "$.*"] {
            let path = Path::parse(path).unwrap();
            let mut visited: Vec<&Node> = Vec::new();
            let stopped = path.query().any(&root, &mut |node| {
                visited.push(node);
                false
            });
            assert!(!stopped);
            assert_eq!(visited, path.select(&root), "{path:?}");
        }
        let mut visits = 0;
        assert!(Path::parse("$..b").unwrap().query().any(&root, &mut |_| {
            visits += 1;
            visits == 2
        }));
        assert_eq!(visits, 2);
    }
}
