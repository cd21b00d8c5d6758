//! Sets: the values of `distinct`, and entities that come and go. The last operation on a member decides.

use serde::{Deserialize, Serialize};

use super::{Arrival, GroupRun};
use crate::apply::Failure;
use crate::bucket::{Bucket, Operation};
use crate::hit::Brought;
use crate::scalar::Hash;
use crate::stored;
use crate::stream::Timestamp;
use crate::trail::{ENTITIES_MAX, Named};
use crate::view::after;
use crate::write::Table;

/// The last operation on a member of a set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MemberState {
    time: Timestamp,
    position: u64,
    present: bool,
    /// The entities of the event that made it present.
    entities: Vec<Named>,
}

impl GroupRun<'_, '_> {
    /// Applies an event's operations to the set of a bucket; answers whether the set has changed.
    pub(super) fn operate(&mut self, bucket: &mut Bucket, arrival: &Arrival<'_>) -> Result<bool, Failure> {
        let Brought::Members { added, removed } = &arrival.hit.brought else { return Ok(false) };
        let mut came: Vec<Hash> = Vec::new();
        let mut went: Vec<Hash> = Vec::new();
        let operations = added.iter().map(|member| (member.hash, true));
        for (member, present) in operations.chain(removed.iter().map(|member| (member.hash, false))) {
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
            let state = MemberState { time: place.0, position: place.1, present, entities };
            self.run.view.put(Table::State, key, stored::to_bytes(&state));
        }
        bucket.members = bucket.members + came.len() as u64 - went.len() as u64;
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
                bucket.members -= u64::from(known.present);
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

    /// Moves the members of a set into another; answers by how many it has grown.
    pub(super) fn move_set(&mut self, set: u64, into: u64) -> Result<u64, Failure> {
        let (mut from, to) = self.keys.members(set);
        let mut grown = 0;
        while let Some((key, bytes)) = self.run.view.first(Table::State, &from, &to)? {
            from = after(&key);
            let member = key.last_chunk().copied().ok_or_else(|| self.run.damaged(self.customer))?;
            let moved: MemberState = self.run.decode(self.customer, &bytes)?;
            self.run.view.delete(Table::State, key);
            let key = self.keys.member(into, &member);
            let known: Option<MemberState> = self.run.get(self.customer, Table::State, &key)?;
            grown += u64::from(known.is_none());
            if known.is_none_or(|known| (known.time, known.position) < (moved.time, moved.position)) {
                self.run.view.put(Table::State, key, stored::to_bytes(&moved));
            }
        }
        Ok(grown)
    }

    /// The entities of those present in a set.
    pub(super) fn present_entities(&mut self, set: u64) -> Result<Vec<Named>, Failure> {
        let (mut from, to) = self.keys.members(set);
        let mut found: Vec<Named> = Vec::new();
        while found.len() < ENTITIES_MAX {
            let Some((key, bytes)) = self.run.view.first(Table::State, &from, &to)? else { break };
            from = after(&key);
            let member: MemberState = self.run.decode(self.customer, &bytes)?;
            for entity in member.entities {
                if !found.iter().any(|known| (known.of, &known.id) == (entity.of, &entity.id)) {
                    found.push(entity);
                }
            }
        }
        found.truncate(ENTITIES_MAX);
        // In an order that does not depend on hashes.
        found.sort_by(|left, right| (left.of, &left.id).cmp(&(right.of, &right.id)));
        Ok(found)
    }
}
