//! Fingerprints of values: equal values have equal ones, however they are written. Different values may share one, so
//! whoever finds something by fingerprint compares the values as well.

use std::hash::{Hash, Hasher};

use crate::document::Node;
use crate::mixer::Mixer;

/// The fingerprint of a value. Of arrays and objects only the size counts.
pub(super) fn fingerprint(node: &Node) -> u64 {
    let mut mixer = Mixer::default();
    match node {
        Node::Null => mixer.write_u8(0),
        Node::Bool(value) => mixer.write_u8(1 + u8::from(*value)),
        Node::Number(number) => {
            mixer.write_u8(3);
            number.hash(&mut mixer);
        },
        Node::String(text) => return text_fingerprint(text),
        Node::Array(elements) => {
            mixer.write_u8(5);
            mixer.write_usize(elements.len());
        },
        Node::Object(members) => {
            mixer.write_u8(6);
            mixer.write_usize(members.len());
        },
    }
    mixer.finish()
}

/// The fingerprint of a string.
pub(super) fn text_fingerprint(text: &str) -> u64 {
    let mut mixer = Mixer::default();
    mixer.write_u8(4);
    mixer.write(text.as_bytes());
    mixer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Document;

    fn of(text: &str) -> u64 {
        fingerprint(&Document::parse(text, 8).unwrap().root)
    }

    #[test]
    fn equal_values_have_equal_fingerprints() {
        for (left, right) in [
            ("1", "1.0"),
            ("1", "1e0"),
            ("-0", "0"),
            ("1e400", "10e399"),
            ("0.5", "5e-1"),
            ("\"a\"", r#""\u0061""#),
            (r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#),
        ] {
            assert_eq!(of(left), of(right), "{left} {right}");
        }
    }

    #[test]
    fn different_values_differ_with_few_exceptions() {
        let texts =
            ["null", "false", "true", "0", "1", "\"\"", "\"1\"", "\"\\u0000\"", "[]", "{}", "[1]", "0.1"];
        let all: std::collections::BTreeSet<u64> = texts.into_iter().map(of).collect();
        assert_eq!(all.len(), texts.len());
    }
}
