//! What rules make of events, by chance: aggregates and patterns, each with a policy that goes with it.

use serde_json::{Value, json};

use super::Chance;
use super::whole::{Conditions, path, span};

/// Limits that go together.
pub(crate) struct Bounds {
    threshold: Value,
    /// Another threshold, which no value meets together with `outside`.
    pub(crate) tighter: Value,
    /// No value meets them and the threshold.
    outside: Value,
    lower: bool,
    upper: bool,
}

/// Puts an aggregate or a pattern into the rule, and a policy. The bounds of an aggregate are answered.
pub(crate) fn evaluation(
    chance: &mut Chance,
    rule: &mut Value,
    conditions: &Conditions<'_>,
) -> Option<Bounds> {
    if chance.one_in(3) {
        pattern(chance, rule, conditions);
        return None;
    }
    let bounds = bounds(chance);
    let function = chance.pick(&["count", "count", "sum", "min", "max", "avg", "distinct"]);
    let counts = matches!(function, "count" | "sum");
    let is_set = function == "count" && chance.one_in(3);
    let window = window(chance, is_set);
    let mut aggregate = json!({});
    if function != "count" || chance.one_in(2) {
        aggregate["function"] = json!(function);
    }
    if !is_set && (function != "count" || chance.one_in(3)) {
        aggregate["jsonPath"] = json!(path(chance));
    }
    let change = |chance: &mut Chance| {
        let mut change = json!({"match": conditions.any(chance)});
        if counts && !is_set && chance.one_in(2) {
            change["by"] = [json!(1), json!(0), json!(2.5), json!("$.amount")][chance.below(4)].clone();
        }
        change
    };
    if chance.one_in(2) {
        aggregate["increment"] = change(chance);
    } else {
        rule["match"] = conditions.any(chance);
    }
    if counts && chance.one_in(2) {
        aggregate["decrement"] = change(chance);
    }
    if counts && chance.one_in(2) && matches!(window["type"].as_str(), None | Some("total" | "tumbling")) {
        aggregate["floor"] = [json!(0), json!(-1.5)][chance.below(2)].clone();
    }
    if is_set {
        aggregate["entityPath"] = json!(path(chance));
    }
    if aggregate != json!({}) {
        rule["aggregate"] = aggregate;
    }
    if !window.is_null() {
        rule["window"] = window.clone();
    }
    if !matches!(function, "count" | "distinct") || chance.one_in(2) {
        rule["threshold"] = bounds.threshold.clone();
        if chance.one_in(2) {
            rule["alertPolicy"] = policy(chance, function, &window, &bounds);
        }
        return Some(bounds);
    }
    // By default it is one, at least.
    Some(Bounds { tighter: json!(2), outside: json!({"lt": 1}), ..bounds })
}

fn bounds(chance: &mut Chance) -> Bounds {
    let (threshold, tighter, outside, lower, upper) = match chance.below(7) {
        0 => (json!(3), json!({"gt": 3}), json!({"lt": 3}), true, false),
        1 => (json!({"gte": 2.5}), json!({"gte": 3, "ne": 4}), json!({"lt": 2.5}), true, false),
        2 => (json!({"gt": 10}), json!(11), json!({"lte": 10, "gt": 4}), true, false),
        3 => (json!({"lt": 0.1}), json!({"eq": 0}), json!({"gte": 0.1}), false, true),
        4 => (json!({"eq": 5}), json!({"eq": 5, "gt": 1}), json!({"ne": 5}), false, false),
        5 => (json!({"gte": 2, "lt": 9}), json!({"gte": 3, "lt": 4}), json!({"lt": 2}), false, false),
        _ => (json!(i64::MIN), json!(i64::MAX), json!({"lt": i64::MIN}), true, false),
    };
    Bounds { threshold, tighter, outside, lower, upper }
}

fn window(chance: &mut Chance, is_set: bool) -> Value {
    match chance.below(if is_set { 4 } else { 5 }) {
        0 => Value::Null,
        1 => json!({"type": "total"}),
        2 => json!({"type": "tumbling", "size": span(chance)}),
        3 => json!({"type": "sliding", "size": span(chance)}),
        _ => json!({"type": "session", "gap": span(chance)}),
    }
}

fn policy(chance: &mut Chance, function: &str, window: &Value, bounds: &Bounds) -> Value {
    let kind = window["type"].as_str().unwrap_or("total");
    let modes = ["once", "every", "cooldown", "perWindow"];
    let mode = chance.pick(&modes[..if kind == "sliding" { 3 } else { 4 }]);
    let once_by_default = matches!(kind, "total" | "sliding");
    let mut policy = json!({});
    if !(mode == "once" && once_by_default && chance.one_in(2)) {
        policy["mode"] = json!(mode);
    }
    if mode == "cooldown" {
        policy["cooldown"] = json!(span(chance));
    }
    if mode == "once" && chance.one_in(2) {
        policy["rearm"] = bounds.outside.clone();
    }
    let is_running = match function {
        "avg" => once_by_default,
        "min" => once_by_default || bounds.upper,
        _ => once_by_default || bounds.lower,
    };
    // A tighter threshold of one customer may be judged in another way.
    if mode == "once" && is_running && once_by_default && chance.one_in(2) {
        policy["for"] = json!(chance.pick(&["0s", "5m"]));
    }
    if matches!(mode, "once" | "cooldown") && chance.one_in(2) {
        let mut resolve = bounds.outside.clone();
        if chance.one_in(2) {
            resolve["after"] = json!(span(chance));
        }
        policy["resolve"] = if chance.one_in(4) { json!({"after": "1h"}) } else { resolve };
    }
    if chance.one_in(3) {
        policy["maxPerHour"] = json!(1 + chance.below(100));
    }
    policy
}

fn pattern(chance: &mut Chance, rule: &mut Value, conditions: &Conditions<'_>) {
    let kind = chance.pick(&["sequence", "all", "atLeast", "absence"]);
    let count = if kind == "absence" { 2 } else { 2 + chance.below(4) };
    let announces = kind == "all" && chance.one_in(2);
    let step = |chance: &mut Chance, index: usize| {
        let mut step = json!({"id": format!("step {index}"), "match": conditions.any(chance)});
        if announces && index == 0 {
            step["expectedCountPath"] = json!("$.parcel_count");
            return step;
        }
        if chance.one_in(2) {
            step["min"] = if kind == "absence" { json!(1) } else { json!(1 + chance.below(9)) };
        }
        if matches!(kind, "all" | "atLeast") && chance.one_in(2) {
            step["entityPath"] = json!(path(chance));
        }
        step
    };
    let steps: Vec<Value> = (0..count).map(|index| step(chance, index)).collect();
    let mut pattern = json!({"type": kind, "steps": steps});
    if kind == "atLeast" {
        pattern["n"] = json!(1 + chance.below(count));
    }
    if matches!(kind, "sequence" | "absence") || chance.one_in(2) {
        pattern["within"] = json!(span(chance));
    }
    if chance.one_in(3) {
        pattern["until"] = conditions.any(chance);
    }
    rule["pattern"] = pattern;
    rule["alertPolicy"] = match chance.below(5) {
        0 => Value::Null,
        1 => json!({}),
        2 => json!({"mode": "once", "resolve": {"onStep": "step 1", "after": span(chance)}}),
        3 => json!({"mode": "cooldown", "cooldown": span(chance), "resolve": {"onStep": "step 0"}}),
        _ => json!({"mode": chance.pick(&["once", "every"]), "maxPerHour": 1}),
    };
}
