//! The latest alerts in memory. Pure; bounded by number and by bytes.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use engine::{Offset, Partition};
use ports::Record;

use super::vector::Vector;

/// An alert as it stands in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Alert {
    /// Its place.
    pub(super) partition: Partition,
    /// Its place there.
    pub(super) offset: Offset,
    /// The customer as text.
    pub(super) key: Option<Bytes>,
    /// The alert's JSON; none for a record without value, which only moves the position.
    pub(super) value: Option<Bytes>,
}

impl From<Record> for Alert {
    fn from(record: Record) -> Self {
        Self { partition: record.partition, offset: record.offset, key: record.key, value: record.value }
    }
}

impl Alert {
    fn bytes(&self) -> usize {
        let length = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
        size_of::<Self>() + length(&self.key) + length(&self.value)
    }
}

/// Counts the alerts of a ring from its start: the place of an alert in the ring.
pub(super) type Turn = u64;

/// The latest alerts, in the order in which they were read.
pub(super) struct Ring {
    alerts: VecDeque<Arc<Alert>>,
    /// The turn of the first alert that is still there.
    first: Turn,
    bytes: usize,
    /// Where the ring began, or began again.
    origin: Vector,
    /// Before the first alert that is still there.
    start: Vector,
    /// Behind the last alert.
    end: Vector,
    alerts_max: usize,
    bytes_max: usize,
}

impl Ring {
    /// An empty ring at this position.
    pub(super) fn new(at: Vector, alerts_max: usize, bytes_max: usize) -> Self {
        Self {
            alerts: VecDeque::new(),
            first: 0,
            bytes: 0,
            origin: at.clone(),
            start: at.clone(),
            end: at,
            alerts_max,
            bytes_max,
        }
    }

    /// Adds the next alert; old ones make room.
    pub(super) fn push(&mut self, alert: Alert) {
        if !self.end.pass(alert.partition, alert.offset) {
            return;
        }
        self.bytes += alert.bytes();
        self.alerts.push_back(Arc::new(alert));
        while self.alerts.len() > self.alerts_max || self.bytes > self.bytes_max {
            let Some(gone) = self.alerts.pop_front() else {
                return;
            };
            self.bytes -= gone.bytes();
            self.first += 1;
            self.start.pass(gone.partition, gone.offset);
        }
    }

    /// Forgets everything and goes on from another position: what lies between is no longer in the log.
    pub(super) fn restart(&mut self, at: Vector) {
        self.first = self.last();
        self.alerts.clear();
        self.bytes = 0;
        self.origin = at.clone();
        self.start = at.clone();
        self.end = at;
    }

    /// From which turn on a stream at this position can read here; none if it has to read from the log first.
    pub(super) fn join(&self, at: &Vector) -> Option<Turn> {
        at.covers(&self.start).then_some(self.first)
    }

    /// Up to `max` alerts from this turn on; none if the first of them is gone.
    pub(super) fn read(&self, from: Turn, max: usize) -> Option<Vec<Arc<Alert>>> {
        let skip = usize::try_from(from.checked_sub(self.first)?).ok()?;
        Some(self.alerts.iter().skip(skip).take(max).map(Arc::clone).collect())
    }

    /// The turn of the next alert.
    pub(super) fn last(&self) -> Turn {
        self.first + self.alerts.len() as u64
    }

    /// Where the ring began: an end of the topic, unlike later starts, which lie behind an alert.
    pub(super) fn origin(&self) -> &Vector {
        &self.origin
    }

    /// Behind the last alert.
    pub(super) fn end(&self) -> &Vector {
        &self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(partition: u32, offset: u64) -> Alert {
        Alert {
            partition: Partition(partition),
            offset: Offset(offset),
            key: None,
            value: Some(Bytes::from_static(b"{}")),
        }
    }

    fn vector(offsets: &[u64]) -> Vector {
        Vector::new(offsets.iter().copied().map(Offset).collect())
    }

    fn places(alerts: &[Arc<Alert>]) -> Vec<(u32, u64)> {
        alerts.iter().map(|alert| (alert.partition.0, alert.offset.0)).collect()
    }

    #[test]
    fn old_alerts_make_room_and_their_readers_have_to_go_elsewhere() {
        let mut ring = Ring::new(vector(&[10, 0]), 2, 1 << 20);
        for (partition, offset) in [(0, 10), (1, 0), (0, 13)] {
            ring.push(alert(partition, offset));
        }
        assert_eq!(ring.read(0, 9), None);
        assert_eq!(ring.read(1, 9).map(|alerts| places(&alerts)), Some(vec![(1, 0), (0, 13)]));
        assert_eq!(ring.read(1, 1).map(|alerts| places(&alerts)), Some(vec![(1, 0)]));
        assert_eq!(ring.read(3, 9).map(|alerts| places(&alerts)), Some(vec![]));
        assert_eq!((&ring.start, ring.end()), (&vector(&[11, 0]), &vector(&[14, 1])));
        assert_eq!(ring.join(&vector(&[10, 0])), None);
        assert_eq!(ring.join(&vector(&[11, 0])), Some(1));
        assert_eq!(ring.join(&vector(&[99, 0])), Some(1));
    }

    #[test]
    fn bytes_are_bounded_and_a_repeated_record_is_dropped() {
        let mut ring = Ring::new(vector(&[0]), 100, 3 * alert(0, 0).bytes());
        for offset in [0, 1, 2, 2, 3, 4] {
            ring.push(alert(0, offset));
        }
        assert_eq!(ring.read(2, 9).map(|alerts| places(&alerts)), Some(vec![(0, 2), (0, 3), (0, 4)]));
    }

    #[test]
    fn a_restart_sends_readers_to_the_log() {
        let mut ring = Ring::new(vector(&[0]), 100, 1 << 20);
        ring.push(alert(0, 0));
        ring.restart(vector(&[50]));
        assert_eq!(ring.read(0, 9), None);
        assert_eq!((ring.join(&vector(&[1])), ring.join(&vector(&[50]))), (None, Some(1)));
    }
}
