//! Visits what a path selects together with where it stands: locations are normalized paths, RFC 9535 §2.7. Selects
//! what `evaluate` selects, in the same order; only the names and indexes on the way are added here.

use std::fmt::{self, Display, Write};

use super::evaluate::children;
use super::steps::Steps;
use super::syntax::{Query, Segment, Selector};
use crate::document::Node;

/// One step down into a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    /// To the member of that name.
    Name(&'a str),
    /// To the element at that index.
    Index(usize),
}

/// Where a node stands: the steps from the root to it. Printed as a normalized path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Location<'l, 'a>(pub(crate) &'l [Step<'a>]);

impl Query {
    /// Calls for each selected node, in the order of the RFC, with the steps to it from here.
    pub(crate) fn locate<'a>(&self, from: &'a Node, each: &mut dyn FnMut(&[Step<'a>], &'a Node)) {
        Walk { way: Vec::new(), each }.segments(&self.segments, from);
    }
}

struct Walk<'w, 'a> {
    way: Vec<Step<'a>>,
    each: &'w mut dyn FnMut(&[Step<'a>], &'a Node),
}

impl<'a> Walk<'_, 'a> {
    fn segments(&mut self, segments: &[Segment], node: &'a Node) {
        let Some((segment, rest)) = segments.split_first() else {
            return (self.each)(&self.way, node);
        };
        match segment {
            Segment::Child(selectors) => self.selected(selectors, rest, node),
            Segment::Descendant(selectors) => self.descend(selectors, rest, node),
        }
    }

    fn selected(&mut self, selectors: &[Selector], rest: &[Segment], node: &'a Node) {
        let mut found = Vec::new();
        children(selectors, node, &mut found, &mut Steps::unlimited());
        if found.is_empty() {
            return;
        }
        let steps = steps(node);
        for child in found {
            let address = std::ptr::from_ref(child);
            // Children lie in one vector, so their addresses ascend in their order.
            let place = steps.binary_search_by_key(&address, |(_, own)| std::ptr::from_ref(*own));
            let (step, child) = steps[place.expect("a selector selects children of its node")];
            self.way.push(step);
            self.segments(rest, child);
            self.way.pop();
        }
    }

    /// A node before what is below it, as in `evaluate`.
    fn descend(&mut self, selectors: &[Selector], rest: &[Segment], node: &'a Node) {
        self.selected(selectors, rest, node);
        for (step, child) in steps(node) {
            self.way.push(step);
            self.descend(selectors, rest, child);
            self.way.pop();
        }
    }
}

fn steps(node: &Node) -> Vec<(Step<'_>, &Node)> {
    match node {
        Node::Array(elements) => {
            elements.iter().enumerate().map(|(index, element)| (Step::Index(index), element)).collect()
        },
        Node::Object(members) => members.iter().map(|(name, value)| (Step::Name(name), value)).collect(),
        Node::Null | Node::Bool(_) | Node::Number(_) | Node::String(_) => Vec::new(),
    }
}

impl Display for Location<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('$')?;
        for step in self.0 {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Name(name) => {
                    f.write_str("['")?;
                    name.chars().try_for_each(|each| character(f, each))?;
                    f.write_str("']")?;
                },
            }
        }
        Ok(())
    }
}

/// The one spelling that normalized paths have for a character.
fn character(f: &mut fmt::Formatter<'_>, character: char) -> fmt::Result {
    match character {
        '\'' | '\\' => write!(f, "\\{character}"),
        '\u{8}' => f.write_str("\\b"),
        '\u{c}' => f.write_str("\\f"),
        '\n' => f.write_str("\\n"),
        '\r' => f.write_str("\\r"),
        '\t' => f.write_str("\\t"),
        '\0'..='\u{1f}' => write!(f, "\\u{:04x}", u32::from(character)),
        other => f.write_char(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Document;
    use crate::path::Path;

    fn located(path: &str, root: &Node) -> Vec<String> {
        let mut locations = Vec::new();
        let path = Path::parse(path).unwrap();
        let selected = path.select(root);
        let mut selected = selected.into_iter();
        path.query().locate(root, &mut |way, node| {
            let expected = selected.next().unwrap();
            assert!(std::ptr::eq(node, expected), "{path:?} selects in the same order");
            let location = Location(way).to_string();
            // A normalized path selects its node and nothing else.
            let back = Path::parse(&location).unwrap();
            assert!(matches!(back.select(root)[..], [only] if std::ptr::eq(only, node)), "{location}");
            locations.push(location);
        });
        assert!(selected.next().is_none(), "{path:?} selects as much");
        locations
    }

    #[test]
    fn every_selected_node_is_located_in_the_order_of_the_rfc() {
        let text = r#"{"a":[{"b":1},{"b":2,"d":[[3]]},{"c":{"b":3}}],"b":4,"e":{},"f":[]}"#;
        let root = Document::parse(text, 64).unwrap().root;
        assert_eq!(located("$", &root), ["$"]);
        assert_eq!(located("$.a[-1,0].*", &root), ["$['a'][2]['c']", "$['a'][0]['b']"]);
        assert_eq!(located("$..b", &root).len(), 4);
        assert_eq!(located("$.a[?@.b > 1]", &root), ["$['a'][1]"]);
        assert_eq!(located("$.a[::-1]", &root), ["$['a'][2]", "$['a'][1]", "$['a'][0]"]);
        assert_eq!(located("$.a[0,0].b", &root), ["$['a'][0]['b']", "$['a'][0]['b']"]);
        for path in ["$..*", "$..[0]", "$.*", "$.e.*", "$.f[*]", "$.x.y", "$..[?@.b]", "$.a[1:].d[*][*]"] {
            located(path, &root);
        }
    }

    #[test]
    fn names_have_one_spelling() {
        let text = r#"{"it's \\ \"q\" \b\f\n\r\t\u0001\u001f\u000b é😀": 1}"#;
        let root = Document::parse(text, 64).unwrap().root;
        assert_eq!(located("$.*", &root), [r#"$['it\'s \\ "q" \b\f\n\r\t\u0001\u001f\u000b é😀']"#]);
    }
}
