//! What a worker tells about itself, for readiness and for people.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use engine::{Offset, Partition};
use ports::{BootstrapStatus, Bootstraps, SeenBootstraps};
use rules::RuleKey;

use crate::groups::GroupBoard;

/// How a partition is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartitionState {
    /// Its state is being brought to the committed position.
    Recovering,
    /// Its state is being fetched from a checkpoint.
    Restoring {
        /// Bytes that have come.
        done: u64,
        /// Bytes in all; zero as long as that is not known.
        total: u64,
    },
    /// Its events are evaluated.
    Live,
    /// It stopped for good; the text says why and what to do. Other partitions go on.
    Halted(String),
}

/// How a worker is doing.
#[derive(Debug, Clone, Default)]
pub struct Status {
    /// Its partitions.
    pub partitions: BTreeMap<Partition, PartitionState>,
    /// The control record that would be the next to come into force.
    pub control: Offset,
    /// What holds the whole worker up, if anything.
    pub problem: Option<String>,
    /// Whether the group has ever assigned it something.
    pub assigned: bool,
    /// Rules that are being filled from the past, by partition.
    pub bootstraps: BTreeMap<Partition, Vec<BootstrapStatus>>,
}

/// A status that others can read. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct StatusBoard {
    status: Arc<Mutex<Status>>,
    groups: GroupBoard,
}

impl StatusBoard {
    /// What the worker shows of the groups of rules.
    pub fn groups(&self) -> GroupBoard {
        self.groups.clone()
    }

    /// The present status.
    pub fn read(&self) -> Status {
        self.lock().clone()
    }

    /// Changes the status.
    pub fn update(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.lock());
    }

    /// Why the worker is not ready; empty if it is.
    pub fn reasons(&self) -> Vec<String> {
        let status = self.read();
        let mut reasons: Vec<_> = status.problem.into_iter().collect();
        if !status.assigned {
            reasons.push("no partition has been assigned yet".to_owned());
        }
        for (partition, state) in status.partitions {
            match state {
                PartitionState::Live => {},
                PartitionState::Recovering => reasons.push(format!("partition {partition} is recovering")),
                PartitionState::Restoring { done, total } => {
                    reasons.push(format!(
                        "partition {partition} is fetching its checkpoint, {done} of {total} bytes have come"
                    ));
                },
                PartitionState::Halted(why) => {
                    reasons.push(format!("partition {partition} has stopped: {why}"));
                },
            }
        }
        reasons
    }

    fn lock(&self) -> MutexGuard<'_, Status> {
        // A panicked writer leaves a status that is merely old.
        self.status.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Bootstraps for StatusBoard {
    fn of(&self, rule: &RuleKey) -> SeenBootstraps {
        let status = self.lock();
        let live = status.partitions.iter().filter(|(_, state)| **state == PartitionState::Live);
        let filling = status.bootstraps.iter().flat_map(|(partition, all)| {
            let of_rule = all.iter().filter(|one| one.rule == *rule);
            of_rule.map(|one| (*partition, one.clone()))
        });
        SeenBootstraps {
            partitions: live.map(|(partition, _)| *partition).collect(),
            filling: filling.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_ready_when_every_partition_is_live() {
        let board = StatusBoard::default();
        assert_eq!(board.reasons(), ["no partition has been assigned yet"]);
        board.update(|status| {
            status.assigned = true;
            status.partitions.insert(Partition(0), PartitionState::Live);
        });
        assert!(board.reasons().is_empty());
        board.update(|status| {
            status.partitions.insert(Partition(1), PartitionState::Halted("gap".into()));
            status.problem = Some("broker is away".into());
        });
        assert_eq!(board.reasons(), ["broker is away", "partition 1 has stopped: gap"]);
    }
}
