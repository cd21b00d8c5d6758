//! Membership of a group. One process has the data folder, so a group has one member, which gets every partition; one
//! that joins later fences it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::{Input, Offset, Partition};
use ports::{
    CommitError, Error, ErrorKind, Member, MemberEvent, Membership, Outgoing, Place, Positions, Record,
    Result,
};

use super::cursor::Cursor;
use super::draft::Draft;
use super::notes::Note;
use super::queue::Generations;

/// A member.
pub(super) struct EmbeddedMember {
    membership: Membership,
    generation: u64,
    to_assign: Vec<Partition>,
    cursor: Cursor,
}

impl EmbeddedMember {
    /// Joins: from the moment this is durable every earlier member is fenced.
    pub(super) fn join(cursor: Cursor, membership: Membership) -> Result<Self> {
        let mut joined = 0;
        let queue = &cursor.log.shared.queue;
        queue.submit(Draft::default(), |generations, _| {
            let group = membership.group.clone();
            joined = generations.get(&group).map_or(1, |generation| generation + 1);
            generations.insert(group.clone(), joined);
            Ok(vec![Note::Generation { group, generation: joined }])
        })?;
        // The member that was fenced may wait for records.
        cursor.topic.wake();
        Ok(Self {
            membership,
            generation: joined,
            to_assign: (0..cursor.topic.partitions()).map(Partition).collect(),
            cursor,
        })
    }

    fn is_fenced(&self) -> bool {
        let queue = &self.cursor.log.shared.queue;
        queue.generation(&self.membership.group) != Some(self.generation)
    }

    fn fenced(&self) -> Error {
        let group = &self.membership.group;
        Error::new(ErrorKind::Fenced, format!("another member has joined the group `{group}`"))
    }

    /// Says what a commit has to note: the positions, if it is still this member's turn.
    fn notes(
        &self,
        generations: &Generations,
        places: &[Place],
        positions: Positions<'_>,
    ) -> Result<Vec<Note>> {
        let Membership { group, topic, .. } = &self.membership;
        if generations.get(group) != Some(&self.generation) {
            return Err(self.fenced());
        }
        let note = |(partition, committed)| {
            self.cursor.topic.partition(partition)?;
            Ok(Note::Committed { group: group.clone(), topic: topic.clone(), partition, committed })
        };
        positions(places).into_iter().map(note).collect()
    }
}

impl Member for EmbeddedMember {
    fn poll(&mut self, records_max: usize, timeout: Duration) -> Result<Vec<MemberEvent>> {
        if self.is_fenced() {
            return Err(self.fenced());
        }
        if !self.to_assign.is_empty() {
            let Membership { group, topic, .. } = &self.membership;
            let committed = self.cursor.log.shared.committed(group, topic);
            let assign = |partition| MemberEvent::Assigned {
                partition,
                committed: committed.get(&partition).cloned(),
            };
            let assigned = std::mem::take(&mut self.to_assign);
            return Ok(assigned.into_iter().map(assign).collect());
        }
        let log = Arc::clone(&self.cursor.log);
        let (queue, group, generation) = (&log.shared.queue, &self.membership.group, self.generation);
        let fenced = || queue.generation(group) != Some(generation);
        let records = self.cursor.poll(records_max, timeout, fenced)?;
        if self.is_fenced() {
            return Err(self.fenced());
        }
        Ok(by_partition(records))
    }

    fn start(&mut self, partition: Partition, from: Offset) -> Result<()> {
        self.cursor.start(partition, from)
    }

    fn release(&mut self, partition: Partition) -> Result<()> {
        self.cursor.stop(partition);
        Ok(())
    }

    fn commit(
        &mut self,
        records: Vec<Outgoing>,
        positions: Positions<'_>,
    ) -> std::result::Result<Vec<Place>, CommitError> {
        let started = Instant::now();
        let shared = &self.cursor.log.shared;
        let draft = Draft::new(&shared.topics(), &records);
        let places = draft.and_then(|draft| {
            shared.queue.submit(draft, |generations, places| self.notes(generations, places, positions))
        });
        metrics::histogram!(crate::metrics::COMMIT_SECONDS).record(started.elapsed());
        // The disk is here: what it refuses once it refuses again.
        places.map_err(CommitError::Fatal)
    }

    fn leave(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

fn by_partition(records: Vec<Record>) -> Vec<MemberEvent> {
    let mut inputs: BTreeMap<Partition, Vec<Input>> = BTreeMap::new();
    for record in records {
        inputs.entry(record.partition).or_default().push(Input {
            offset: record.offset,
            timestamp: record.timestamp,
            key: record.key,
            value: record.value,
        });
    }
    let event = |(partition, inputs)| MemberEvent::Records { partition, inputs };
    inputs.into_iter().map(event).collect()
}
