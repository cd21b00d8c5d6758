//! Clocks: how far a customer's event time has come, one clock for each definition of event time.

use serde::{Deserialize, Serialize};

use crate::stream::Timestamp;

/// A stored clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Clock {
    /// The greatest event time; the watermark of the customer's rules with this definition.
    pub(crate) now: Timestamp,
    /// The timestamp of the customer's last record.
    pub(crate) ingest: Timestamp,
    /// No timer is due before this; there may be none at it.
    pub(crate) next_timer: Option<Timestamp>,
}

impl Clock {
    pub(crate) fn new(now: Timestamp, ingest: Timestamp) -> Self {
        Self { now, ingest, next_timer: None }
    }

    /// Notes a new timer.
    pub(crate) fn expect(&mut self, due: Timestamp) {
        self.next_timer = Some(self.next_timer.map_or(due, |next| next.min(due)));
    }
}
