//! Notices partitions on which nothing comes, so that time can go on for their customers.

use std::collections::BTreeMap;
use std::time::Duration;

use engine::{Offset, Partition};
use ports::{Log, Reader, Result};

/// How often the end of a quiet partition is asked for.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// Since when partitions are quiet, on the monotonic clock.
#[derive(Default)]
pub(crate) struct Silence {
    quiet: BTreeMap<Partition, Quiet>,
}

struct Quiet {
    since: Duration,
    checked: Duration,
    /// Up to where nothing is to be read: ends of transactions and aborted records take places, too.
    empty_until: Offset,
    /// Looks whether anything is to be read where the partition does not end yet.
    probe: Option<Box<dyn Reader>>,
}

impl Silence {
    /// Something came, or the partition has just been taken over.
    pub(crate) fn broken(&mut self, partition: Partition, now: Duration) {
        let quiet = Quiet { since: now, checked: now, empty_until: Offset(0), probe: None };
        self.quiet.insert(partition, quiet);
    }

    /// The partition is no longer ours.
    pub(crate) fn forget(&mut self, partition: Partition) {
        self.quiet.remove(&partition);
    }

    /// The partitions that have been quiet for so long; each is answered once in a while.
    pub(crate) fn due(&mut self, now: Duration, idle_after: Duration) -> Vec<Partition> {
        let is_due = |quiet: &Quiet| {
            now.saturating_sub(quiet.since) >= idle_after && now.saturating_sub(quiet.checked) >= CHECK_EVERY
        };
        let due = self.quiet.iter_mut().filter(|(_, quiet)| is_due(quiet));
        due.map(|(partition, quiet)| {
            quiet.checked = now;
            *partition
        })
        .collect()
    }
}

impl Silence {
    /// Whether a partition that was read up to `next` is read to its end. Only a log that answers shows that.
    pub(crate) fn is_at_end(
        &mut self,
        log: &dyn Log,
        topic: &str,
        partition: Partition,
        next: Offset,
    ) -> Result<bool> {
        let end = log.bounds(topic, partition)?.end;
        let Some(quiet) = self.quiet.get_mut(&partition) else { return Ok(false) };
        if end <= next.max(quiet.empty_until) {
            return Ok(true);
        }
        let mut probe = match quiet.probe.take() {
            Some(probe) => probe,
            None => log.reader(topic, &[(partition, next)])?,
        };
        let polled = probe.poll(1, Duration::ZERO)?;
        let is_empty = polled.records.is_empty();
        if is_empty && polled.at_end {
            quiet.empty_until = end;
            return Ok(true);
        }
        // An answer may take longer than until now.
        quiet.probe = is_empty.then_some(probe);
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_is_due_after_a_while_and_then_now_and_again() {
        let mut silence = Silence::default();
        let second = Duration::from_secs;
        silence.broken(Partition(0), second(0));
        silence.broken(Partition(1), second(5));
        assert_eq!(silence.due(second(9), second(10)), []);
        assert_eq!(silence.due(second(10), second(10)), [Partition(0)]);
        assert_eq!(silence.due(second(10), second(10)), []);
        assert_eq!(silence.due(second(15), second(10)), [Partition(0), Partition(1)]);
        silence.broken(Partition(0), second(16));
        silence.forget(Partition(1));
        assert_eq!(silence.due(second(20), second(10)), []);
    }
}
