//! Absence: a start without an end before its deadline.

use rules::{Pattern, Span};

use super::Placed;
use crate::stream::Timestamp;

const START: usize = 0;
const END: usize = 1;

/// A start whose end has not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Open {
    pub(super) began: Timestamp,
    pub(super) deadline: Timestamp,
}

/// The first start among the events that has no end before its deadline.
pub(super) fn open(pattern: &Pattern, within: Span, events: &[Placed]) -> Option<Open> {
    let needed = |step: usize| pattern.steps.get(step).and_then(|step| step.min).unwrap_or(1).max(1);
    let mut open: Option<Open> = None;
    let (mut starts, mut ends) = (0, 0);
    for event in events {
        if open.is_some_and(|open| event.place.0 >= open.deadline) {
            return open;
        }
        if event.step.event.until {
            (open, starts, ends) = (None, 0, 0);
        }
        // An event that is end and start ends first.
        if event.serves(END) && open.is_some() {
            ends += 1;
            if ends >= needed(END) {
                (open, starts, ends) = (None, 0, 0);
            }
        }
        if event.serves(START) && open.is_none() {
            starts += 1;
            if starts >= needed(START) {
                open = Some(Open { began: event.place.0, deadline: event.place.0.plus(within) });
                (starts, ends) = (0, 0);
            }
        }
    }
    open
}
