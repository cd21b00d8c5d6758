//! Sequences: the steps one after the other, other events between them.

use rules::Pattern;

use super::progress::{follow, needed};
use super::{Completion, Placed};
use crate::stream::Timestamp;

/// The first completion. Among the candidates that one event completes, the latest start wins.
pub(super) fn completion(pattern: &Pattern, events: &[Placed]) -> Option<Completion> {
    let needed: Vec<usize> = needed(pattern).collect();
    let mut starts: Vec<Option<Timestamp>> = vec![None; needed.len()];
    for (at, event) in events.iter().enumerate() {
        follow(&mut starts, &needed, pattern.within, event);
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
