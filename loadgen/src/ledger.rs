//! The ledger: expected alerts on one page, seen ones on the other.
//! Pure; times are given as the distance from the start of the run.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::latency::Latencies;
use crate::workload::Workload;

/// How many examples of a fault are kept.
const EXAMPLES_MAX: usize = 10;

/// The part of an alert record that matters here.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Alert {
    customer_id: String,
    alert_id: String,
    state: String,
}

/// What the comparison found. A run is exact if `lost` and `extra()` are zero.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Verdict {
    /// Alerts that had to come.
    pub(crate) expected: u64,
    /// Of these, alerts that came.
    pub(crate) seen: u64,
    /// Of these, alerts that did not.
    pub(crate) lost: u64,
    /// Alerts that came again.
    pub(crate) repeated: u64,
    /// Alerts for our customers that no event justifies, or in another state than firing.
    pub(crate) unexpected: u64,
    /// Alerts read before the event that would justify them was due.
    pub(crate) early: u64,
    /// Alerts of customers that are not ours; not a fault.
    pub(crate) foreign: u64,
    /// Some of the faults, in words.
    pub(crate) examples: Vec<String>,
}

impl Verdict {
    /// All that should not have come.
    pub(crate) fn extra(&self) -> u64 {
        self.repeated + self.unexpected + self.early
    }

    /// Whether exactly the expected alerts came.
    pub(crate) fn exact(&self) -> bool {
        self.lost == 0 && self.extra() == 0
    }

    fn note(&mut self, text: impl FnOnce() -> String) {
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(text());
        }
    }
}

/// Compares alerts as they come with those that must come.
#[derive(Debug)]
pub(crate) struct Ledger<'w> {
    workload: &'w Workload,
    warmup: Duration,
    customers: HashSet<Uuid>,
    positions: HashMap<(Uuid, Uuid), usize>,
    seen: Vec<bool>,
    latencies: Latencies,
    verdict: Verdict,
}

impl<'w> Ledger<'w> {
    /// An empty ledger; alerts caused before `warmup` are left out of the latencies.
    pub(crate) fn new(workload: &'w Workload, warmup: Duration) -> Self {
        let expected = workload.expected();
        let total = u64::try_from(expected.len()).expect("a length fits 64 bits");
        Self {
            workload,
            warmup,
            customers: workload.customers().iter().map(|customer| customer.id).collect(),
            positions: (0..)
                .zip(expected)
                .map(|(at, alert)| ((alert.customer_id, alert.alert_id), at))
                .collect(),
            seen: vec![false; expected.len()],
            latencies: Latencies::new(),
            verdict: Verdict { expected: total, lost: total, ..Verdict::default() },
        }
    }

    /// Enters an alert that was read at this time after the start; `None` is a time before it.
    pub(crate) fn enter(&mut self, alert: &Alert, at: Option<Duration>) {
        let Some(customer) = parsed(&alert.customer_id).filter(|customer| self.customers.contains(customer))
        else {
            self.verdict.foreign += 1;
            return;
        };
        let name = || format!("{}/{} {}", alert.customer_id, alert.alert_id, alert.state);
        let position = parsed(&alert.alert_id).and_then(|alert| self.positions.get(&(customer, alert)));
        let Some(&position) = position.filter(|_| alert.state == "firing") else {
            self.verdict.unexpected += 1;
            self.verdict.note(|| format!("unexpected: {}", name()));
            return;
        };
        let expected = &self.workload.expected()[position];
        if self.seen[position] {
            self.verdict.repeated += 1;
            self.verdict.note(|| format!("repeated: {}", name()));
            return;
        }
        self.seen[position] = true;
        self.verdict.seen += 1;
        self.verdict.lost -= 1;
        match at.and_then(|at| at.checked_sub(expected.due)) {
            None => {
                self.verdict.early += 1;
                self.verdict
                    .note(|| format!("early: {} came before event {} was due", name(), expected.cause));
            },
            Some(latency) if expected.due >= self.warmup => self.latencies.record(latency),
            Some(_) => {},
        }
    }

