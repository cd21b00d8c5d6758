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
    pub(crate) fn tell(&mut self, clock: Timestamp, max_per_hour: Option<u32>) -> bool {
        self.turn(clock);
        let Some(max) = max_per_hour else { return true };
        if self.told < u64::from(max) {
            self.told += 1;
            return true;
        }
        self.withheld += 1;
        false
    }

    /// Counts an event that was refused because its group would be one too many.
    pub(crate) fn refuse(&mut self, clock: Timestamp) {
        self.turn(clock);
        self.withheld += 1;
    }

    /// When the hour's summary is due, if there is one.
    pub(crate) fn summary_due(&self) -> Option<Timestamp> {
        (self.withheld > 0).then(|| Timestamp(self.hour.saturating_add(1).saturating_mul(HOUR)))
    }

    /// Takes the hour's summary: how many were withheld.
    pub(crate) fn summarise(&mut self) -> u64 {
        let withheld = std::mem::take(&mut self.withheld);
        (self.told, self.hour) = (0, self.hour.saturating_add(1));
        withheld
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_has_so_many_records_and_one_summary() {
        let mut tally = Tally::default();
        let told: Vec<_> = (0..4).map(|minute| tally.tell(Timestamp(minute * 60_000), Some(2))).collect();
        assert_eq!(told, [true, true, false, false]);
        assert_eq!(tally.summary_due(), Some(Timestamp(HOUR)));
        assert_eq!((tally.summarise(), tally.summary_due()), (2, None));
        assert!(tally.tell(Timestamp(HOUR), Some(2)));
    }

    #[test]
    fn without_a_limit_everything_is_told() {
        let mut tally = Tally::default();
        assert!((0..100).all(|_| tally.tell(Timestamp(0), None)));
        assert_eq!(tally.summary_due(), None);
    }
}
