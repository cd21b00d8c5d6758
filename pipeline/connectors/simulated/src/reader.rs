//! Readers outside of any group.

use std::time::Duration;

use engine::{Offset, Partition};
use ports::{Polled, Reader, Record, Result};

use crate::chance::below;
use crate::fault::Point;
use crate::process::ProcessId;
use crate::seen::Seen;
use crate::world::{Verdict, World};

pub(crate) struct SimulatedReader {
    pub(crate) world: World,
    pub(crate) process: ProcessId,
    pub(crate) id: u64,
    pub(crate) topic: String,
    pub(crate) from: Vec<(Partition, Offset)>,
}

impl Reader for SimulatedReader {
    fn poll(&mut self, records_max: usize, timeout: Duration) -> Result<Polled> {
        let verdict =
            self.world.reach(self.process, Point::Read, &format_args!("{} {:?}", self.topic, self.from));
        verdict.or_refused()?;
        let mut state = self.world.lock();
        if let Verdict::Slow { millis } = verdict {
            state.advance(millis);
            return Ok(Polled::default());
        }
        // Often less comes than is there.
        let call = state.calls;
        let most = if state.seed == 0 { records_max } else { records_max.min(share(state.seed, call)) };
        let mut polled = Polled { records: Vec::new(), at_end: true };
        for (partition, next) in &mut self.from {
            let left = most - polled.records.len();
            let dirty = state.is_dirty();
            let (mut records, mut behind) = state.broker.read(&self.topic, *partition, *next, left, dirty)?;
            // What a worker reads behind a savepoint it follows later, and nobody outside could tell when.
            if let Some(at) = records.iter().position(is_savepoint)
                && at + 1 < records.len()
            {
                records.truncate(at + 1);
                behind = records[at].offset.next();
            }
            if let Some(last) = records.last() {
                let (reader, next) = (self.id, last.offset.next());
                state.seen.push(Seen::Read { reader, partition: *partition, next });
            }
            polled.records.extend(records);
            *next = behind;
            polled.at_end &= behind >= state.broker.readable_end(&self.topic, *partition)?;
        }
        if polled.records.is_empty() {
            if polled.at_end {
                state.seen.push(Seen::Emptied { reader: self.id });
            }
            state.advance(u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX));
        }
        Ok(polled)
    }
}

fn is_savepoint(record: &Record) -> bool {
    record.key.as_deref().is_some_and(|key| key.starts_with(b"!savepoint/"))
}

/// How many records a poll brings at most.
pub(crate) fn share(seed: u64, call: u64) -> usize {
    let most = [1, 2, 5, 1000][usize::try_from(below(seed, call, 12, 4)).unwrap_or(0)];
    1 + usize::try_from(below(seed, call, 13, most)).unwrap_or(0)
}
