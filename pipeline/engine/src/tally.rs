//! What the groups of a rule share: how many there are, and how much was told in the hour.

use serde::{Deserialize, Serialize};

use crate::stream::Timestamp;

/// The length of an hour, in milliseconds.
const HOUR: i64 = 3_600_000;

/// What the groups of one rule of one customer share.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Tally {
    /// How many groups have state.
    pub(crate) groups: u64,
    /// The hour of the clock that the rest is about, in hours since 1970.
    hour: i64,
    /// How many records were told.
    told: u64,
    /// How many records were withheld, and events of groups refused.
    withheld: u64,
    /// The first and the last event time of those.
    seen: Option<(Timestamp, Timestamp)>,
    /// The clock of the last summary.
    pub(crate) summarised: Option<Timestamp>,
    /// When ids of events are forgotten next.
    pub(crate) forgets: Option<Timestamp>,
}

impl Tally {
    fn turn(&mut self, clock: Timestamp) {
        let hour = clock.0.div_euclid(HOUR);
        // A summary that is still due keeps its hour until it is told.
        if self.hour != hour && self.withheld == 0 {
            (self.hour, self.told) = (hour, 0);
        }
    }

    /// Counts a record; answers whether it may be told.
    pub(crate) fn tell(&mut self, clock: Timestamp, at: Timestamp, max_per_hour: u32) -> bool {
        self.turn(clock);
        if self.told < u64::from(max_per_hour) {
            self.told += 1;
            return true;
        }
        self.withhold(clock, at);
        false
    }

    /// Counts what is not told: a record, or an event that was refused because its group would be one too many.
    pub(crate) fn withhold(&mut self, clock: Timestamp, at: Timestamp) {
        self.turn(clock);
        self.withheld += 1;
        self.seen = Some(self.seen.map_or((at, at), |(first, last)| (first.min(at), last.max(at))));
    }

    /// When the hour's summary is due, if there is one.
    pub(crate) fn summary_due(&self) -> Option<Timestamp> {
        (self.withheld > 0).then(|| Timestamp(self.hour.saturating_add(1).saturating_mul(HOUR)))
    }

    /// Takes the hour's summary: how many were withheld, and their first and last event time.
    pub(crate) fn summarise(&mut self, clock: Timestamp) -> Option<(u64, Timestamp, Timestamp)> {
        let (first, last) = self.seen.take()?;
        let withheld = std::mem::take(&mut self.withheld);
        (self.told, self.hour) = (0, self.hour.saturating_add(1));
        self.summarised = Some(clock);
        Some((withheld, first, last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_has_so_many_records_and_one_summary() {
        let mut tally = Tally::default();
        let minute = |minute: i64| Timestamp(minute * 60_000);
        let told: Vec<_> = (0..4).map(|at| tally.tell(minute(at), minute(at), 2)).collect();
        assert_eq!(told, [true, true, false, false]);
        assert_eq!(tally.summary_due(), Some(Timestamp(HOUR)));
        assert_eq!(tally.summarise(Timestamp(HOUR)), Some((2, minute(2), minute(3))));
        assert_eq!((tally.summary_due(), tally.summarise(Timestamp(HOUR))), (None, None));
        assert!(tally.tell(Timestamp(HOUR), minute(60), 2));
    }
}
