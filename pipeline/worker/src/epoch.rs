//! Epochs: when to commit, and the commit itself.

use std::collections::BTreeMap;
use std::time::Duration;

use engine::{Partition, Write};
use ports::{CommitError, Committed, Member, Outgoing, Place, Position, Result};

use crate::partition::LivePartition;
use crate::settings::Settings;

/// Since when what waits for a commit, on the monotonic clock.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    anything: Option<Duration>,
    output: Option<Duration>,
    control: bool,
    not_before: Option<Duration>,
}

impl Waiting {
    /// Notes what the partitions hold now.
    pub(crate) fn note(&mut self, now: Duration, touched: bool, output: bool) {
        if touched {
            self.anything.get_or_insert(now);
        }
        if output {
            self.output.get_or_insert(now);
        }
    }

    /// A control record came: its writer waits for it to be in force.
    pub(crate) fn hurry(&mut self) {
        self.control = true;
    }

    /// After an aborted commit: not again before this moment.
    pub(crate) fn pause_until(&mut self, moment: Duration) {
        self.not_before = Some(moment);
    }

    /// Whether an epoch closes now.
    pub(crate) fn is_due(&self, now: Duration, bytes: usize, settings: &Settings) -> bool {
        if self.anything.is_none() || self.not_before.is_some_and(|moment| now < moment) {
            return false;
        }
        let since = |start: Option<Duration>, wait: Duration| start.is_some_and(|start| now >= start + wait);
        self.control
            || bytes >= settings.epoch_bytes
            || since(self.output, settings.alert_wait)
            || since(self.anything, settings.epoch_wait)
    }
}

/// What a partition gives to a commit, and where it stands afterwards.
struct Part {
    writes: Vec<Write>,
    reached: Position,
    /// Which of the commit's records is its last changelog record.
    last: usize,
}

/// A commit that is ready to be tried, as often as needed.
pub(crate) struct Epoch {
    records: Vec<Outgoing>,
    parts: BTreeMap<Partition, Part>,
}

impl Epoch {
    /// Closes the segments of these partitions.
    pub(crate) fn close<'a>(
        partitions: impl Iterator<Item = &'a LivePartition>,
        settings: &Settings,
        writer: &str,
    ) -> Self {
        let mut epoch = Self { records: Vec::new(), parts: BTreeMap::new() };
        for live in partitions.filter(|live| live.segment.is_touched()) {
            let writes = live.segment.writes();
            let reached = live.reached(writer);
            epoch.records.extend(live.segment.output.iter().cloned());
            epoch.records.extend(live.changelog(&settings.topics.changelog, &writes, &reached));
            let last = epoch.records.len() - 1;
            epoch.parts.insert(live.partition, Part { writes, reached, last });
        }
        epoch
    }

    /// Writes the epoch to the log in one atomic step and answers where each partition stands then.
    pub(crate) fn commit(
        &self,
        member: &mut dyn Member,
    ) -> std::result::Result<BTreeMap<Partition, Position>, CommitError> {
        let positions = |places: &[Place]| -> BTreeMap<Partition, Position> {
            let position = |(partition, part): (&Partition, &Part)| {
                let changelog = places[part.last].offset.next();
                (*partition, Position { changelog, ..part.reached.clone() })
            };
            self.parts.iter().map(position).collect()
        };
        let places = member.commit(self.records.clone(), &|places| {
            let committed = |(partition, position): (Partition, Position)| {
                (partition, Committed { next: position.next, metadata: position.to_string() })
            };
            positions(places).into_iter().map(committed).collect()
        })?;
        Ok(positions(&places))
    }

    /// Writes the committed changes to the stores.
    pub(crate) fn settle(
        self,
        mut positions: BTreeMap<Partition, Position>,
        live: &mut BTreeMap<Partition, LivePartition>,
    ) -> Result<()> {
        for (partition, part) in self.parts {
            if let (Some(live), Some(position)) = (live.get_mut(&partition), positions.remove(&partition)) {
                live.settle(part.writes, position)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn an_epoch_closes_for_output_soon_for_anything_else_later_and_for_bytes_or_controls_at_once() {
        let settings = Settings::new("app", "worker");
        let mut waiting = Waiting::default();
        assert!(!waiting.is_due(5000 * MS, usize::MAX, &settings), "nothing to say");
        waiting.note(100 * MS, true, false);
        assert!(!waiting.is_due(1099 * MS, 0, &settings) && waiting.is_due(1100 * MS, 0, &settings));
        assert!(waiting.is_due(100 * MS, settings.epoch_bytes, &settings));
        waiting.note(200 * MS, true, true);
        assert!(!waiting.is_due(219 * MS, 0, &settings) && waiting.is_due(220 * MS, 0, &settings));
        waiting.hurry();
        assert!(waiting.is_due(200 * MS, 0, &settings));
        waiting.pause_until(300 * MS);
        assert!(!waiting.is_due(299 * MS, 0, &settings) && waiting.is_due(300 * MS, 0, &settings));
    }
}
