//! Retention: finds from where on records are to be kept.
//!
//! As in Kafka a record goes when its topic's limit says so, whether or not every group has read it: a group that is
//! away for longer than the retention finds its offset gone and must be told so, or a group that never comes back
//! would fill the disk. A topic that is kept for ever keeps everything.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use engine::{Offset, Partition};
use ports::{Place, Result, Retention};
use tracing::{info, warn};

use super::codec::Trailer;
use super::draft::Draft;
use super::notes::{Note, Start};
use super::shared::Shared;
use super::topic::Topic;

/// How long records of a topic are kept. Whatever exceeds either limit is removed, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For how long since they were written.
    pub age: Option<Duration>,
    /// Up to how many bytes a partition, before compression.
    pub bytes: Option<u64>,
}

impl Default for Limits {
    /// Seven days, as Kafka has it.
    fn default() -> Self {
        Self { age: Some(Duration::from_secs(7 * 24 * 60 * 60)), bytes: None }
    }
}

/// Looks now and then until the log is closed.
pub(super) fn run(shared: &Shared, every: Duration, closed: &Receiver<()>) {
    while closed.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
        let topics: Vec<_> = shared.topics().values().cloned().collect();
        for topic in topics {
            for partition in (0..topic.partitions()).map(Partition) {
                if let Err(failure) = trim(shared, &topic, partition) {
                    warn!(error = %failure, topic = topic.name, partition = partition.0, "old records stay");
                }
            }
        }
    }
}

fn trim(shared: &Shared, topic: &Topic, partition: Partition) -> Result<()> {
    if topic.retention == Retention::Forever {
        return Ok(());
    }
    let Some(start) = new_start(shared, topic, partition)? else {
        return Ok(());
    };
    let note = Note::Start { topic: topic.name.clone(), partition, start };
    shared.queue.submit(Draft::default(), |_, _| Ok(vec![note]))?;
    let (topic, partition, start) = (&topic.name, partition.0, start.offset.0);
    info!(topic, partition, start, "old records removed");
    Ok(())
}

/// The first record that is to be kept, if some before it are there to be removed.
fn new_start(shared: &Shared, topic: &Topic, partition: Partition) -> Result<Option<Start>> {
    let progress = topic.partition(partition)?;
    let bounds = progress.bounds();
    let at = |offset| shared.database.trailer(&topic.name, Place { partition, offset });
    if bounds.start == bounds.end {
        return Ok(None);
    }
    let Some(first) = at(bounds.start)? else {
        return Ok(None);
    };
    let goes = limit(shared.limits(&topic.name), first.position, progress.bytes());
    if !goes(first) {
        return Ok(None);
    }
    // Both limits cut a growing number, so those that go are a prefix and its end can be found by halving.
    let (mut gone, mut kept) = (bounds.start, bounds.end);
    while kept.0 - gone.0 > 1 {
        let middle = Offset(gone.0 + (kept.0 - gone.0) / 2);
        match at(middle)? {
            Some(trailer) if goes(trailer) => gone = middle,
            _ => kept = middle,
        }
    }
    let last_gone = Place { partition, offset: gone };
    let last_gone = shared.database.last(&topic.name, last_gone)?;
    Ok(last_gone
        .map(|(offset, trailer, size)| Start { offset: offset.next(), position: trailer.position + size }))
}

/// Which records of a partition with that many bytes from `first_position` on are to go.
fn limit(limits: Limits, first_position: u64, bytes: u64) -> impl Fn(Trailer) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let oldest = limits.age.and_then(|age| i64::try_from(now.saturating_sub(age).as_millis()).ok());
    let excess = limits.bytes.map_or(0, |most| bytes.saturating_sub(most));
    move |trailer| {
        oldest.is_some_and(|oldest| trailer.written.0 < oldest) || trailer.position < first_position + excess
    }
}
