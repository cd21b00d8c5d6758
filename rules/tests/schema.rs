//! The JSON Schema of a rule accepts what the reader accepts and prints, and refuses what it is able to refuse.

use boon::{Compiler, SchemaIndex, Schemas};
use rules::{RuleVersion, read_rule, rule_schema, write_rule};
use serde_json::{Map, Value, json};

mod made;

use made::Chance;

struct Schema {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Schema {
    fn new() -> Self {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource("rule.json", rule_schema()).expect("a URL and a document");
        let index = compiler.compile("rule.json", &mut schemas).expect("the schema is sound");
        Self { schemas, index }
    }

    fn check(&self, document: &Value) -> Result<(), String> {
        self.schemas.validate(document, self.index).map_err(|error| format!("{document}\n{error:#}"))
    }
}

#[test]
fn what_is_accepted_and_what_is_printed_is_in_the_schema() {
    let schema = Schema::new();
    let mut printed = Value::Null;
    for seed in 0..1_000 {
        let mut chance = Chance(seed);
        let events: Vec<Value> = (0..3).map(|_| made::event(&mut chance)).collect();
        let posted = made::whole::rule(&mut chance, &events);
        let (rule, _) = read_rule(posted.to_string().as_bytes(), None).expect("made rules are sound");
        let written = write_rule(&rule, RuleVersion(1));
        for document in [without_nulls(&posted), written.clone()] {
            schema.check(&document).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        }
        merge(&mut printed, &written);
    }
    every_field_is_there(&rule_schema()["$defs"]["rule"], &printed, "");
}

#[test]
fn what_has_other_fields_types_or_bounds_is_not() {
    let schema = Schema::new();
    let customer = "9f20f8a4-d8c8-4a74-ac90-3452b97c2e34";
    let rule = |name: &str, value: Value| {
        let mut rule = json!({"customerId": customer, "alertName": "a", "match": "$.a"});
        rule[name] = value;
        rule
    };
    assert_eq!(schema.check(&rule("severity", json!("high"))), Ok(()));
    for (name, value) in [
        ("severety", json!("high")),
        ("severity", json!("hi")),
        ("alertName", json!(7)),
        ("customerId", json!("nobody")),
        ("match", json!({"all": []})),
        ("match", json!({"jsonPath": "$.a", "op": "equals"})),
        ("threshold", json!(1.5)),
        ("threshold", json!({"gt": 1, "lt": 2, "ne": 3})),
        ("window", json!({"type": "hopping"})),
        ("window", json!({"type": "sliding", "size": "1 hour"})),
        ("groupBy", json!([{"name": "a"}])),
        ("maxGroups", json!(0)),
        ("pattern", json!({"type": "all", "steps": [{"id": "a", "match": "$.a"}]})),
        ("selections", json!({"a b": "$.a"})),
        ("tests", json!([{"events": [{"at": "0s", "payload": 1}]}])),
        ("jsonPath", json!("$.a")),
    ] {
        let document = rule(name, value);
        assert!(schema.check(&document).is_err(), "{document}");
        assert!(read_rule(document.to_string().as_bytes(), None).is_err(), "{document}");
    }
}

/// Members that are null, but for those where it means something.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .filter(|(name, value)| {
                !value.is_null() || !matches!(name.as_str(), "alertPolicy" | "alertName" | "alertDescription")
            })
            .map(|(name, value)| (name.clone(), without_nulls(value)))
            .collect::<Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

/// Puts all members of one document into another one.
fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                merge(into.entry(name.as_str()).or_insert(Value::Null), value);
            }
        },
        (Value::Array(into), Value::Array(from)) => {
            for value in from {
                match into.first_mut() {
                    Some(first) => merge(first, value),
                    None => into.push(value.clone()),
                }
            }
        },
        (into @ Value::Null, from) => {
            *into = match from {
                Value::Array(_) => json!([]),
                Value::Object(_) => json!({}),
                other => other.clone(),
            };
            if from.is_array() || from.is_object() {
                merge(into, from);
            }
        },
        _ => {},
    }
}

/// Every field of the schema was printed at least once: rules by chance leave no field out.
fn every_field_is_there(schema: &Value, printed: &Value, at: &str) {
    // What the writer expects and what the server adds is no part of a rule, and not every comparison stands in all places.
    let left_out = ["expectedVersion", "suspended", "gt", "gte", "lt", "lte", "eq", "ne"];
    let fields = schema["properties"].as_object().into_iter().flatten();
    for (name, field) in fields.filter(|(name, _)| !left_out.contains(&name.as_str())) {
        let at = format!("{at}/{name}");
        let value = printed.get(name).unwrap_or_else(|| panic!("no made rule has {at}"));
        every_field_is_there(field, value, &at);
        if let Some(first) = value.get(0) {
            every_field_is_there(&field["items"], first, &at);
        }
        for inner in field["additionalProperties"].as_object().into_iter().flat_map(|_| value.as_object()) {
            let mut all = Value::Null;
            inner.values().for_each(|value| merge(&mut all, value));
            every_field_is_there(&field["additionalProperties"], &all, &at);
        }
    }
}
