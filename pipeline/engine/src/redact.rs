//! Payloads as evidence: JSON text with what a rule hides taken out.

use std::collections::HashSet;
use std::fmt::Write;

use rules::{Node, Path, TooManyNodes};

use crate::scalar::quoted;

/// What stands in place of a hidden value.
const HIDDEN: &str = "\"[redacted]\"";

/// The JSON text of a payload, without the nodes at these paths.
///
/// # Errors
/// A path looks at too much of it.
pub(crate) fn redacted(root: &Node, paths: &[Path]) -> Result<String, TooManyNodes> {
    let mut hidden = HashSet::new();
    for path in paths {
        hidden.extend(path.select_bounded(root)?.into_iter().map(std::ptr::from_ref));
    }
    let mut out = String::new();
    write(root, &hidden, &mut out);
    Ok(out)
}

fn write(node: &Node, hidden: &HashSet<*const Node>, out: &mut String) {
    if hidden.contains(&std::ptr::from_ref(node)) {
        return out.push_str(HIDDEN);
    }
    match node {
        Node::Array(elements) => {
            out.push('[');
            for (index, element) in elements.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { "," });
                write(element, hidden, out);
            }
            out.push(']');
        },
        Node::Object(members) => {
            out.push('{');
            for (index, (name, value)) in members.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { "," });
                out.push_str(&quoted(name));
                out.push(':');
                write(value, hidden, out);
            }
            out.push('}');
        },
        Node::Null | Node::Bool(_) | Node::Number(_) | Node::String(_) => {
            write!(out, "{node}").expect("a string takes everything");
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hidden_does_not_appear() {
        let root = rules::Document::parse(r#"{"a":{"pin":1},"b":[{"pin":"x","q":2},3]}"#, 8).unwrap().root;
        let paths = ["$..pin", "$.b[1]"].map(|path| Path::parse(path).unwrap());
        assert_eq!(
            redacted(&root, &paths).unwrap(),
            r#"{"a":{"pin":"[redacted]"},"b":[{"pin":"[redacted]","q":2},"[redacted]"]}"#
        );
        assert_eq!(redacted(&root, &[Path::parse("$").unwrap()]), Ok(HIDDEN.to_owned()));
    }
}
