//! What decides most evaluations of a test without looking at the test itself: tests of very many rules do not fit into
//! the caches of a processor, and their operands lie far apart.

use super::value::fingerprint;
use crate::condition::{Measure, Op, Quantifier, Test};
use crate::document::Node;

/// What a test says of a single node, in short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quick {
    /// The test itself must be asked.
    No,
    /// Equal to a value of this fingerprint.
    Equal(u64),
    /// Not so.
    Differs(u64),
    /// A number, at least that.
    AtLeast(i64),
    /// A number, at most that.
    AtMost(i64),
}

impl Quick {
    /// The short form of a test.
    pub(super) fn new(test: &Test) -> Self {
        let ([value], Measure::Value, false) = (test.values(), test.measure(), test.ignores_case()) else {
            return Self::No;
        };
        let integer = match value {
            Node::Number(number) => number.as_i64(),
            Node::Null | Node::Bool(_) | Node::String(_) | Node::Array(_) | Node::Object(_) => None,
        };
        let form = match (test.op(), test.quantifier()) {
            (Op::Eq | Op::In, Quantifier::Any | Quantifier::Every) => Some(Self::Equal(fingerprint(value))),
            (Op::Eq | Op::In, Quantifier::None) | (Op::Ne | Op::NotIn, Quantifier::Every) => {
                Some(Self::Differs(fingerprint(value)))
            },
            (Op::Gte, Quantifier::Any) => integer.map(Self::AtLeast),
            (Op::Gt, Quantifier::Any) => integer.and_then(|least| least.checked_add(1)).map(Self::AtLeast),
            (Op::Lte, Quantifier::Any) => integer.map(Self::AtMost),
            (Op::Lt, Quantifier::Any) => integer.and_then(|most| most.checked_sub(1)).map(Self::AtMost),
            _ => None,
        };
        form.unwrap_or(Self::No)
    }

    /// Whether the test holds where there is no node but this one, or none at all; nothing if the test must be asked.
    pub(super) fn holds(
        self,
        node: Option<&Node>,
        fingerprint_of: impl FnOnce(&Node) -> u64,
    ) -> Option<bool> {
        match (self, node) {
            (Self::No, _) => None,
            (Self::Equal(_) | Self::AtLeast(_) | Self::AtMost(_), None) => Some(false),
            (Self::Differs(_), None) => Some(true),
            // Equal fingerprints are not enough: other values may have the same one.
            (Self::Equal(value), Some(node)) => (fingerprint_of(node) != value).then_some(false),
            (Self::Differs(value), Some(node)) => (fingerprint_of(node) != value).then_some(true),
            (Self::AtLeast(least), Some(Node::Number(number))) => number.as_i64().map(|own| own >= least),
            (Self::AtMost(most), Some(Node::Number(number))) => number.as_i64().map(|own| own <= most),
            (Self::AtLeast(_) | Self::AtMost(_), Some(_)) => Some(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::condition::Condition;
    use crate::document::Document;

    #[test]
    fn the_short_form_says_what_the_test_says() {
        let operators = [
            "== 1",
            "!= 1",
            "> 1",
            ">= 1",
            "< 1",
            "<= 1",
            "== \"a\"",
            "!= \"a\"",
            "in [1]",
            "not in [1]",
            "> \"a\"",
            "== 9223372036854775807",
            "> 9223372036854775807",
        ];
        let values =
            ["0", "1", "1.0", "1.5", "2", "-1e30", "9223372036854775808", "\"a\"", "\"b\"", "null", "[1]"];
        let mut decided = 0;
        for operator in operators {
            for quantifier in ["", "any ", "every ", "none "] {
                let Ok(Condition::Test(test)) = Condition::parse(&format!("{quantifier}$.a {operator}"), &[])
                else {
                    panic!()
                };
                for value in values {
                    let root = Document::parse(&format!("{{\"a\":{value}}}"), 8).unwrap().root;
                    for root in [root, Node::Null] {
                        if let Some(holds) = Quick::new(&test).holds(root.member("a"), fingerprint) {
                            assert_eq!(holds, test.holds(&root), "{quantifier}{operator} of {value}");
                            decided += 1;
                        }
                    }
                }
            }
        }
        assert!(decided > 500, "{decided}");
    }
}
