//! The alerts that must come, computed in memory from the rules and all events, with nothing of ours but this file.

use std::collections::{BTreeMap, BTreeSet};

use jsonpath_rust::JsonPath;
use serde_json::Value;

/// Every rule fires once per customer, at the event that brings its count to the threshold: (customer, rule, value).
pub fn alerts<'a>(
    rules: &[Value],
    events: impl IntoIterator<Item = &'a Value>,
) -> BTreeSet<(String, String, u64)> {
    let mut counts: BTreeMap<(String, String), u64> = BTreeMap::new();
    let mut alerts = BTreeSet::new();
    for event in events {
        let customer = event["customerId"].as_str().unwrap();
        let payload: Value = serde_json::from_str(event["payload"].as_str().unwrap()).unwrap();
        for rule in rules {
            let owner = rule["customerId"].as_str().unwrap();
            if owner != customer && owner != "deadbeef-dead-beef-dead-beefdeadbeef" {
                continue;
            }
            let nodes = payload.query(rule["jsonPath"].as_str().unwrap()).unwrap();
            if nodes.into_iter().any(|node| {
                ![Value::Null, "".into(), Value::Array(vec![]), serde_json::json!({})].contains(node)
            }) {
                let alert = rule["alertId"].as_str().unwrap();
                let count = counts.entry((customer.to_owned(), alert.to_owned())).or_default();
                *count += 1;
                if *count == rule["threshold"].as_u64().unwrap() {
                    alerts.insert((customer.to_owned(), alert.to_owned(), *count));
                }
            }
        }
    }
    alerts
}
