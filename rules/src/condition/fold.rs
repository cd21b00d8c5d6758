//! `ignoreCase`: every code point is replaced by its single lower-case code point.

use crate::document::Node;

/// The text in lower case, one code point for each.
pub(crate) fn text(text: &str) -> String {
    // Only U+0130 has a longer lower case, whose first code point is its single one.
    text.chars().map(|each| each.to_lowercase().next().unwrap_or(each)).collect()
}

/// A string in lower case; every other node as it is.
pub(super) fn node(node: &Node) -> Node {
    match node {
        Node::String(own) => Node::String(text(own).into()),
        Node::Null | Node::Bool(_) | Node::Number(_) | Node::Array(_) | Node::Object(_) => node.clone(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn each_code_point_has_one_lower_case() {
        assert_eq!(super::text("ÄİΣẞK\u{212a}1"), "äiσßkk1");
        assert_eq!(super::text("ß"), "ß");
    }
}
