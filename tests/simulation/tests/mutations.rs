//! The auditor can fail: each world that is broken on purpose is found out within a stated number of seeds.
#![allow(clippy::print_stdout, reason = "a test tells its seeds and what it did")]

use simulated::Mutation;
use simulation::{Scenario, run, scenario};

/// Within how many seeds each must be found. They take a few at most; the bounds are there to tell when that changes.
const SEEDS_MAX: u64 = 60;

fn found(mutation: Mutation) -> Option<(u64, String)> {
    (1..=SEEDS_MAX).find_map(|seed| {
        let broken = Scenario { mutation: Some(mutation), ..scenario(seed) };
        let (_, wrong) = run(&broken);
        Some((seed, wrong.into_iter().next()?))
    })
}

#[test]
fn every_broken_world_is_found_out() {
    let mut missed = Vec::new();
    for mutation in Mutation::ALL {
        match found(mutation) {
            Some((seed, what)) => println!("{mutation:?}: seed {seed}: {what}"),
            None => missed.push(mutation),
        }
    }
    assert!(missed.is_empty(), "not found within {SEEDS_MAX} seeds: {missed:?}");
}
