//! The three examples of the language's description, built as values.

use rules::{Entity, EventId, EventTime, GroupKey, Mode, Override, TimeFormat};

use super::*;

fn group(rule: Rule, name: &str, at: &str) -> Rule {
    with(rule, |rule| rule.grouping.keys = vec![GroupKey { name: name.to_owned(), path: path(at) }])
}

#[test]
fn all_parcels_shipped() {
    let steps = ["$.event_type == 'ORDER_CREATED'", "$.event_type == 'PARCEL_SHIPPED'"];
    let made = with(pattern(PatternKind::All, &steps, Some("30d")), |rule| {
        let steps = &mut pattern_of(rule).steps;
        steps[0].expected_count_path = Some(path("$.parcel_count"));
        steps[1].entity_path = Some(path("$.parcel_id"));
    });
    let made = group(mode(made, Mode::Once), "order", "$.order_number");
    rule(made)
        .at(0.0, r#"{"event_type":"ORDER_CREATED","order_number":7,"parcel_count":2}"#)
        .at(1.0, r#"{"event_type":"PARCEL_SHIPPED","order_number":7,"parcel_id":"p1"}"#)
        .at(2.0, r#"{"event_type":"PARCEL_SHIPPED","order_number":7,"parcel_id":"p1"}"#)
        .at(3.0, r#"{"event_type":"PARCEL_SHIPPED","order_number":8,"parcel_id":"p2"}"#)
        .at(4.0, r#"{"event_type":"PARCEL_SHIPPED","order_number":7,"parcel_id":"p2"}"#)
        .says(&[r#"4s firing 4000 {"order":7}"#]);
}

#[test]
fn order_late() {
    let steps = ["$.event_type == 'ORDER_CREATED'", "$.event_type == 'ALL_PARCELS_SHIPPED'"];
    let made = with(pattern(PatternKind::Absence, &steps, Some("48h")), |rule| {
        rule.timing.event_time = Some(EventTime { path: path("$.occurred_at"), format: TimeFormat::Rfc3339 });
    });
    let made = lateness(resolve(mode(made, Mode::Once), None, None, Some(1)), "5m");
    let made = group(made, "order", "$.order_number");
    rule(made)
        .at(0.0, r#"{"event_type":"ORDER_CREATED","order_number":1,"occurred_at":"1970-01-01T00:00:00Z"}"#)
        .at(0.0, r#"{"event_type":"ORDER_CREATED","order_number":2,"occurred_at":"1970-01-01T00:00:00Z"}"#)
        .at(
            0.0,
            r#"{"event_type":"ALL_PARCELS_SHIPPED","order_number":2,"occurred_at":"1970-01-02T23:59:59Z"}"#,
        )
        .at(
            0.0,
            r#"{"event_type":"ALL_PARCELS_SHIPPED","order_number":1,"occurred_at":"1970-01-03T12:00:00Z"}"#,
        )
        .says(&[r#"172800s firing 172800000 {"order":1}"#, r#"216000s resolved 216000000 {"order":1}"#]);
}

fn public_links() -> Rule {
    let made = aggregate(2, |made| {
        made.increment = change("$.action == 'share' && $.acl[?(@.scope == 'anyone')]", None);
        made.decrement = Some(change("$.action in ['unshare', 'delete']", None));
        made.entity_path = Some(path("$.file.id"));
        made.floor = Some(amount("0"));
    });
    let made = resolve(rearm(made, below("2")), Some(below("2")), None, None);
    let made = with(made, |rule| {
        rule.key.customer = CustomerId::GLOBAL;
        rule.scope.exclude.insert(OWNER.parse().unwrap());
        let threshold = Some(Limits::at_least(amount("50")));
        let strict = "11111111-1111-4111-8111-111111111111".parse().unwrap();
        rule.scope.overrides.insert(strict, Override { threshold, ..Override::default() });
        rule.timing.event_time = Some(EventTime { path: path("$.at"), format: TimeFormat::Rfc3339 });
        rule.event_id = Some(EventId { path: path("$.id"), retention: EventId::RETENTION_DEFAULT });
        let entity =
            |kind: &str, id: &str| Entity { kind: kind.to_owned(), id_path: path(id), display_path: None };
        rule.entities = vec![entity("user", "$.actor.id"), entity("file", "$.file.id")];
    });
    group(lateness(made, "10m"), "user", "$.actor.id")
}

#[test]
fn a_resent_event_counts_once_and_unshare_resolves() {
    let customer = "00000000-0000-4000-8000-000000000001";
    let share = |id: &str, file: &str| {
        format!(
            r#"{{"id":"{id}","action":"share","acl":[{{"scope":"anyone"}}],"actor":{{"id":"u"}},"file":{{"id":"{file}"}}}}"#
        )
    };
    let unshare = r#"{"id":"e3","action":"unshare","actor":{"id":"u"},"file":{"id":"f1"}}"#;
    let story = |customer: &str| {
        rule(public_links())
            .of(customer, 0.0, &share("e1", "f1"))
            .of(customer, 1.0, &share("e1", "f1"))
            .of(customer, 2.0, &share("e2", "f2"))
            .of(customer, 3.0, unshare)
            .of(customer, 4.0, &share("e4", "f1"))
    };
    // None of them has a readable time, so the records' times are those of the events.
    story(customer).says(&[
        r#"2s firing 2 {"user":"u"}"#,
        r#"3s resolved 1 {"user":"u"}"#,
        r#"4s firing 2 {"user":"u"}"#,
    ]);
    story(OWNER).says(&[]);
}
