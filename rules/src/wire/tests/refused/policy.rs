//! Alert policies that do not go with their mode, with what is evaluated, or with the threshold.

use serde_json::{Value, json};

use super::super::{read, with};
use super::{global, pattern, refused, steps};
use crate::problem::ProblemCode::{Conflict, MissingField, OutOfRange};

#[test]
fn a_policy_goes_with_its_mode() {
    let policy = |policy: Value| with(&[("alertPolicy", policy)]);
    refused(&policy(json!({"mode": "cooldown"})), MissingField, "/alertPolicy");
    for mode in ["once", "every", "perWindow"] {
        let cooldown = json!({"mode": mode, "cooldown": "5m"});
        refused(&policy(cooldown), Conflict, "/alertPolicy/cooldown");
    }
    refused(&policy(json!({"cooldown": "5m"})), Conflict, "/alertPolicy/cooldown");
    for (mode, more) in [("every", None), ("perWindow", None), ("cooldown", Some("5m"))] {
        for (name, value) in [("rearm", json!({"lt": 1})), ("for", json!("5m"))] {
            let given = json!({"mode": mode, "cooldown": more, name: value});
            refused(&policy(given), Conflict, &format!("/alertPolicy/{name}"));
        }
        let resolve = policy(json!({"mode": mode, "cooldown": more, "resolve": {"after": "5m"}}));
        if mode == "cooldown" {
            assert!(read(&resolve).is_ok());
        } else {
            refused(&resolve, Conflict, "/alertPolicy/resolve");
        }
    }
    refused(&policy(json!({"maxPerHour": 0})), OutOfRange, "/alertPolicy/maxPerHour");
    refused(&policy(json!({"resolve": {}})), OutOfRange, "/alertPolicy/resolve");
    refused(&policy(json!({"resolve": {"onStep": "a"}})), Conflict, "/alertPolicy/resolve/onStep");
    assert!(read(&policy(json!({"mode": "every", "for": "0s"}))).is_ok(), "no time at all is the default");
}

#[test]
fn a_policy_goes_with_the_window() {
    let rule = |window: Value, policy: Value| with(&[("window", window), ("alertPolicy", policy)]);
    let sliding = json!({"type": "sliding", "size": "1h"});
    refused(&rule(sliding, json!({"mode": "perWindow"})), Conflict, "/alertPolicy/mode");
    // The default of a tumbling window is perWindow.
    let tumbling = json!({"type": "tumbling", "size": "1h"});
    refused(&rule(tumbling.clone(), json!({"rearm": {"lt": 1}})), Conflict, "/alertPolicy/rearm");
    let hold = json!({"mode": "once", "for": "5m"});
    assert!(read(&rule(tumbling.clone(), hold.clone())).is_ok());
    let mut closing = rule(tumbling, hold);
    closing["threshold"] = json!({"lt": 5});
    refused(&closing, Conflict, "/alertPolicy/for");
}

#[test]
fn the_policy_of_a_pattern_looks_at_no_value() {
    let rule = |policy: Value| {
        let mut document = pattern("all", &json!({}));
        document["alertPolicy"] = policy;
        document
    };
    refused(&rule(json!({"mode": "perWindow"})), Conflict, "/alertPolicy/mode");
    refused(&rule(json!({"mode": "once", "for": "5m"})), Conflict, "/alertPolicy/for");
    refused(&rule(json!({"mode": "once", "rearm": {"lt": 1}})), Conflict, "/alertPolicy/rearm");
    let resolve = |resolve: Value| rule(json!({"mode": "once", "resolve": resolve}));
    refused(&resolve(json!({"lt": 1})), Conflict, "/alertPolicy/resolve/lt");
    refused(&resolve(json!({"onStep": "s2"})), OutOfRange, "/alertPolicy/resolve/onStep");
    assert!(read(&resolve(json!({"onStep": "s1", "after": "5m"}))).is_ok());
    refused(&rule(json!({"resolve": {"after": "5m"}})), Conflict, "/alertPolicy/resolve");
}

#[test]
fn what_arms_or_resolves_excludes_the_threshold() {
    let rule = |threshold: Value, policy: Value| with(&[("threshold", threshold), ("alertPolicy", policy)]);
    for name in ["rearm", "resolve"] {
        let pointer = format!("/alertPolicy/{name}");
        refused(&rule(json!(2), json!({name: {"lte": 2}})), Conflict, &pointer);
        refused(&rule(json!({"ne": 2}), json!({name: {"lt": 2}})), Conflict, &pointer);
        assert!(read(&rule(json!(2), json!({name: {"lt": 2}}))).is_ok());
        // No count lies between 1 and 2.
        assert!(read(&rule(json!({"gt": 1}), json!({name: {"lt": 2}}))).is_ok());
        let mut sum = rule(json!({"gt": 1}), json!({name: {"lt": 2}}));
        sum["aggregate"] = json!({"function": "sum", "jsonPath": "$.n"});
        refused(&sum, Conflict, &pointer);
    }
}

#[test]
fn an_override_is_held_to_the_policy() {
    const CUSTOMER: &str = "AAAAAAAA-1111-4111-8111-111111111111";
    let pointer = format!("/scope/overrides/{CUSTOMER}/threshold");
    let rule = |threshold: Value, more: &[(&str, Value)]| {
        let mut document = global(&[("scope", json!({"overrides": {CUSTOMER: {"threshold": threshold}}}))]);
        for (name, value) in more {
            document[*name] = value.clone();
        }
        document
    };
    let rearm = [("threshold", json!(5)), ("alertPolicy", json!({"rearm": {"lt": 5}}))];
    assert!(read(&rule(json!(5), &rearm)).is_ok());
    refused(&rule(json!(4), &rearm), Conflict, &pointer);
    let hold = [
        ("window", json!({"type": "tumbling", "size": "1h"})),
        ("alertPolicy", json!({"mode": "once", "for": "1m"})),
    ];
    assert!(read(&rule(json!(4), &hold)).is_ok());
    refused(&rule(json!({"lt": 4}), &hold), Conflict, &pointer);
    let mut patterned = rule(json!(4), &[]);
    patterned.as_object_mut().unwrap().remove("match");
    patterned["pattern"] = json!({"type": "all", "steps": steps(2)});
    refused(&patterned, Conflict, &pointer);
}
