//! Sets: the values of `distinct`, and entities that come and go. The last operation on a member decides.

use serde::{Deserialize, Serialize};

use super::tell::NEVER;
use super::{Arrival, GroupRun};
use crate::apply::Failure;
use crate::bucket::{Bucket, Operation};
use crate::hit::Brought;
use crate::scalar::Hash;
use crate::stored;
use crate::stream::{Offset, Timestamp};
use crate::trail::{Named, Trail, Witness};
use crate::view::after;
use crate::write::Table;

/// How many members are looked at for one record.
const MEMBERS_TOLD_MAX: usize = 10_000;

/// The last operation on a member of a set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MemberState {
    time: Timestamp,
    position: u64,
    present: bool,
    /// The event that made it present, and its entities.
    witness: Option<Witness>,
    entities: Vec<Named>,
}

/// The events behind the members that are present.
#[derive(Debug, Default)]
pub(super) struct PresentTrail {
    pub(super) first: Option<Timestamp>,
    pub(super) last: Timestamp,
    pub(super) trail: Trail,
}

impl GroupRun<'_, '_> {
    /// Applies an event's operations to the set of a bucket; answers whether the set has changed.
    pub(super) fn operate(&mut self, bucket: &mut Bucket, arrival: &Arrival<'_>) -> Result<bool, Failure> {
        let Brought::Members { added, removed } = &arrival.hit.brought else { return Ok(false) };
        if bucket.estimated {
            self.add_to_sketch(bucket, &arrival.hit.brought)?;
            return Ok(true);
        }
        let mut came: Vec<Hash> = Vec::new();
        let mut went: Vec<Hash> = Vec::new();
        let operations = added.iter().map(|member| (*member, true));
        for (member, present) in operations.chain(removed.iter().map(|member| (*member, false))) {
            let key = self.keys.member(bucket.set, &member);
            let known: Option<MemberState> = self.run.get(self.customer, Table::State, &key)?;
            let place = (arrival.time, arrival.offset.0);
            if known.as_ref().is_some_and(|known| (known.time, known.position) > place) {
                continue;
            }
            match (known.is_some_and(|known| known.present), present) {
                (false, true) => came.push(member),
                (true, false) => went.push(member),
                (true, true) | (false, false) => {},
            }
            let entities = if present { arrival.hit.entities.clone() } else { Vec::new() };
            let witness = if present { self.witness(arrival) } else { None };
            let state = MemberState { time: place.0, position: place.1, present, witness, entities };
            self.run.view.put(Table::State, key, stored::to_bytes(&state));
        }
        came.iter().for_each(|member| bucket.toggle(member, true));
        went.iter().for_each(|member| bucket.toggle(member, false));
        // What one event adds and takes away again has not changed.
        let stayed = came.iter().filter(|member| went.contains(member)).count();
        Ok(came.len() + went.len() > 2 * stayed)
    }

    /// Members leave with the operations that made them.
    pub(super) fn leave(
        &mut self,
        bucket: &mut Bucket,
        time: Timestamp,
        operations: &[Operation],
    ) -> Result<(), Failure> {
        for operation in operations {
            let key = self.keys.member(bucket.set, &operation.member);
            let Some(known) = self.run.get::<MemberState>(self.customer, Table::State, &key)? else {
                continue;
            };
            if known.time == time {
                if known.present {
                    bucket.toggle(&operation.member, false);
                }
                self.run.view.delete(Table::State, key);
            }
        }
        Ok(())
    }

    /// Removes a set.
    pub(super) fn remove_set(&mut self, set: u64) -> Result<(), Failure> {
        let (mut from, to) = self.keys.members(set);
        while let Some((key, _)) = self.run.view.first(Table::State, &from, &to)? {
            from = after(&key);
            self.run.view.delete(Table::State, key);
        }
        Ok(())
    }

    /// Moves the members of the set of another bucket into that of a bucket.
    pub(super) fn move_set(&mut self, other: &Bucket, bucket: &mut Bucket) -> Result<(), Failure> {
        if other.estimated || bucket.estimated {
            return self.join_sketches(other, bucket);
        }
        let (mut from, to) = self.keys.members(other.set);
        while let Some((key, bytes)) = self.run.view.first(Table::State, &from, &to)? {
            from = after(&key);
            let member = key.last_chunk().copied().ok_or_else(|| self.run.damaged(self.customer))?;
            let moved: MemberState = self.run.decode(self.customer, &bytes)?;
            self.run.view.delete(Table::State, key);
            let key = self.keys.member(bucket.set, &member);
            let known: Option<MemberState> = self.run.get(self.customer, Table::State, &key)?;
            if known.is_none() {
                bucket.toggle(&member, true);
            }
            if known.is_none_or(|known| (known.time, known.position) < (moved.time, moved.position)) {
                self.run.view.put(Table::State, key, stored::to_bytes(&moved));
            }
        }
        Ok(())
    }

    /// The events that added the members present in a set.
    pub(super) fn present_trail(&mut self, set: u64) -> Result<PresentTrail, Failure> {
        let (mut from, to) = self.keys.members(set);
        let mut found = PresentTrail { last: NEVER, ..PresentTrail::default() };
        let max = self.active.rule.evidence.max as usize;
        for _ in 0..MEMBERS_TOLD_MAX {
            let Some((key, bytes)) = self.run.view.first(Table::State, &from, &to)? else { break };
            from = after(&key);
            let member: MemberState = self.run.decode(self.customer, &bytes)?;
            if member.present {
                found.first = Some(found.first.map_or(member.time, |first| first.min(member.time)));
                found.last = found.last.max(member.time);
                found.trail.add(member.witness, max);
                found.trail.name((member.time, Offset(member.position)), &member.entities);
            }
        }
        Ok(found)
    }
}
