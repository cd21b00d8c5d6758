//! Values as keys: one text per value, so that 1 and 1.0 are one key and "1" another.

use rules::Node;
use xxhash_rust::xxh3::xxh3_128;

/// The longest text of a key value, in bytes; longer ones count as missing.
pub(crate) const SCALAR_BYTES_MAX: usize = 1024;

/// A value by its hash of 128 bits: where it stands in keys of state.
pub(crate) type Hash = [u8; 16];

/// The JSON text of a string, number or boolean; nothing for what cannot be a key.
pub(crate) fn scalar(node: &Node) -> Option<String> {
    let fits = match node {
        Node::String(text) => text.len() <= SCALAR_BYTES_MAX,
        Node::Number(_) | Node::Bool(_) => true,
        Node::Null | Node::Array(_) | Node::Object(_) => false,
    };
    fits.then(|| node.to_string()).filter(|text| text.len() <= 6 * SCALAR_BYTES_MAX)
}

/// The JSON text of any value, with the members of objects by name.
pub(crate) fn canonical(node: &Node) -> String {
    match node {
        Node::Array(elements) => {
            let elements: Vec<_> = elements.iter().map(canonical).collect();
            format!("[{}]", elements.join(","))
        },
        Node::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            let members: Vec<_> = members
                .into_iter()
                .map(|(name, value)| format!("{}:{}", quoted(name), canonical(value)))
                .collect();
            format!("{{{}}}", members.join(","))
        },
        Node::Null | Node::Bool(_) | Node::Number(_) | Node::String(_) => node.to_string(),
    }
}

/// A text as JSON writes it.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The hash of a text.
pub(crate) fn hash(text: &str) -> Hash {
    xxh3_128(text.as_bytes()).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(json: &str) -> Node {
        rules::Document::parse(json, 8).unwrap().root
    }

    #[test]
    fn equal_values_have_one_text() {
        for (left, right) in [("1", "1.0"), ("100", "1e2"), (r#""a""#, r#""\u0061""#), ("[1.0]", "[1]")] {
            assert_eq!(canonical(&node(left)), canonical(&node(right)));
        }
        assert_eq!(canonical(&node(r#"{"b":1,"a":{"d":2,"c":null}}"#)), r#"{"a":{"c":null,"d":2},"b":1}"#);
        assert_ne!(canonical(&node("1")), canonical(&node(r#""1""#)));
    }

    #[test]
    fn what_cannot_be_a_key_is_missing() {
        for json in ["null", "[]", "{}", &format!("\"{}\"", "x".repeat(1025))] {
            assert_eq!(scalar(&node(json)), None);
        }
        assert_eq!(scalar(&node(&format!("\"{}\"", "x".repeat(1024)))).unwrap().len(), 1026);
    }
}
