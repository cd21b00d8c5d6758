//! The JSON Schema of conditions.

use serde_json::{Value, json};

use super::op::{Op, Quantifier};

/// A condition in any of its forms; `itself` is the reference to it, for those inside of others.
pub(crate) fn schema(itself: &str) -> Value {
    let ops = Op::NAMES.map(|(name, _)| name);
    let quantifiers = Quantifier::NAMES.map(|(name, _)| name);
    let group = |name: &str, about: &str, inside: Value| {
        json!({
            "type": "object", "description": about,
            "properties": {name: inside}, "required": [name], "additionalProperties": false,
        })
    };
    let several = || json!({"type": "array", "minItems": 1, "items": {"$ref": itself}});
    json!({
        "description": "What must hold of an event: text, or JSON for programs.",
        "anyOf": [
            {"type": "string", "minLength": 1,
             "description": "Text, for instance $.action == \"deleted\", or the name of a selection."},
            group("all", "All of several.", several()),
            group("any", "At least one of several.", several()),
            group("not", "Not this one.", json!({"$ref": itself})),
            {
                "type": "object", "description": "A test of the nodes at a path.",
                "properties": {
                    "jsonPath": {"type": "string", "pattern": "^\\$", "maxLength": 4096,
                        "description": "The path; `.length()` may follow it."},
                    "op": {"enum": ops, "description": "What is asked of the nodes."},
                    "value": {"description": "What they are compared with."},
                    "values": {"type": "array", "description": "What they are compared with, any of these."},
                    "ignoreCase": {"type": "boolean", "description": "Compare strings in lower case. Default false."},
                    "quantifier": {"enum": quantifiers,
                        "description": "Which of the nodes must meet it. Default any; every for ne and notIn."},
                },
                "required": ["jsonPath", "op"], "additionalProperties": false,
            },
        ],
    })
}
