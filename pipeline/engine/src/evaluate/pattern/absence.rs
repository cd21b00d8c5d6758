//! Absence: a start without an end before its deadline.

use rules::Span;

use super::Placed;
use crate::stream::Timestamp;

const START: usize = 0;
const END: usize = 1;

/// The first start among the events that has no end before its deadline.
pub(super) fn open(within: Span, events: &[Placed]) -> Option<(Timestamp, u64)> {
    events.iter().fold(None, |open, event| next(within, open, event))
}

/// The same as [`open`] with one more event behind all others, from what it was without.
pub(super) fn next(within: Span, open: Option<(Timestamp, u64)>, event: &Placed) -> Option<(Timestamp, u64)> {
    if open.is_some_and(|(began, _)| event.place.0 >= began.plus(within)) {
        return open;
    }
    // An event that is end and start ends first.
    let left = open.filter(|_| !event.step.event.until && !event.serves(END));
    left.or_else(|| event.serves(START).then_some(event.place))
}
