//! `all` and `atLeast`: so many of the steps within the trailing time, in any order.

use std::collections::HashSet;

use rules::{Pattern, PatternStep};

use super::{Completion, Placed};
use crate::scalar::Hash;

/// The first completion: the first event at which that many steps have what they need.
pub(super) fn completion(pattern: &Pattern, steps: usize, events: &[Placed]) -> Option<Completion> {
    let mut first = 0;
    for (index, event) in events.iter().enumerate() {
        let inside = |earlier: &Placed| {
            pattern.within.is_none_or(|within| event.place.0 < earlier.place.0.plus(within))
        };
        while !inside(&events[first]) {
            first += 1;
        }
        let window = &events[first..=index];
        let served = pattern.steps.iter().enumerate();
        let served = served.filter(|(step, of)| is_served(*step, of, pattern, window)).count();
        if served >= steps {
            return Some(Completion { events: window.to_vec(), place: event.place });
        }
    }
    None
}

/// How many events or ids a step needs; `announces` tells whether any step announces, `announced` what was announced last.
pub(super) fn needed(of: &PatternStep, announces: bool, announced: Option<u64>) -> u64 {
    match of.min {
        Some(min) => u64::from(min),
        // Without an announcement nothing is expected yet, and the announcing step itself is not served.
        None if announces && of.expected_count_path.is_none() => announced.unwrap_or(1),
        None => 1,
    }
}

fn is_served(step: usize, of: &PatternStep, pattern: &Pattern, window: &[Placed]) -> bool {
    let announces = pattern.steps.iter().any(|step| step.expected_count_path.is_some());
    let announced = window.iter().rev().find_map(|event| event.step.event.expected);
    let needed = needed(of, announces, announced);
    let serving = window.iter().filter(|event| event.serves(step));
    let found = if of.entity_path.is_some() {
        let ids = serving.flat_map(|event| &event.step.event.entities);
        let ids = ids.filter(|(of, _)| usize::from(*of) == step).flat_map(|(_, ids)| ids);
        ids.collect::<HashSet<&Hash>>().len() as u64
    } else {
        serving.count() as u64
    };
    found >= needed
}
