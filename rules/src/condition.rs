//! Conditions: what must hold of a payload for a rule to count it.

use serde_json::Value;

use crate::path::Path;

/// What must hold of a payload.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// The path selects at least one node that is not `null`, `""`, `[]` or `{}`: the meaning of the original control message.
    SelectsContent(Path),
    /// The path selects at least one node, whatever its value.
    Exists(Path),
}

impl Condition {
    /// Whether the condition holds of the document.
    pub fn holds(&self, document: &Value) -> bool {
        match self {
            Self::SelectsContent(path) => path.select(document).into_iter().any(has_content),
            Self::Exists(path) => !path.select(document).is_empty(),
        }
    }

    /// The path that the condition reads.
    pub fn path(&self) -> &Path {
        match self {
            Self::SelectsContent(path) | Self::Exists(path) => path,
        }
    }
}

fn has_content(node: &Value) -> bool {
    match node {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(elements) => !elements.is_empty(),
        Value::Object(members) => !members.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn original_meaning_ignores_empty_nodes_and_takes_every_type() {
        let condition = Condition::SelectsContent(Path::parse("$.x").unwrap());
        for empty in [json!(null), json!(""), json!([]), json!({})] {
            assert!(!condition.holds(&json!({ "x": empty })), "{empty}");
        }
        // The original system matched strings only.
        for content in [json!(false), json!(0), json!("a"), json!([null]), json!({"a": null})] {
            assert!(condition.holds(&json!({ "x": content })), "{content}");
        }
        assert!(!condition.holds(&json!({"y": 1})));
    }

    #[test]
    fn exists_holds_for_any_node() {
        let condition = Condition::Exists(Path::parse("$.x").unwrap());
        assert!(condition.holds(&json!({"x": null})));
        assert!(!condition.holds(&json!({})));
    }
}
