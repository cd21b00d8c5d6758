//! Sequences: the steps one after the other, other events between them.

use rules::Pattern;

use super::{Completion, Placed};
use crate::stream::Timestamp;

/// The first completion. Among the candidates that one event completes, the latest start wins.
///
/// For every number of events that a sequence needs, the latest start of those that have come so far is kept: a later
/// start can do all that an earlier one can, and is within the time for longer.
pub(super) fn completion(pattern: &Pattern, events: &[Placed]) -> Option<Completion> {
    let needed: Vec<usize> = (0..)
        .zip(&pattern.steps)
        .flat_map(|(step, of)| std::iter::repeat_n(step, of.min.unwrap_or(1).max(1) as usize))
        .collect();
    let mut starts: Vec<Option<Timestamp>> = vec![None; needed.len()];
    for (at, event) in events.iter().enumerate() {
        // From the end, so that one event serves one step.
        for (index, step) in needed.iter().enumerate().rev() {
            if !event.serves(*step) {
                continue;
            }
            let start = match index.checked_sub(1) {
                None => Some(event.place.0),
                Some(before) => starts[before]
                    .filter(|start| pattern.within.is_none_or(|within| event.place.0 < start.plus(within))),
            };
            starts[index] = starts[index].max(start);
        }
        if starts.last().is_some_and(Option::is_some) {
            return Some(Completion { events: taken(&needed, &events[..=at]), place: event.place });
        }
    }
    None
}

/// The events of the sequence that ends with the last one: from the end backwards, each place is taken by the latest
/// event that can.
fn taken(needed: &[usize], events: &[Placed]) -> Vec<Placed> {
    let mut before = events.iter().rev();
    let mut taken: Vec<Placed> =
        needed.iter().rev().filter_map(|step| before.find(|event| event.serves(*step)).cloned()).collect();
    taken.reverse();
    taken
}
