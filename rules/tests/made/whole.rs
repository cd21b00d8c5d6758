//! Whole rules by chance, sound ones: every group of fields, and only combinations that are accepted.

use rules::Condition;
use serde_json::{Value, json};
use uuid::Uuid;

use super::evaluations::{Bounds, evaluation};
use super::{Chance, condition};

pub(crate) const GLOBAL: &str = "deadbeef-dead-beef-dead-beefdeadbeef";

/// A rule as somebody might post it; its conditions are about events like these.
pub(crate) fn rule(chance: &mut Chance, events: &[Value]) -> Value {
    if chance.one_in(8) {
        return control(chance, events);
    }
    let mut rule = json!({
        "customerId": if chance.one_in(3) { GLOBAL.to_owned() } else { id(chance) },
        "alertId": id(chance),
        "alertName": text(chance),
    });
    let mut conditions = Conditions { names: Vec::new(), events };
    if chance.one_in(2) {
        rule["selections"] = json!({"first": conditions.any(chance), "second_2": conditions.any(chance)});
        conditions.names = vec!["first", "second_2"];
    }
    let bounds = evaluation(chance, &mut rule, &conditions);
    about(chance, &mut rule);
    collecting(chance, &mut rule);
    telling(chance, &mut rule, &conditions);
    if rule["customerId"] == GLOBAL && chance.one_in(2) {
        rule["scope"] = scope(chance, bounds.as_ref());
    }
    if chance.one_in(3) {
        rule["tests"] = (0..1 + chance.below(3)).map(|_| test(chance, &rule, events)).collect();
    }
    rule
}

/// Conditions in every form.
pub(crate) struct Conditions<'a> {
    names: Vec<&'static str>,
    events: &'a [Value],
}

impl Conditions<'_> {
    pub(crate) fn any(&self, chance: &mut Chance) -> Value {
        if !self.names.is_empty() && chance.one_in(3) {
            let name = chance.pick(&self.names);
            return [json!(name), json!(format!("!{name} || $.a")), json!({"not": name})][chance.below(3)]
                .clone();
        }
        let text = condition(chance, self.events);
        if chance.one_in(2) {
            return text.into();
        }
        Condition::parse(&text, &[]).unwrap_or_else(|error| panic!("{text}: {error}")).to_value()
    }
}

/// The original control message.
fn control(chance: &mut Chance, events: &[Value]) -> Value {
    let mut message = json!({"customerId": id(chance), "alertId": id(chance), "jsonPath": path(chance)});
    for (name, value) in [
        ("alertName", json!(text(chance))),
        ("alertDescription", json!(text(chance))),
        ("threshold", json!(chance.below(events.len()))),
        ("bootstrapCustomerId", json!(id(chance))),
    ] {
        if chance.one_in(2) {
            message[name] = if chance.one_in(4) { Value::Null } else { value };
        }
    }
    message
}

/// What the rule is, for people.
fn about(chance: &mut Chance, rule: &mut Value) {
    let mut may = |name: &str, value: Value| {
        if chance.one_in(3) {
            rule[name] = value;
        }
    };
    may("alertDescription", json!("what it is\nand why"));
    may("labels", json!({"team": "storage", "a/b~c": ""}));
    may("annotations", json!({"runbook": "https://example.com/é"}));
    may("owner", json!("ann"));
    may("version", json!(7));
    may("expectedVersion", json!(0));
    may("bootstrapCustomerId", json!("11111111-1111-4111-8111-111111111111"));
    rule["status"] = json!(chance.pick(&["draft", "shadow", "active", "paused", "retired"]));
    rule["severity"] = json!(chance.pick(&["informational", "low", "medium", "high", "critical"]));
}

/// How events are collected.
fn collecting(chance: &mut Chance, rule: &mut Value) {
    let keys = [("user", "$.actor.id"), ("a b", "$['a b']"), ("role", "$.acl[*].role")];
    let keys: Vec<Value> =
        keys[..chance.below(4)].iter().map(|(name, path)| json!({"name": name, "jsonPath": path})).collect();
    let formats = ["rfc3339", "iso8601", "unixSeconds", "unixMillis", "unixMicros", "unixNanos"];
    let fields = [
        ("groupBy", keys.into()),
        ("missingGroup", json!(chance.pick(&["skip", "null"]))),
        ("maxGroups", json!([1, 100_000, 10_000_000][chance.below(3)])),
        ("eventTime", json!({"jsonPath": path(chance), "format": chance.pick(&formats)})),
        ("allowedLateness", json!(chance.pick(&["0s", "250ms", "5m", "3650d"]))),
        ("latePolicy", json!(chance.pick(&["apply", "drop"]))),
        ("eventId", json!({"jsonPath": path(chance), "retention": span(chance)})),
    ];
    for (name, value) in fields {
        if chance.one_in(2) {
            rule[name] = value;
        }
    }
}

