//! Makes a failing scenario shorter: fewer faults, fewer things from outside, fewer workers, as long as it still fails.

use simulated::Faults;

use crate::scenario::Scenario;
use crate::{Played, run};

/// So many shorter scenarios are tried.
const TRIES_MAX: usize = 400;

/// A scenario that fails, as short as could be found, with its run and what is wrong with it.
pub fn minimise(failing: &Scenario) -> (Scenario, Played, Vec<String>) {
    let (played, wrong) = run(failing);
    let faults = played.injected.iter().map(|(call, _, fault)| (*call, *fault)).collect();
    let mut best = Scenario { faults: Faults::Listed(faults), ..failing.clone() };
    let wanted = wrong.first().map(|what| kind(what)).unwrap_or_default();
    let mut told = (played, wrong);
    let mut tries = 0;
    let mut attempt = |candidate: Scenario, best: &mut Scenario, told: &mut (Played, Vec<String>)| {
        tries += 1;
        if tries > TRIES_MAX {
            return false;
        }
        let outcome = run(&candidate);
        let fails = outcome.1.first().is_some_and(|what| kind(what) == wanted);
        if fails {
            (*best, *told) = (candidate, outcome);
        }
        fails
    };
    let mut size = usize::MAX;
    while weight(&best) < size {
        size = weight(&best);
        for workers in 1..best.workers {
            if attempt(Scenario { workers, ..best.clone() }, &mut best, &mut told) {
                break;
            }
        }
        shorten(&mut best, &mut told, &mut attempt, fault_count, without_faults);
        shorten(&mut best, &mut told, &mut attempt, |scenario| scenario.items.len(), without_items);
    }
    (best, told.0, told.1)
}

/// What a failure is about, without numbers: shorter scenarios must fail in the same way.
fn kind(what: &str) -> String {
    what.chars().filter(|c| !c.is_ascii_digit()).take(40).collect()
}

type Attempt<'a> = dyn FnMut(Scenario, &mut Scenario, &mut (Played, Vec<String>)) -> bool + 'a;

/// Leaves out ever smaller parts of a list.
fn shorten(
    best: &mut Scenario,
    told: &mut (Played, Vec<String>),
    attempt: &mut Attempt<'_>,
    count: impl Fn(&Scenario) -> usize,
    without: impl Fn(&Scenario, usize, usize) -> Scenario,
) {
    let mut part = count(best).div_ceil(2);
    while part > 0 {
        let mut from = 0;
        while from < count(best) {
            let candidate = without(best, from, part);
            if !attempt(candidate, best, told) {
                from += part;
            }
        }
        part /= 2;
    }
}

fn fault_count(scenario: &Scenario) -> usize {
    match &scenario.faults {
        Faults::Listed(list) => list.len(),
        Faults::None | Faults::Random(_) => 0,
    }
}

fn weight(scenario: &Scenario) -> usize {
    fault_count(scenario) + scenario.items.len() + scenario.workers as usize
}

fn without_faults(scenario: &Scenario, from: usize, count: usize) -> Scenario {
    let Faults::Listed(list) = &scenario.faults else { return scenario.clone() };
    let kept = list.iter().enumerate().filter(|(index, _)| *index < from || *index >= from + count);
    let faults = Faults::Listed(kept.map(|(_, (call, fault))| (*call, *fault)).collect());
    Scenario { faults, ..scenario.clone() }
}

fn without_items(scenario: &Scenario, from: usize, count: usize) -> Scenario {
    let mut items = scenario.items.clone();
    items.drain(from..(from + count).min(items.len()));
    Scenario { items, ..scenario.clone() }
}
