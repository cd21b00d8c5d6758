//! The open-loop schedule: when each event is due, whatever the other side does.
//! Pure arithmetic in whole nanoseconds since the start; nothing here knows the clock. Event `i` is due at
//! `floor(i / rate)`, so rounding never adds up over a long run.

use std::num::NonZeroU64;
use std::time::Duration;

const NANOS_PER_SECOND: u128 = 1_000_000_000;

/// How many events, at which rate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schedule {
    rate: NonZeroU64,
    count: u64,
}

impl Schedule {
    /// The schedule of a run of this length.
    pub(crate) fn new(rate: NonZeroU64, duration: Duration) -> Self {
        let count = duration.as_nanos() * u128::from(rate.get()) / NANOS_PER_SECOND;
        Self { rate, count: u64::try_from(count).unwrap_or(u64::MAX) }
    }

    /// How many events the whole run has.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// When the event with this sequence number is due, after the start.
    pub(crate) fn due(&self, sequence: u64) -> Duration {
        let nanos = u128::from(sequence) * NANOS_PER_SECOND / u128::from(self.rate.get());
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// How many events are due at this time after the start: those with a smaller sequence number than the answer.
    pub(crate) fn due_by(&self, elapsed: Duration) -> u64 {
        // floor(i * second / rate) <= t  <=>  i * second < (t + 1) * rate
        let before = (elapsed.as_nanos() + 1) * u128::from(self.rate.get());
        u64::try_from(before.div_ceil(NANOS_PER_SECOND)).unwrap_or(u64::MAX).min(self.count)
    }
}

/// The first tick after `elapsed` when ticks are a whole `period` apart.
pub(crate) fn next_tick(elapsed: Duration, period: Duration) -> Duration {
    let period = period.as_nanos().max(1);
    let nanos = (elapsed.as_nanos() / period + 1) * period;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(rate: u64, seconds: u64) -> Schedule {
        Schedule::new(NonZeroU64::new(rate).expect("not zero"), Duration::from_secs(seconds))
    }

    #[test]
    fn rates_that_do_not_divide_a_second_do_not_drift() {
        let thirds = schedule(3, 3_600);
        assert_eq!(thirds.count(), 10_800);
        assert_eq!(thirds.due(1), Duration::from_nanos(333_333_333));
        assert_eq!(thirds.due(10_797), Duration::from_secs(3_599));
    }

    #[test]
    fn due_by_is_the_inverse_of_due() {
        for rate in [1, 3, 7, 999, 5_000, 1_000_003] {
            let schedule = schedule(rate, 10);
            for sequence in (0..schedule.count()).step_by(97) {
                let due = schedule.due(sequence);
                assert_eq!(schedule.due_by(due), sequence + 1, "rate {rate}, event {sequence}");
                if let Some(before) = due.checked_sub(Duration::from_nanos(1)) {
                    assert_eq!(schedule.due_by(before), sequence, "rate {rate}, just before {sequence}");
                }
            }
        }
    }

    #[test]
    fn nothing_is_due_after_the_last_event() {
        let schedule = schedule(5_000, 2);
        assert_eq!(schedule.due_by(Duration::ZERO), 1);
        assert_eq!(schedule.due_by(Duration::from_secs(60)), 10_000);
    }

    #[test]
    fn ticks_are_whole_periods() {
        let period = Duration::from_millis(10);
        assert_eq!(next_tick(Duration::ZERO, period), period);
        assert_eq!(next_tick(Duration::from_micros(9_999), period), period);
        assert_eq!(next_tick(period, period), Duration::from_millis(20));
    }
}
