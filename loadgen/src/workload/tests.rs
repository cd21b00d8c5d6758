//! The truth of a workload, found again from its bytes by a plain walk that shares no code with it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::bodies::Bodies;
use super::event::Writer;
use super::*;

fn workload(seed: u64, customers: u32, rules: u32, events: u64) -> Workload {
    Workload::new(Settings {
        seed,
        run: Uuid::from_u128(42),
        customers,
        rules,
        probe_every: NonZeroU64::new(10).expect("not zero"),
        schedule: Schedule::new(NonZeroU64::new(events).expect("not zero"), Duration::from_secs(1)),
    })
}

fn envelopes(workload: &Workload, kind: &str) -> Vec<String> {
    let bodies = Bodies::named(kind, workload.settings.seed).expect("a known workload");
    let mut writer = Writer::new(workload, &bodies);
    (0..workload.schedule().count())
        .map(|sequence| {
            let mut envelope = String::new();
            writer.append(sequence, &mut envelope);
            envelope
        })
        .collect()
}

/// Which alerts the events cause, and by which event: counts per rule, nothing clever.
fn brute_force(rules: &[Rule], envelopes: &[String]) -> BTreeSet<(String, String, u64)> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    let alert_ids: Vec<String> = rules.iter().map(|rule| rule.alert_id.to_string()).collect();
    let mut alerts = BTreeSet::new();
    for (sequence, envelope) in (0..).zip(envelopes) {
        let envelope: Value = serde_json::from_str(envelope).expect("the envelope is JSON");
        let customer = envelope["customerId"].as_str().expect("has a customer");
        let payload: Value =
            serde_json::from_str(envelope["payload"].as_str().expect("the payload is a string"))
                .expect("the payload is JSON");
        assert_eq!(payload["sequence"], sequence);
        for (rule, alert_id) in rules.iter().zip(&alert_ids) {
            let wanted = rule.json_path.split('\'').nth(1).expect("the path quotes a name");
            let nodes = payload["probes"]
                .as_array()
                .expect("has probes")
                .iter()
                .filter(|probe| probe["name"] == wanted);
            if rule.customer_id.to_string() == customer && nodes.count() > 0 {
                let count = counts.entry(alert_id).or_default();
                *count += 1;
                if *count == rule.threshold {
                    alerts.insert((customer.to_owned(), alert_id.clone(), sequence));
                }
            }
        }
    }
    alerts
}

#[test]
fn expected_alerts_are_those_of_a_plain_walk() {
    for (seed, customers, rules, events) in
        [(1, 5, 7, 2_000), (2, 1, 3, 300), (3, 40, 6, 1_500), (4, 3, 1, 50)]
    {
        let workload = workload(seed, customers, rules, events);
        let expected: BTreeSet<(String, String, u64)> = workload
            .expected()
            .iter()
            .map(|alert| (alert.customer_id.to_string(), alert.alert_id.to_string(), alert.cause))
            .collect();
        assert!(!expected.is_empty());
        assert_eq!(expected, brute_force(workload.rules(), &envelopes(&workload, "audit")), "seed {seed}");
    }
}

#[test]
fn equal_settings_make_equal_bytes() {
    assert_eq!(envelopes(&workload(7, 5, 2, 200), "webhook"), envelopes(&workload(7, 5, 2, 200), "webhook"));
    assert_ne!(envelopes(&workload(7, 5, 2, 200), "audit"), envelopes(&workload(8, 5, 2, 200), "audit"));
}

#[test]
fn another_run_has_other_customers_at_the_same_events() {
    let one = workload(7, 5, 2, 200);
    let two = Workload::new(Settings { run: Uuid::from_u128(43), ..one.settings });
    assert_ne!(one.customers[0].id, two.customers[0].id);
    let causes = |workload: &Workload| workload.expected.iter().map(|alert| alert.cause).collect::<Vec<_>>();
    assert_eq!(causes(&one), causes(&two));
}

#[test]
fn events_have_the_size_they_claim() {
    let mean = |kind| {
        let envelopes = envelopes(&workload(1, 5, 2, 500), kind);
        envelopes.iter().map(String::len).sum::<usize>() / envelopes.len()
    };
    let (audit, webhook) = (mean("audit"), mean("webhook"));
    assert!((700..1_100).contains(&audit), "audit events have {audit} bytes");
    assert!((9_000..12_000).contains(&webhook), "webhook events have {webhook} bytes");
}

#[test]
fn last_threshold_needs_every_event_and_the_sentinel_one_more() {
    assert_eq!(thresholds(10, 3), [3, 6, 10, 11]);
    assert_eq!(thresholds(2, 3), [1, 2, 3, 4]);
    assert_eq!(thresholds(0, 2), [1, 2, 3]);
}
