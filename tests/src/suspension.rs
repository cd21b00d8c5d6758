//! What a running system does with rules that look at more of an event than they may, whatever log it runs on.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::process::Tocsin;
use crate::harness::wait_for;
use crate::workload::customer;

/// How long anything may take; machines that also build are slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// Looks at every node, to find out whether the event meets it.
const CONDITION: &str = "00000000-0000-4000-8000-000000000001";
/// Looks at every node, to find out whose group the event is in.
const GROUP: &str = "00000000-0000-4000-8000-000000000002";
/// Looks at one.
const PLAIN: &str = "00000000-0000-4000-8000-000000000003";

fn rule(alert: &str) -> Value {
    let mut rule = json!({
        "customerId": customer(1), "alertId": alert, "alertName": alert, "match": "$.probe",
        "alertPolicy": {"mode": "every"},
    });
    match alert {
        CONDITION => rule["match"] = "$..[?@.level > 3]".into(),
        GROUP => rule["groupBy"] = json!([{"name": "user", "jsonPath": "$..user"}]),
        _ => {},
    }
    rule
}

fn event(numbers: usize) -> Value {
    let payload = json!({"probe": 1, "who": {"level": 4, "user": "ann"}, "numbers": vec![0; numbers]});
    json!({"customerId": customer(1), "payload": payload})
}

fn suspended(process: &Tocsin, alert: &str) -> Option<Value> {
    let (status, rule) = process.http.get(&format!("/v1/rules/{}/{alert}", customer(1)))?;
    assert_eq!((status, &rule["status"]), (200, &json!("active")), "{rule}");
    rule.get("suspended").cloned()
}

/// Rules that look at too much of an event are suspended and say so; others go on; a save puts them in force again.
pub fn rules_that_look_at_too_much_are_suspended_until_they_are_saved(process: &Tocsin) {
    [CONDITION, GROUP, PLAIN].iter().for_each(|alert| process.http.rule(&rule(alert)));
    assert!(process.http.events(&[event(120_000)]));
    for alert in [CONDITION, GROUP] {
        let told = wait_for("a suspension", PATIENCE, || suspended(process, alert));
        let told = told.as_array().unwrap();
        assert_eq!((&told[0]["reason"], &told[0]["customerId"]), (&json!("stepBudget"), &json!(customer(1))));
        assert_eq!(told.len(), 1);
    }
    assert_eq!(suspended(process, PLAIN), None);
    // A small event is nothing to the two either, until they are saved.
    assert!(process.http.events(&[event(1)]));
    let mut alerts = process.http.alerts("0");
    let mut fired = |count: usize| {
        let mut fired: Vec<String> = alerts
            .by_ref()
            .take(count)
            .map(|(_, alert)| alert["alertId"].as_str().unwrap().to_owned())
            .collect();
        fired.sort();
        fired
    };
    assert_eq!(fired(2), [PLAIN, PLAIN], "the one goes on, the others collect nothing");
    for alert in [CONDITION, GROUP] {
        process.http.rule(&rule(alert));
        assert_eq!(suspended(process, alert), None);
    }
    assert!(process.http.events(&[event(1)]));
    assert_eq!(fired(3), [CONDITION, GROUP, PLAIN]);
}
