//! What must be true of the oracle itself, over random rules and histories.
#![allow(clippy::unwrap_used, reason = "tests panic when something is wrong")]

use std::collections::BTreeMap;

use oracle::generate::case;

#[test]
fn every_construct_is_met() {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for seed in 0..3000 {
        let case = case(seed);
        for record in oracle::evaluate(&case.rules, &case.history) {
            *counts.entry(record["state"].as_str().unwrap().to_owned()).or_default() += 1;
            if record["late"] == true {
                *counts.entry("late".to_owned()).or_default() += 1;
            }
        }
    }
    println!("{counts:?}");
    for state in ["firing", "updated", "resolved", "suppressed", "late"] {
        assert!(counts.get(state).is_some_and(|count| *count > 50), "{state}: {counts:?}");
    }
}
