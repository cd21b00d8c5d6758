//! What a rule reads of an event has the limit that conditions have.

use rules::{ActiveRule, Command, CustomerId, Matcher, Payload, RuleBook};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::plan::matched_payload;
use crate::stream::Timestamp;

fn customer() -> CustomerId {
    CustomerId::from_uuid(Uuid::from_u128(1))
}

/// A rule that every event with `m` meets, with these fields.
fn book(fields: &Value) -> RuleBook {
    let mut document =
        json!({"customerId": customer(), "alertId": Uuid::from_u128(7), "alertName": "a", "match": "$.m"});
    for (name, value) in fields.as_object().unwrap() {
        document[name] = value.clone();
    }
    if fields.get("aggregate").is_some() {
        document["threshold"] = json!({"gt": 1});
    }
    let document = document.as_object().unwrap().iter().filter(|(_, value)| !value.is_null());
    let document: Value = document.map(|(name, value)| (name.clone(), value.clone())).collect();
    let (rule, _) = rules::read_rule(document.to_string().as_bytes(), None).unwrap();
    let mut book = RuleBook::default();
    book.apply(Command::Put { rule: Box::new(rule), expected: None });
    book
}

/// How many hits there are, and how many rules that were cut short.
fn told(fields: &Value, payload: &Value) -> (usize, usize) {
    let snapshot = Matcher::compile(&book(fields));
    let payload = Payload::parse(&payload.to_string()).unwrap();
    let event = matched_payload(&snapshot, customer(), &payload, Timestamp(1));
    assert_eq!(event.met, 1, "{fields}");
    (event.hits.len(), event.cut.len())
}

/// More nodes than a path may look at.
fn huge() -> Value {
    json!({"m": 1, "a": 5, "b": vec![0; 120_000]})
}

#[test]
fn every_path_of_a_rule_may_look_at_so_many_nodes_and_no_more() {
    let step = |id: &str| json!({"id": id, "match": "$.m"});
    let mut entities = step("one");
    entities["entityPath"] = json!("$..a");
    let mut expected = step("one");
    expected["expectedCountPath"] = json!("$..a");
    let pattern = |first: &Value| json!({"match": null, "pattern": {"type": "all", "steps": [first, step("two")], "within": "1h"}});
    let cases = [
        json!({"groupBy": [{"name": "k", "jsonPath": "$..a"}]}),
        json!({"eventId": {"jsonPath": "$..a"}}),
        json!({"eventTime": {"jsonPath": "$..a", "format": "unixSeconds"}}),
        json!({"entities": [{"type": "t", "idPath": "$..a"}]}),
        json!({"entities": [{"type": "t", "idPath": "$.a", "displayPath": "$..a"}]}),
        json!({"evidence": {"mode": "full", "redact": ["$..a"]}}),
        json!({"exceptions": [{"match": "$..a == 1", "reason": "r"}]}),
        json!({"exceptions": [{"match": "$.b[*] == 1", "reason": "r"}, {"match": "$.b[?@ == 1]", "reason": "r"}]}),
        json!({"aggregate": {"function": "sum", "jsonPath": "$..a"}}),
        json!({"aggregate": {"function": "count", "jsonPath": "$..a"}}),
        json!({"aggregate": {"function": "max", "jsonPath": "$..a"}}),
        json!({"aggregate": {"function": "distinct", "jsonPath": "$..a"}}),
        json!({"aggregate": {"function": "count", "entityPath": "$..a"}}),
        json!({"aggregate": {"function": "count", "increment": {"match": "$.m", "by": "$..a"}}, "match": null}),
        pattern(&entities),
        pattern(&expected),
    ];
    for fields in &cases {
        assert_eq!(told(fields, &json!({"m": 1, "a": 5})), (1, 0), "{fields}");
        assert_eq!(told(fields, &huge()), (0, 1), "{fields}");
    }
}

/// As in conditions: it costs what it selects.
#[test]
fn a_plain_path_looks_at_as_many_nodes_as_there_are() {
    assert_eq!(told(&json!({"aggregate": {"function": "sum", "jsonPath": "$.b[*]"}}), &huge()), (1, 0));
    assert_eq!(told(&json!({"groupBy": [{"name": "k", "jsonPath": "$.b[*]"}]}), &huge()), (1, 0));
}

/// Which of its conditions it does not meet is unknown as well as what it brings.
#[test]
fn a_rule_that_is_cut_short_twice_is_told_once() {
    let fields = json!({
        "match": null, "groupBy": [{"name": "k", "jsonPath": "$..a"}],
        "pattern": {"type": "all", "steps": [{"id": "one", "match": "$.m"}, {"id": "two", "match": "$..a == 1"}], "within": "1h"},
    });
    assert_eq!(told(&fields, &huge()), (0, 1));
    let rule: fn(&ActiveRule) -> u128 = |active| active.rule.key.alert.uuid().as_u128();
    let book = book(&fields);
    let payload = Payload::parse(&huge().to_string()).unwrap();
    let snapshot = Matcher::compile(&book);
    let event = matched_payload(&snapshot, customer(), &payload, Timestamp(1));
    assert_eq!(event.cut.iter().map(|active| rule(active)).collect::<Vec<_>>(), [7]);
}
