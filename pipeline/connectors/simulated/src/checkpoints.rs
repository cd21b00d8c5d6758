//! Where checkpoints and parts of savepoints are kept: outside of every disk.

use std::collections::{BTreeMap, BTreeSet};

use engine::Partition;
use ports::{Position, Restore, Usable};
use rules::SavepointId;

use crate::chance::below;
use crate::process::ProcessId;
use crate::seen::Seen;
use crate::stores::{SimulatedStores, Tables};
use crate::world::{State, World};

/// So many checkpoints of a partition are kept, and a sound one in any case.
const KEPT: usize = 3;

/// One of so many checkpoints cannot be read back.
const DAMAGED_ONE_IN: u64 = 6;

/// What is kept.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    checkpoints: BTreeMap<Partition, Vec<Checkpoint>>,
    parts: BTreeSet<(SavepointId, Partition)>,
}

#[derive(Debug)]
struct Checkpoint {
    position: Position,
    tables: Tables,
    damaged: bool,
}

impl Kept {
    /// Whether there is a checkpoint of a partition.
    pub(crate) fn has(&self, partition: Partition) -> bool {
        self.checkpoints.contains_key(&partition)
    }

    /// Notes a part of a savepoint; answers whether it was not there yet.
    pub(crate) fn take_part(&mut self, savepoint: SavepointId, partition: Partition) -> bool {
        self.parts.insert((savepoint, partition))
    }

    /// The newest sound checkpoint that is wanted, and what is wrong with newer ones.
    pub(crate) fn find(&self, partition: Partition, wanted: &Usable) -> Result<(Position, Tables), Restore> {
        let kept = self.checkpoints.get(&partition).map_or(&[][..], Vec::as_slice);
        let mut refused = Vec::new();
        for checkpoint in kept.iter().rev().filter(|checkpoint| wanted.takes(&checkpoint.position)) {
            if checkpoint.damaged {
                refused.push(format!("the checkpoint at {} cannot be read", checkpoint.position));
                continue;
            }
            return Ok((checkpoint.position.clone(), checkpoint.tables.clone()));
        }
        Err(Restore::Nothing { refused })
    }
}

impl State {
    /// Keeps a copy of a store as it is on a disk, if it is newer than what is kept.
    fn checkpoint(&mut self, partition: Partition, process: ProcessId) -> bool {
        let name = self.processes[process.0 as usize].name.clone();
        let Some(tables) = self.disks.get(&name).and_then(|disk| disk.sound(partition)) else { return false };
        let Some(position) = tables.position().and_then(|text| text.parse::<Position>().ok()) else {
            return false;
        };
        let damaged = below(self.seed, self.calls, 30 + u64::from(partition.0), DAMAGED_ONE_IN) == 0;
        let kept = self.kept.checkpoints.entry(partition).or_default();
        if kept.last().is_some_and(|last| last.position.epoch >= position.epoch) {
            return false;
        }
        kept.push(Checkpoint { position, tables, damaged });
        // What the changelog reaches back to stays.
        while kept.len() > KEPT && kept.iter().skip(1).any(|checkpoint| !checkpoint.damaged) {
            kept.remove(0);
        }
        true
    }
}

impl World {
    /// Keeps a copy of the store of each partition, as it is with who owns the partition. Answers of how many.
    pub fn checkpoint(&self, group: &str) -> u64 {
        let owners = self.owners(group);
        let mut state = self.lock();
        let taken = owners.into_iter().filter(|(at, process)| state.checkpoint(*at, *process)).count();
        let line = format!("t={} {taken} checkpoints", state.now);
        state.note(&line);
        taken as u64
    }

    /// Lets a topic forget what lies before the newest sound checkpoint of each partition. Answers on how many it did.
    pub fn forget_before_checkpoints(&self, topic: &str) -> u64 {
        let mut state = self.lock();
        let State { kept, broker, .. } = &mut *state;
        let mut forgotten = 0;
        for (partition, checkpoints) in &kept.checkpoints {
            if let Some(sound) = checkpoints.iter().rev().find(|checkpoint| !checkpoint.damaged) {
                forgotten += u64::from(broker.forget(topic, *partition, sound.position.changelog));
            }
        }
        forgotten
    }
}

impl SimulatedStores {
    /// Puts a checkpoint in the place of a store.
    pub(crate) fn fetch(&self, partition: Partition, wanted: &Usable) -> Restore {
        let found = self.world.lock().kept.find(partition, wanted);
        let (position, tables) = match found {
            Ok(found) => found,
            Err(nothing) => return nothing,
        };
        let fingerprint = tables.fingerprint();
        self.replace(partition, tables);
        let process = self.process;
        self.world.lock().seen.push(Seen::Restored {
            process,
            partition,
            fingerprint,
            position: position.to_string(),
        });
        Restore::Done(position)
    }
}
