//! Sends the workload when it is due, over HTTP or to Kafka, and notes how far behind its schedule it was.
//! Open loop: a slow other side never slows the schedule. What could not be sent in time is sent as soon as possible
//! and its delay counts as latency.

pub(crate) mod http;
pub(crate) mod kafka;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::latency::Latencies;
use crate::schedule::next_tick;
use crate::workload::Workload;
use crate::workload::bodies::Bodies;

/// An event counts as late when it leaves this much after it should have.
const LATE_AFTER: Duration = Duration::from_millis(10);
/// The longest sleep, so that a stop is noticed.
const SLEEP_MAX: Duration = Duration::from_millis(100);

/// What every sender is given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Job<'j> {
    /// What to send.
    pub(crate) workload: &'j Workload,
    /// The long part of the events.
    pub(crate) bodies: &'j Bodies,
    /// When the schedule starts.
    pub(crate) start: Instant,
    /// How long events may be collected before they leave.
    pub(crate) period: Duration,
    /// Set when the run has failed elsewhere.
    pub(crate) stop: &'j AtomicBool,
}

impl Job<'_> {
    /// Sleeps until the first tick at which the event `next` is due; the time after the start then, or nothing if the
    /// run was stopped.
    fn wait_for(&self, next: u64) -> Option<Duration> {
        let due = self.workload.schedule().due(next);
        // An event due exactly at a tick leaves with it.
        let tick = next_tick(due.saturating_sub(Duration::from_nanos(1)), self.period);
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return None;
            }
            let now = Instant::now();
            match (self.start + tick).checked_duration_since(now) {
                Some(left) if !left.is_zero() => std::thread::sleep(left.min(SLEEP_MAX)),
                _ => return Some(now.saturating_duration_since(self.start)),
            }
        }
    }
}

/// What a sender did.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    /// Events that the other side confirmed.
    pub(crate) events: u64,
    /// Bytes of their envelopes.
    pub(crate) bytes: u64,
    /// Requests, for HTTP.
    pub(crate) batches: u64,
    /// Requests that were asked to come again later.
    pub(crate) retries: u64,
    /// How long the other side took to confirm a batch.
    pub(crate) answers: Latencies,
    /// Events that left late.
    pub(crate) late: u64,
    /// The greatest delay of an event against the tick it should have left at.
    pub(crate) behind_max: Duration,
    /// When the last confirmation came, after the start.
    pub(crate) finished: Duration,
}

impl Sent {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            events: 0,
            bytes: 0,
            batches: 0,
            retries: 0,
            answers: Latencies::new(),
            late: 0,
            behind_max: Duration::ZERO,
            finished: Duration::ZERO,
        }
    }

    /// Notes that an event that was due then, and could be held back for `period`, leaves now.
    fn leave(&mut self, due: Duration, period: Duration, now: Duration) {
        let behind = now.saturating_sub(due + period);
        self.behind_max = self.behind_max.max(behind);
        self.late += u64::from(behind > LATE_AFTER);
    }

    /// Adds what another sender of the same run did.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.events += other.events;
        self.bytes += other.bytes;
        self.batches += other.batches;
        self.retries += other.retries;
        self.answers.merge(&other.answers);
        self.late += other.late;
        self.behind_max = self.behind_max.max(other.behind_max);
        self.finished = self.finished.max(other.finished);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collecting_is_not_being_late_but_is_noted_beyond_its_time() {
        let millis = Duration::from_millis;
        let mut sent = Sent::new();
        sent.leave(millis(100), millis(10), millis(109));
        assert_eq!((sent.late, sent.behind_max), (0, Duration::ZERO));
        sent.leave(millis(100), millis(10), millis(120));
        assert_eq!((sent.late, sent.behind_max), (0, millis(10)));
        sent.leave(millis(100), millis(10), millis(121));
        assert_eq!((sent.late, sent.behind_max), (1, millis(11)));
    }
}