    /// How many of the expected alerts have come.
    pub(crate) fn seen(&self) -> u64 {
        self.verdict.seen
    }

    /// Whether every expected alert has come.
    pub(crate) fn complete(&self) -> bool {
        self.verdict.lost == 0
    }

    /// The result, with the lost alerts named.
    pub(crate) fn close(mut self) -> (Verdict, Latencies) {
        for (alert, seen) in self.workload.expected().iter().zip(&self.seen) {
            if !seen {
                self.verdict.note(|| {
                    format!("lost: {}/{}, due to event {}", alert.customer_id, alert.alert_id, alert.cause)
                });
            }
        }
        (self.verdict, self.latencies)
    }
}

fn parsed(id: &str) -> Option<Uuid> {
    Uuid::try_parse(id).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Schedule;
    use crate::workload::Settings;
    use std::num::NonZeroU64;

    fn workload() -> Workload {
        Workload::new(Settings {
            seed: 1,
            run: Uuid::from_u128(1),
            customers: 2,
            rules: 2,
            probe_every: NonZeroU64::new(5).expect("not zero"),
            schedule: Schedule::new(NonZeroU64::new(10).expect("not zero"), Duration::from_secs(10)),
        })
    }

    fn alert(customer: Uuid, alert: Uuid) -> Alert {
        Alert { customer_id: customer.to_string(), alert_id: alert.to_string(), state: "firing".to_owned() }
    }

    #[test]
    fn all_in_time_is_exact_and_measured_from_the_schedule() {
        let workload = workload();
        let mut ledger = Ledger::new(&workload, Duration::ZERO);
        for expected in workload.expected() {
            let alert = alert(expected.customer_id, expected.alert_id);
            ledger.enter(&alert, Some(expected.due + Duration::from_millis(7)));
        }
        assert!(ledger.complete());
        let (verdict, latencies) = ledger.close();
        assert!(verdict.exact());
        assert_eq!((verdict.expected, verdict.seen), (4, 4));
        let summary = latencies.summary().expect("has latencies");
        assert!((6.99..7.01).contains(&summary.p50_ms), "{}", summary.p50_ms);
    }

    #[test]
    fn every_fault_has_its_count() {
        let workload = workload();
        let [first, second, ..] = workload.expected() else { panic!("has expected alerts") };
        let mut ledger = Ledger::new(&workload, Duration::ZERO);
        let good = alert(first.customer_id, first.alert_id);
        ledger.enter(&good, Some(first.due));
        ledger.enter(&good, Some(first.due));
        ledger.enter(&Alert { state: "resolved".to_owned(), ..good.clone() }, Some(first.due));
        ledger.enter(&alert(second.customer_id, second.alert_id), None);
        ledger.enter(&alert(first.customer_id, Uuid::from_u128(9)), Some(first.due));
        ledger.enter(&alert(Uuid::from_u128(9), first.alert_id), Some(first.due));
        let (verdict, _) = ledger.close();
        assert_eq!((verdict.seen, verdict.lost), (2, 2));
        assert_eq!((verdict.repeated, verdict.unexpected, verdict.early, verdict.foreign), (1, 2, 1, 1));
        assert_eq!(verdict.extra(), 4);
        assert_eq!(verdict.examples.len(), 6);
    }

    #[test]
    fn warm_up_is_left_out_of_the_latencies_only() {
        let workload = workload();
        let mut ledger = Ledger::new(&workload, Duration::from_secs(100));
        for expected in workload.expected() {
            ledger.enter(&alert(expected.customer_id, expected.alert_id), Some(expected.due));
        }
        let (verdict, latencies) = ledger.close();
        assert!(verdict.exact());
        assert_eq!(latencies.summary(), None);
    }
}
