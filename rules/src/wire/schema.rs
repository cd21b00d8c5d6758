//! The JSON Schema (2020-12) of a rule, made of the tables that the reader goes by.
//!
//! It knows fields, types, names and bounds. Which fields go together, what paths and conditions say, and lengths in bytes
//! are for the reader to judge.

use serde_json::{Map, Value, json};

use super::form::{Form, Kind, Names};
use super::original::ORIGINAL;
use super::plain::PLAIN;
use super::values::{NAME_BYTES_MAX, TEXT_BYTES_MAX};
use crate::condition::condition_schema;
use crate::rule::Comparator;

const UUID: &str = "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$";
const SPAN: &str = "^[0-9]+(ms|s|m|h|d)$";
const SELECTION: &str = "^[A-Za-z_][A-Za-z0-9_]*$";

/// The schema of a rule as it is posted and answered. `null` in the plain form means that a field is absent; the schema does
/// not offer it.
pub fn rule_schema() -> Value {
    let mut original = object(&ORIGINAL);
    if let Some(Value::Object(fields)) = original.get_mut("properties") {
        for (name, field) in fields {
            if ORIGINAL.fields.iter().any(|own| own.name == name && !own.needed) {
                *field = json!({"anyOf": [field.take(), {"type": "null"}]});
            }
        }
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A rule",
        "description": "What is looked for in events, and when alerts are emitted. An object with a top-level `jsonPath` is the original control message.",
        "if": {"type": "object", "required": ["jsonPath"]},
        "then": {"$ref": "#/$defs/original"},
        "else": {"$ref": "#/$defs/rule"},
        "$defs": {
            "rule": object(&PLAIN),
            "original": original,
            "condition": condition_schema("#/$defs/condition"),
            "path": {"type": "string", "pattern": "^\\$", "maxLength": 4096, "description": "A JSONPath of RFC 9535."},
            "span": {"type": "string", "pattern": SPAN,
                "description": "A duration: digits and one unit of ms, s, m, h, d; up to 3650d."},
            "time": {"type": "string", "format": "date-time", "description": "A time in RFC 3339."},
            "id": {"type": "string", "pattern": UUID, "format": "uuid"},
            "text": {"type": "string", "maxLength": TEXT_BYTES_MAX},
            "name": {"type": "string", "minLength": 1, "maxLength": NAME_BYTES_MAX},
        },
    })
}

fn object(form: &Form) -> Value {
    let properties: Map<_, _> = form
        .fields
        .iter()
        .map(|field| {
            let mut schema = kind(field.kind);
            schema["description"] = field.about.into();
            (field.name.to_owned(), schema)
        })
        .collect();
    let needed: Vec<_> = form.fields.iter().filter(|field| field.needed).map(|field| field.name).collect();
    let mut schema = json!({"type": "object", "properties": properties, "additionalProperties": false});
    if !needed.is_empty() {
        schema["required"] = needed.into();
    }
    let comparisons = form.fields.iter().filter(|field| Comparator::from_name(field.name).is_some()).count();
    if comparisons == form.fields.len() {
        // Limits: one or two of them.
        schema["minProperties"] = 1.into();
        schema["maxProperties"] = 2.into();
    }
    schema
}

fn kind(kind: Kind) -> Value {
    let defined = |name: &str| json!({"$ref": format!("#/$defs/{name}")});
    match kind {
        Kind::Text => defined("text"),
        Kind::Name => defined("name"),
        Kind::Id | Kind::Customer => defined("id"),
        Kind::Flag => json!({"type": "boolean"}),
        Kind::OneOf(names) => json!({"enum": names}),
        Kind::Whole(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
        Kind::Integer => json!({"type": "integer"}),
        Kind::Number => json!({"type": "number"}),
        Kind::NumberOrNull => json!({"type": ["number", "null"]}),
        Kind::By => json!({"anyOf": [{"type": "number", "minimum": 0}, defined("path")]}),
        Kind::Threshold => json!({"anyOf": [{"type": "integer"}, object(&super::limits::LIMITS)]}),
        Kind::Span | Kind::SpanOrNone => defined("span"),
        Kind::Time => defined("time"),
        Kind::Moment => json!({"anyOf": [defined("span"), defined("time")]}),
        Kind::Start => json!({"anyOf": [{"const": "beginning"}, defined("span"), defined("time")]}),
        Kind::Condition => defined("condition"),
        Kind::Path => defined("path"),
        Kind::Payload => json!({"type": ["object", "string"]}),
        Kind::Group => {
            let scalar = json!({"type": ["string", "number", "boolean", "null"]});
            json!({"type": "object", "additionalProperties": scalar})
        },
        Kind::Object(form) => object(form),
        Kind::Objects(form, least, most) => list(&object(form), least, most),
        Kind::List(element, least, most) => list(&self::kind(*element), least, most),
        Kind::Map(names, value, most) => {
            let mut schema =
                json!({"type": "object", "additionalProperties": self::kind(*value), "maxProperties": most});
            match names {
                Names::Any => {},
                Names::Selections => schema["propertyNames"] = json!({"pattern": SELECTION}),
                Names::Customers => schema["propertyNames"] = json!({"pattern": UUID}),
            }
            schema
        },
    }
}

fn list(element: &Value, least: usize, most: usize) -> Value {
    let mut schema = json!({"type": "array", "items": element, "maxItems": most});
    if least > 0 {
        schema["minItems"] = least.into();
    }
    schema
}
