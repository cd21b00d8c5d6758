//! Whether a control record is in force: whether the committed position of every partition lies behind it.
//!
//! One task asks the log for all who wait, every few milliseconds while somebody does, and not at all otherwise.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use engine::{Offset, Partition};
use ports::{Committed, Log, Position};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout_at};

use crate::blocking::blocking;
use crate::stop::Stop;

/// How often the positions are read while somebody waits.
const EVERY: Duration = Duration::from_millis(15);
/// How long to wait after an error of the log.
const PAUSE: Duration = Duration::from_millis(250);

/// What is known of the partitions. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Effective(Arc<Shared>);

#[derive(Default)]
struct Shared {
    controls: watch::Sender<Controls>,
    waiting: AtomicUsize,
    wanted: Notify,
}

/// Per partition the control record that comes into force next; none if nothing is committed there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Controls(Option<Arc<[Option<Offset>]>>);

/// Where a control record is not yet in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Effect {
    /// It is in force everywhere.
    Everywhere,
    /// These partitions do not have it. Empty if not even the partitions are known, because the log is away.
    NotIn(Vec<Partition>),
}

impl Controls {
    fn effect(&self, of: Offset) -> Effect {
        let Some(partitions) = &self.0 else {
            return Effect::NotIn(Vec::new());
        };
        let missing: Vec<_> = (0u32..)
            .map(Partition)
            .zip(partitions.iter())
            .filter(|(_, control)| control.is_none_or(|control| control <= of))
            .map(|(partition, _)| partition)
            .collect();
        if missing.is_empty() { Effect::Everywhere } else { Effect::NotIn(missing) }
    }
}

impl Effective {
    /// Waits until the control record at this offset is in force everywhere, or the time is over.
    pub(super) async fn wait(&self, offset: Offset, deadline: Instant) -> Effect {
        let _waiting = Waiting::new(&self.0);
        let mut controls = self.0.controls.subscribe();
        let everywhere = controls.wait_for(|controls| controls.effect(offset) == Effect::Everywhere);
        match timeout_at(deadline, everywhere).await {
            Ok(Ok(_)) => Effect::Everywhere,
            Ok(Err(_)) | Err(_) => self.0.controls.borrow().effect(offset),
        }
    }

    /// Reads the group's positions as long as somebody waits for them.
    pub(crate) async fn run(self, log: Arc<dyn Log>, group: String, topic: String, mut stop: Stop) {
        while !stop.is_set() {
            if self.0.waiting.load(Ordering::Acquire) == 0 {
                tokio::select! {
                    () = self.0.wanted.notified() => {},
                    () = stop.wait() => return,
                }
                continue;
            }
            let (asked, of, at) = (Arc::clone(&log), group.clone(), topic.clone());
            let read = blocking(move || asked.committed(&of, &at)).await;
            let pause = match read {
                Ok(Ok(committed)) => {
                    self.publish(&committed);
                    EVERY
                },
                Ok(Err(error)) => {
                    tracing::warn!(%error, "reading committed positions has failed and is tried again");
                    PAUSE
                },
                Err(_) => PAUSE,
            };
            sleep(pause).await;
        }
    }

    fn publish(&self, committed: &[Option<Committed>]) {
        let control = |committed: &Option<Committed>| {
            let position: Position = committed.as_ref()?.metadata.parse().ok()?;
            Some(position.control)
        };
        let now = Controls(Some(committed.iter().map(control).collect()));
        self.0.controls.send_if_modified(|known| {
            let modified = *known != now;
            *known = now;
            modified
        });
    }
}

struct Waiting<'a>(&'a Shared);

impl<'a> Waiting<'a> {
    fn new(shared: &'a Shared) -> Self {
        shared.waiting.fetch_add(1, Ordering::AcqRel);
        shared.wanted.notify_one();
        Self(shared)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_in_force_once_every_partition_has_passed_it() {
        let controls = |list: &[Option<u64>]| {
            let partitions = list.iter().map(|control| control.map(Offset)).collect();
            Controls(Some(partitions)).effect(Offset(5))
        };
        let not_in = |list: &[u32]| Effect::NotIn(list.iter().copied().map(Partition).collect());
        assert_eq!(controls(&[Some(6), Some(9)]), Effect::Everywhere);
        assert_eq!(controls(&[Some(6), Some(5), None]), not_in(&[1, 2]));
        assert_eq!(Controls(None).effect(Offset(5)), not_in(&[]));
    }
}
