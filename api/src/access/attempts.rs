//! How often tokens that do not exist may be tried from one place.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Source;

/// So many tries may come at once.
const BURST: u32 = 20;
/// After so long one more may come.
const REFILL: Duration = Duration::from_secs(1);
/// How many places are remembered; all further ones count as one.
const PLACES_MAX: usize = 10_000;

/// Failed tries, by place. A place whose tries have all been given back is forgotten.
#[derive(Default)]
pub(super) struct Attempts(Mutex<HashMap<Option<IpAddr>, Spent>>);

/// Up to when the tries of a place are used up: each moves it by one refill.
#[derive(Clone, Copy)]
struct Spent {
    until: Instant,
}

impl Attempts {
    /// After how many seconds a token that is not known may be tried again from there; none if it may now.
    pub(super) fn refused(&self, source: Source, now: Instant) -> Option<u32> {
        let places = self.places();
        let spent = places.get(&Some(source.place())).or_else(|| {
            let full = places.len() >= PLACES_MAX;
            full.then(|| places.get(&None)).flatten()
        })?;
        let ahead = spent.until.saturating_duration_since(now);
        let over = ahead.saturating_sub(REFILL * (BURST - 1));
        (!over.is_zero()).then(|| u32::try_from(over.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX))
    }

    /// Counts a try that failed.
    pub(super) fn failed(&self, source: Source, now: Instant) {
        let mut places = self.places();
        if places.len() >= PLACES_MAX {
            places.retain(|_, spent| spent.until > now);
        }
        let place = Some(source.place());
        let place = if places.len() < PLACES_MAX || places.contains_key(&place) { place } else { None };
        let spent = places.entry(place).or_insert(Spent { until: now });
        spent.until = spent.until.max(now) + REFILL;
    }

    fn places(&self) -> MutexGuard<'_, HashMap<Option<IpAddr>, Spent>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(number: u32) -> Source {
        Source(IpAddr::V4(number.into()))
    }

    #[test]
    fn a_burst_is_let_through_and_then_one_a_second() {
        let (attempts, begin) = (Attempts::default(), Instant::now());
        for _ in 0..BURST {
            assert_eq!(attempts.refused(from(1), begin), None);
            attempts.failed(from(1), begin);
        }
        assert_eq!(attempts.refused(from(1), begin), Some(1));
        assert_eq!(attempts.refused(from(2), begin), None, "another place");
        let later = begin + REFILL + Duration::from_millis(1);
        assert_eq!(attempts.refused(from(1), later), None);
        attempts.failed(from(1), later);
        assert!(attempts.refused(from(1), later).is_some());
    }

    #[test]
    fn very_many_places_take_bounded_memory_and_are_limited_together() {
        let (attempts, begin) = (Attempts::default(), Instant::now());
        for number in 0..u32::try_from(PLACES_MAX).unwrap() + 100 {
            attempts.failed(from(number), begin);
        }
        assert_eq!(attempts.places().len(), PLACES_MAX + 1);
        assert!(attempts.refused(from(u32::MAX), begin).is_some());
        assert_eq!(attempts.refused(from(1), begin), None, "who is known has tries of its own");
        attempts.failed(from(u32::MAX), begin + Duration::from_secs(200));
        assert!(attempts.places().len() < 3);
    }
}
