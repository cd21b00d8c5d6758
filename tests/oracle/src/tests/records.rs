//! The alert record.

use rules::{Entity, Mode, Window};
use serde_json::json;
use uuid::Uuid;

use super::*;

#[test]
fn a_record_has_these_fields() {
    let made = with(grouped(mode(count(2), Mode::Every), "$.k"), |rule| {
        rule.entities = vec![Entity {
            kind: "user".to_owned(),
            id_path: path("$.u"),
            display_path: Some(path("$.name")),
        }];
        rule.event_id = Some(rules::EventId { path: path("$.id"), retention: span("1h") });
    });
    let records = rule(made)
        .at(5.0, r#"{"a":1,"k":"x","u":1,"name":"one","id":"e1"}"#)
        .at(4.0, r#"{"a":1,"k":"x","u":2,"id":7}"#)
        .records();
    let name = format!("{OWNER}\n{ALERT}\n{{\"k\":\"x\"}}\n5000-0");
    let one = json!({"type": "user", "id": 1, "display": "one"});
    let two = json!({"type": "user", "id": 2});
    let expected = json!({
        "alertInstanceId": Uuid::new_v5(&ALERT.parse().unwrap(), name.as_bytes()).to_string(),
        "customerId": OWNER,
        "alertId": ALERT,
        "alertName": "made",
        "severity": "medium",
        "ruleVersion": 1,
        "state": "firing",
        "group": {"k": "x"},
        "value": 2,
        "threshold": {"gte": 2},
        "window": {"start": null, "end": "1970-01-01T00:00:04.000Z"},
        "firstSeen": "1970-01-01T00:00:04.000Z",
        "lastSeen": "1970-01-01T00:00:05.000Z",
        "entities": [one, two],
        "entitiesAdded": [one, two],
        "entitiesRemoved": [],
        "evidence": [
            {"topic": "events", "partition": 0, "offset": 1, "eventId": "7"},
            {"topic": "events", "partition": 0, "offset": 0, "eventId": "e1"},
        ],
        "origin": "live",
        "late": true,
        "eventTime": "1970-01-01T00:00:04.000Z",
        "ingestTime": "1970-01-01T00:00:04.000Z",
        "labels": {},
    });
    assert_eq!(records, [expected]);
}

#[test]
fn windows_of_records() {
    let window = |window: Window| {
        let records = rule(over(window, 2)).ones(&[11.0, 12.0]).records();
        window_of(&records[0])
    };
    assert_eq!(window(Window::Total), (None, 12));
    assert_eq!(window(Window::Tumbling(span("10s"))), (Some(10), 20));
    assert_eq!(window(Window::Sliding(span("10s"))), (Some(2), 12));
    assert_eq!(window(Window::Session(span("10s"))), (Some(11), 22));
    let sequence = pattern(PatternKind::Sequence, &["$.a == 1", "$.a == 2"], Some("10s"));
    assert_eq!(window_of(&rule(sequence).ones(&[3.0]).at(5.0, r#"{"a":2}"#).records()[0]), (Some(3), 5));
}

#[test]
fn the_ordinal_counts_openings_of_the_group_at_one_clock() {
    let records = rule(mode(count(1), Mode::Every)).ones(&[5.0, 5.0, 4.0]).records();
    for (ordinal, record) in records.iter().enumerate() {
        let name = format!("{OWNER}\n{ALERT}\n{{}}\n5000-{ordinal}");
        let id = Uuid::new_v5(&ALERT.parse().unwrap(), name.as_bytes());
        assert_eq!(record["alertInstanceId"], id.to_string());
    }
}

#[test]
fn entities_added_and_removed_are_relative_to_the_episodes_previous_record() {
    let made = aggregate(1, |made| {
        made.entity_path = Some(path("$.e"));
        made.decrement = Some(change("$.a == 2", None));
    });
    let made = with(resolve(made, Some(below("1")), None, None), |rule| {
        rule.entities = vec![Entity { kind: "file".to_owned(), id_path: path("$.e"), display_path: None }];
    });
    let records = rule(made)
        .at(0.0, r#"{"a":1,"e":"x"}"#)
        .at(1.0, r#"{"a":1,"e":"y"}"#)
        .at(2.0, r#"{"a":2,"e":"x"}"#)
        .at(3.0, r#"{"a":2,"e":"y"}"#)
        .records();
    let file = |id: &str| json!({"type": "file", "id": id});
    let told: Vec<_> = records
        .iter()
        .map(|record| {
            json!([record["state"], record["entities"], record["entitiesAdded"], record["entitiesRemoved"]])
        })
        .collect();
    assert_eq!(
        told,
        [
            json!(["firing", [file("x")], [file("x")], []]),
            json!(["updated", [file("x"), file("y")], [file("y")], []]),
            json!(["updated", [file("y")], [], [file("x")]]),
            json!(["resolved", [], [], [file("y")]]),
        ]
    );
}

#[test]
fn evidence_is_that_of_the_latest_events() {
    let made = with(count(4), |rule| rule.evidence.max = 2);
    let records = rule(made).ones(&[0.0, 1.0, 2.0, 3.0]).records();
    let offsets: Vec<_> =
        records[0]["evidence"].as_array().unwrap().iter().map(|one| one["offset"].clone()).collect();
    assert_eq!(offsets, [2, 3]);
}
