//! Which edits of a rule keep what was counted, and which begin anew.

use serde_json::{Value, json};

use super::{CUSTOMER, read, with};

const GLOBAL: &str = "deadbeef-dead-beef-dead-beefdeadbeef";

fn counting() -> Value {
    let mut rule = with(&[
        ("selections", json!({"shared": "$.action == 'share'"})),
        ("groupBy", json!([{"name": "user", "jsonPath": "$.user"}])),
        ("eventTime", json!({"jsonPath": "$.at"})),
        ("allowedLateness", json!("5m")),
        ("eventId", json!({"jsonPath": "$.id"})),
        (
            "aggregate",
            json!({
                "function": "sum", "jsonPath": "$.n", "floor": 0,
                "increment": {"match": "shared", "by": 2}, "decrement": {"match": "$.b"},
            }),
        ),
        ("window", json!({"type": "tumbling", "size": "1h"})),
        ("threshold", json!({"gt": 5})),
        ("exceptions", json!([{"match": "$.robot", "expiresAt": "2027-01-01T00:00:00Z"}])),
    ]);
    rule.as_object_mut().unwrap().remove("match");
    rule["customerId"] = json!(GLOBAL);
    rule
}

fn pattern() -> Value {
    let mut rule = with(&[(
        "pattern",
        json!({
            "type": "atLeast", "n": 1, "within": "1h", "until": "$.until",
            "steps": [{"id": "a", "match": "$.a", "min": 2, "entityPath": "$.id"}, {"id": "b", "match": "$.b"}],
        }),
    )]);
    rule.as_object_mut().unwrap().remove("match");
    rule
}

/// Whether an edit at this pointer keeps what was counted.
fn kept(base: &Value, pointer: &str, value: &Value) -> bool {
    let mut edited = base.clone();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match edited.pointer_mut(parent).unwrap() {
        Value::Object(members) => _ = members.insert(name.to_owned(), value.clone()),
        Value::Array(elements) => elements[name.parse::<usize>().unwrap()] = value.clone(),
        other => panic!("{other}"),
    }
    let (before, after) = (read(base).unwrap().0, read(&edited).unwrap().0);
    assert_ne!(before, after, "{pointer}");
    assert_eq!(before.counts_the_same_as(&after), after.counts_the_same_as(&before));
    after.counts_the_same_as(&before)
}

#[test]
fn what_is_said_about_a_rule_and_when_it_speaks_can_be_edited() {
    for (pointer, value) in [
        ("/alertName", json!("other")),
        ("/alertDescription", json!("other")),
        ("/status", json!("paused")),
        ("/severity", json!("high")),
        ("/owner", json!("ann")),
        ("/labels", json!({"a": "b"})),
        ("/annotations", json!({"a": "b"})),
        ("/scope", json!({"exclude": [CUSTOMER], "overrides": {CUSTOMER: {"threshold": 9}}})),
        ("/selections/other", json!("$.unused")),
        ("/selections/shared", json!({"jsonPath": "$['action']", "op": "eq", "value": "share"})),
        ("/aggregate/increment/match", json!("$.action == 'share'")),
        ("/threshold", json!({"gt": 6})),
        ("/threshold", json!({"lt": 6})),
        ("/maxGroups", json!(5)),
        ("/alertPolicy", json!({"mode": "once", "rearm": {"lt": 2}, "maxPerHour": 5})),
        ("/exceptions/0/reason", json!("known")),
        ("/entities", json!([{"type": "user", "idPath": "$.user"}])),
        ("/evidence", json!({"mode": "none"})),
        ("/bootstrap", json!({"mode": "alerts"})),
        ("/tests", json!([{"name": "one"}])),
    ] {
        assert!(kept(&counting(), pointer, &value), "{pointer}");
    }
    for (pointer, value) in [("/pattern/steps/0/id", json!("z")), ("/alertPolicy", json!({"mode": "once"}))] {
        assert!(kept(&pattern(), pointer, &value), "{pointer}");
    }
}

#[test]
fn what_is_counted_begins_anew() {
    for (pointer, value) in [
        ("/selections/shared", json!("$.action == 'publish'")),
        ("/groupBy/0/jsonPath", json!("$.team")),
        ("/groupBy/0/name", json!("team")),
        ("/missingGroup", json!("null")),
        ("/eventTime/jsonPath", json!("$.time")),
        ("/eventTime/format", json!("unixMillis")),
        ("/eventTime", Value::Null),
        ("/allowedLateness", json!("6m")),
        ("/latePolicy", json!("drop")),
        ("/eventId/jsonPath", json!("$.key")),
        ("/eventId", Value::Null),
        ("/aggregate/jsonPath", json!("$.m")),
        ("/aggregate/floor", json!(1)),
        ("/aggregate/floor", Value::Null),
        ("/aggregate/increment/by", json!(3)),
        ("/aggregate/increment/by", json!("$.by")),
        ("/aggregate/increment/match", json!("$.c")),
        ("/aggregate/decrement/match", json!("$.c")),
        ("/aggregate/decrement", Value::Null),
        ("/aggregate", json!({"function": "max", "jsonPath": "$.n", "increment": {"match": "shared"}})),
        (
            "/aggregate",
            json!({"entityPath": "$.n", "increment": {"match": "shared"}, "decrement": {"match": "$.b"}}),
        ),
        ("/window/size", json!("2h")),
        ("/window", Value::Null),
        ("/exceptions/0/match", json!("$.c")),
        ("/exceptions/0/expiresAt", Value::Null),
        ("/exceptions", json!([])),
    ] {
        assert!(!kept(&counting(), pointer, &value), "{pointer}");
    }
    for (pointer, value) in [
        ("/pattern/n", json!(2)),
        ("/pattern/within", json!("2h")),
        ("/pattern/until", Value::Null),
        ("/pattern/until", json!("$.c")),
        ("/pattern/steps/0/match", json!("$.c")),
        ("/pattern/steps/0/min", json!(3)),
        ("/pattern/steps/0/entityPath", Value::Null),
        ("/pattern/steps/1", json!({"id": "b", "match": "$.b", "min": 2})),
    ] {
        assert!(!kept(&pattern(), pointer, &value), "{pointer}");
    }
    let mut counted = counting();
    counted["pattern"] = pattern()["pattern"].clone();
    for name in ["aggregate", "window", "threshold"] {
        counted.as_object_mut().unwrap().remove(name);
    }
    assert!(!read(&counted).unwrap().0.counts_the_same_as(&read(&counting()).unwrap().0));
}