/// What alerts tell, and of which history.
fn telling(chance: &mut Chance, rule: &mut Value, conditions: &Conditions<'_>) {
    let exception = |chance: &mut Chance| {
        let mut exception = json!({"match": conditions.any(chance)});
        if chance.one_in(2) {
            exception["reason"] = json!("known");
            exception["owner"] = json!("bob");
            exception["expiresAt"] = json!(chance.pick(&[
                "2026-01-31T12:00:00Z",
                "9999-12-31T23:59:59.9999+00:00",
                "0001-01-01T01:00:00+01:00"
            ]));
        }
        exception
    };
    let from = chance.pick(&["beginning", "0s", "90d", "2025-12-31T23:00:00.5-01:00"]);
    let fields = [
        ("exceptions", (0..chance.below(3)).map(|_| exception(chance)).collect()),
        (
            "entities",
            json!([{"type": "user", "idPath": path(chance)}, {"type": "file", "idPath": path(chance), "displayPath": path(chance)}]),
        ),
        (
            "evidence",
            json!({"mode": chance.pick(&["none", "refs", "full"]), "max": chance.below(101), "redact": [path(chance)]}),
        ),
        (
            "bootstrap",
            json!({
                "mode": chance.pick(&["none", "state", "alerts"]), "from": from,
                "onEdit": chance.pick(&["auto", "keep", "reset", "rebuild"]), "onFirstMatch": chance.one_in(2),
            }),
        ),
    ];
    for (name, value) in fields {
        if chance.one_in(3) {
            rule[name] = value;
        }
    }
}

fn scope(chance: &mut Chance, bounds: Option<&Bounds>) -> Value {
    let mut change = json!({"severity": "low", "status": "shadow"});
    if let Some(bounds) = bounds {
        change["threshold"] = bounds.tighter.clone();
    }
    json!({"include": [id(chance), id(chance)], "exclude": [id(chance)], "overrides": {id(chance): change, id(chance): {}}})
}

fn test(chance: &mut Chance, rule: &Value, events: &[Value]) -> Value {
    let payload = |chance: &mut Chance| match chance.below(4) {
        0 => json!("{\"n\": 123456789012345678901234567890.5, \"s\": \"\\ud83d\"}"),
        1 => json!("[1e400]"),
        _ => events[chance.below(events.len())].clone(),
    };
    let at =
        |chance: &mut Chance| chance.pick(&["0s", "90s", "3650d", "2026-01-31T12:00:00+02:00"]).to_owned();
    let event = |chance: &mut Chance| json!({"at": at(chance), "payload": payload(chance)});
    let mut one = event(chance);
    one["customerId"] = json!(id(chance));
    let mut group = json!({});
    if let Some(key) = rule.pointer("/groupBy/0/name").and_then(Value::as_str) {
        group[key] = [json!("u"), json!(0.1), Value::Null][chance.below(3)].clone();
    }
    let values = [json!(2), json!(-0.000_000_001), Value::Null, json!(i64::MAX)];
    let state = chance.pick(&["firing", "updated", "resolved", "suppressed"]);
    json!({
        "name": text(chance), "events": [event(chance), one], "advanceTo": at(chance),
        "expect": [{}, {"at": at(chance), "group": group, "state": state, "value": values[chance.below(4)], "customerId": id(chance)}],
    })
}

pub(crate) fn id(chance: &mut Chance) -> String {
    Uuid::from_u64_pair(chance.next(), chance.next()).to_string()
}

pub(crate) fn span(chance: &mut Chance) -> &'static str {
    chance.pick(&["1ms", "30s", "60s", "15m", "48h", "90d", "3650d"])
}

pub(crate) fn path(chance: &mut Chance) -> &'static str {
    chance.pick(&[
        "$.at",
        "$.actor.id",
        "$['a b'][0]",
        "$..id",
        "$.acl[?(@.scope == 'anyone')].role",
        "$.amount",
    ])
}

fn text(chance: &mut Chance) -> &'static str {
    chance.pick(&["n", "", "Public files", "a \"quoted\" é😀\u{0}\n"])
}
