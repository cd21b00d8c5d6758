//! Clocks: how far a customer's event time has come, one clock for each definition of event time.

use rules::Span;
use serde::{Deserialize, Serialize};

use crate::stream::Timestamp;

/// A stored clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Clock {
    /// The greatest event time; the watermark of the customer's rules with this definition.
    pub(crate) now: Timestamp,
    /// Whether an event's time could be read; until then the records' timestamps drive the clock.
    pub(crate) is_read: bool,
    /// The timestamp of the customer's last record.
    pub(crate) ingest: Timestamp,
    /// The ingestion clock of the partition when it was last set.
    pub(crate) set_at: Timestamp,
    /// Under which ingestion clock it stands in the index of silent customers.
    pub(crate) wakes_at: Option<Timestamp>,
    /// No timer is due before this; there may be none at it.
    pub(crate) next_timer: Option<Timestamp>,
}

impl Clock {
    pub(crate) fn new(now: Timestamp, ingest: Timestamp, set_at: Timestamp) -> Self {
        Self { now, is_read: false, ingest, set_at, wakes_at: None, next_timer: None }
    }

    /// This clock after rules with a clock of their own have joined it. Both have met the same events.
    pub(crate) fn joined(&self, own: &Self) -> Self {
        let last = if own.now > self.now { own } else { self };
        Self {
            now: last.now,
            is_read: self.is_read || own.is_read,
            ingest: self.ingest.max(own.ingest),
            set_at: last.set_at,
            wakes_at: self.wakes_at,
            next_timer: self.next_timer.into_iter().chain(own.next_timer).min(),
        }
    }

    /// Notes a new timer.
    pub(crate) fn expect(&mut self, due: Timestamp) {
        self.next_timer = Some(self.next_timer.map_or(due, |next| next.min(due)));
    }

    /// The ingestion clock at which a customer that stays silent makes the next timer due: the time that has passed since the
    /// clock was set counts, but for what it takes to call a customer silent.
    pub(crate) fn wake(&self, idle_after: Span) -> Option<Timestamp> {
        let missing = self.next_timer?.0.saturating_sub(self.now.0);
        Some(Timestamp(self.set_at.0.saturating_add(missing)).plus(idle_after))
    }

    /// Where a silent customer's clock has come to at an ingestion clock.
    pub(crate) fn silent(&self, ingestion: Timestamp, idle_after: Span) -> Timestamp {
        let passed = ingestion.minus(idle_after).0.saturating_sub(self.set_at.0);
        Timestamp(self.now.0.saturating_add(passed.max(0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_customer_wakes_when_its_next_timer_is_due() {
        let idle = Span::from_millis(60);
        let mut clock = Clock::new(Timestamp(1000), Timestamp(0), Timestamp(5000));
        assert_eq!(clock.wake(idle), None);
        clock.expect(Timestamp(1100));
        let wake = clock.wake(idle).unwrap();
        assert_eq!(wake, Timestamp(5160));
        assert_eq!(clock.silent(wake, idle), Timestamp(1100));
        assert_eq!(clock.silent(Timestamp(5159), idle), Timestamp(1099));
        // Not yet silent: no time has passed.
        assert_eq!(clock.silent(Timestamp(5030), idle), Timestamp(1000));
    }
}
