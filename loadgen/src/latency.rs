//! Latencies in an HdrHistogram: microseconds, three digits, up to ten minutes.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

const MICROS_MAX: u64 = 600_000_000;

/// A growing collection of latencies.
#[derive(Debug, Clone)]
pub(crate) struct Latencies(Histogram<u64>);

/// What is said of a collection, in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Summary {
    /// How many.
    pub(crate) count: u64,
    /// The arithmetic mean.
    pub(crate) mean_ms: f64,
    /// The median.
    pub(crate) p50_ms: f64,
    /// The 90th percentile.
    pub(crate) p90_ms: f64,
    /// The 99th percentile.
    pub(crate) p99_ms: f64,
    /// The 99.9th percentile.
    pub(crate) p999_ms: f64,
    /// The greatest.
    pub(crate) max_ms: f64,
}

impl Latencies {
    /// An empty collection.
    pub(crate) fn new() -> Self {
        Self(Histogram::new_with_bounds(1, MICROS_MAX, 3).expect("the bounds are valid"))
    }

    /// Adds one; what is beyond ten minutes counts as ten minutes.
    pub(crate) fn record(&mut self, latency: Duration) {
        self.0.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(MICROS_MAX));
    }

    /// Adds all of another collection.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.0.add(&other.0).expect("both have the same bounds");
    }

    /// The figures, or nothing if the collection is empty.
    pub(crate) fn summary(&self) -> Option<Summary> {
        let at = |quantile| millis(self.0.value_at_quantile(quantile));
        (!self.0.is_empty()).then(|| Summary {
            count: self.0.len(),
            mean_ms: self.0.mean() / 1_000.0,
            p50_ms: at(0.5),
            p90_ms: at(0.9),
            p99_ms: at(0.99),
            p999_ms: at(0.999),
            max_ms: millis(self.0.max()),
        })
    }
}

fn millis(micros: u64) -> f64 {
    Duration::from_micros(micros).as_secs_f64() * 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_one_to_a_thousand() {
        let mut latencies = Latencies::new();
        assert_eq!(latencies.summary(), None);
        for millis in 1..=1_000 {
            latencies.record(Duration::from_millis(millis));
        }
        let summary = latencies.summary().expect("is not empty");
        assert_eq!(summary.count, 1_000);
        for (found, wanted) in [(summary.p50_ms, 500.0), (summary.p99_ms, 990.0), (summary.max_ms, 1_000.0)] {
            assert!((found - wanted).abs() <= wanted * 0.001, "{found} is not {wanted}");
        }
    }

    #[test]
    fn beyond_the_range_is_kept_at_its_end() {
        let mut latencies = Latencies::new();
        latencies.record(Duration::from_secs(3_600));
        assert!(latencies.summary().expect("is not empty").max_ms >= 600_000.0);
    }
}
