//! Notices partitions on which nothing comes, so that time can go on for their customers.

use std::collections::BTreeMap;
use std::time::Duration;

use engine::Partition;

/// How often the end of a quiet partition is asked for.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// Since when partitions are quiet, on the monotonic clock.
#[derive(Debug, Default)]
pub(crate) struct Silence {
    quiet: BTreeMap<Partition, Quiet>,
}

#[derive(Debug, Clone, Copy)]
struct Quiet {
    since: Duration,
    checked: Duration,
}

impl Silence {
    /// Something came, or the partition has just been taken over.
    pub(crate) fn broken(&mut self, partition: Partition, now: Duration) {
        self.quiet.insert(partition, Quiet { since: now, checked: now });
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
