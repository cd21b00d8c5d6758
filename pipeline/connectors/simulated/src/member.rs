//! A member of a group as a process has it.

use std::time::Duration;

use engine::{Input, Offset, Partition};
use ports::{
    CommitError, Committed, Error, ErrorKind, Member, MemberEvent, Membership, Outgoing, Place, Positions,
    Record, Result,
};

use crate::fault::Point;
use crate::group::Phase;
use crate::log::check_range;
use crate::mutation::Mutation;
use crate::process::ProcessId;
use crate::reader::share;
use crate::seen::Seen;
use crate::world::{State, Verdict, World};

/// How long the former owner of a partition may take to end its transaction itself.
const TAKEOVER_PATIENCE: u64 = 500;

pub(crate) struct SimulatedMember {
    pub(crate) world: World,
    pub(crate) process: ProcessId,
    /// Its number in the world; another one after it was taken for dead.
    pub(crate) id: u64,
    pub(crate) writer: String,
    pub(crate) epoch: u64,
    /// Positions that a broken world commits apart from their records.
    pub(crate) apart: Vec<(String, String, Partition, Committed)>,
}

impl SimulatedMember {
    pub(crate) fn join(world: World, process: ProcessId, membership: &Membership) -> Result<Self> {
        let Membership { group, topic, name } = membership;
        let writer = format!("{group}.{name}");
        let mut state = world.lock();
        let partitions = state.broker.partitions(topic)?;
        let epoch = state.broker.start_writer(&writer);
        let id = state.join(process, group, topic, name, partitions);
        drop(state);
        Ok(Self { world, process, id, writer, epoch, apart: Vec::new() })
    }

    /// Takes note of what the group has done, and answers what the caller has to know.
    fn news(&mut self, state: &mut State) -> Result<Vec<MemberEvent>> {
        let member = state.members.get_mut(&self.id).expect("members stay known");
        if member.fenced {
            return Err(Error::new(ErrorKind::Fenced, "another process has joined under this name"));
        }
        if member.expelled {
            return Ok(self.rejoin(state));
        }
        let known = state.groups.get(&member.group).expect("members are of groups");
        member.generation = known.generation;
        for partition in
            known.owner.iter().filter(|(_, owner)| **owner == self.id).map(|(partition, _)| *partition)
        {
            member.phases.entry(partition).or_insert(Phase::New(state.now));
        }
        let mut events = Vec::new();
        let asked: Vec<Partition> =
            member.phases.keys().copied().filter(|partition| known.wants_back(*partition, self.id)).collect();
        for partition in asked {
            if matches!(member.phases.get(&partition), Some(Phase::New(_))) {
                member.phases.remove(&partition);
                let known = state.groups.get_mut(&member.group).expect("members are of groups");
                known.release(partition, self.id);
            } else if member.revoked.insert(partition) {
                events.push(MemberEvent::Revoked { partition });
            }
        }
        events.extend(self.tell_assigned(state));
        Ok(events)
    }

    /// The group took this member for dead: what it had is lost, and it joins again.
    fn rejoin(&mut self, state: &mut State) -> Vec<MemberEvent> {
        let member = state.members.get_mut(&self.id).expect("members stay known");
        let (group, topic, name) = (member.group.clone(), member.topic.clone(), member.name.clone());
        let mut phases = std::mem::take(&mut member.phases);
        let partitions = state.broker.partitions(&topic).unwrap_or(0);
        self.id = state.join(self.process, &group, &topic, &name, partitions);
        if state.mutation == Some(Mutation::LossHidden) {
            phases.retain(|_, phase| !matches!(phase, Phase::New(_)));
            state.members.get_mut(&self.id).expect("it just joined").phases = phases;
            return Vec::new();
        }
        let told = phases.into_iter().filter(|(_, phase)| !matches!(phase, Phase::New(_)));
        let process = self.process;
        told.map(|(partition, _)| {
            state.seen.push(Seen::Ended { process, partition });
            MemberEvent::Lost { partition }
        })
        .collect()
    }

    /// Tells of new partitions once what is committed for them cannot change any more.
    fn tell_assigned(&self, state: &mut State) -> Vec<MemberEvent> {
        let member = state.members.get_mut(&self.id).expect("members stay known");
        let (group, topic) = (member.group.clone(), member.topic.clone());
        let mut events = Vec::new();
        for (partition, phase) in &mut member.phases {
            let Phase::New(since) = *phase else { continue };
            match state.broker.pending(&group, &topic, *partition) {
                Some(writer) if state.now >= since + TAKEOVER_PATIENCE => {
                    state.broker.start_writer(&writer);
                },
                Some(_) => {},
                None => {
                    *phase = Phase::Told;
                    let (process, partition) = (self.process, *partition);
                    let committed = state.broker.committed(&group, &topic, partition);
                    state.seen.push(Seen::Assigned { process, partition });
                    events.push(MemberEvent::Assigned { partition, committed });
                },
            }
        }
        events
    }

    fn fetch(&self, state: &mut State, records_max: usize) -> Result<Vec<MemberEvent>> {
        let call = state.calls;
        let mut left = if state.seed == 0 { records_max } else { records_max.min(share(state.seed, call)) };
        let dirty = state.is_dirty();
        let member = state.members.get_mut(&self.id).expect("members stay known");
        let mut events = Vec::new();
        for (partition, phase) in &mut member.phases {
            let Phase::Started(next) = phase else { continue };
            if member.revoked.contains(partition) {
                continue;
            }
            let (records, behind) = state.broker.read(&member.topic, *partition, *next, left, dirty)?;
            *next = behind;
            left -= records.len();
            if !records.is_empty() {
                let offsets = records.iter().map(|record| record.offset).collect();
                state.seen.push(Seen::Delivered { process: self.process, partition: *partition, offsets });
                let inputs = records.into_iter().map(input).collect();
                events.push(MemberEvent::Records { partition: *partition, inputs });
            }
        }
        Ok(events)
    }
}

fn input(record: Record) -> Input {
    let Record { offset, timestamp, key, value, .. } = record;
    Input { offset, timestamp, key, value }
}

impl Member for SimulatedMember {
    fn poll(&mut self, records_max: usize, timeout: Duration) -> Result<Vec<MemberEvent>> {
        let verdict = self.world.reach(self.process, Point::Poll, &records_max);
        verdict.or_refused()?;
        let world = self.world.clone();
        let mut state = world.lock();
        if let Verdict::Slow { millis } = verdict {
            state.advance(millis);
            return Ok(Vec::new());
        }
        let events = self.news(&mut state)?;
        if !events.is_empty() {
            state.note(&format!("  {} is told {events:?}", self.process));
            return Ok(events);
        }
        let events = self.fetch(&mut state, records_max)?;
        let waits =
            if events.is_empty() { u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX) } else { 1 };
        state.advance(waits);
        for event in &events {
            if let MemberEvent::Records { partition, inputs } = event {
                let offsets: Vec<u64> = inputs.iter().map(|input| input.offset.0).collect();
                state.note(&format!("  {} gets {partition}@{offsets:?}", self.process));
            }
        }
        Ok(events)
    }

    fn start(&mut self, partition: Partition, from: Offset) -> Result<()> {
        let at = format!("{partition}@{from}");
        self.world.reach(self.process, Point::Start, &at).or_refused()?;
        let mut state = self.world.lock();
        let member = state.members.get_mut(&self.id).expect("members stay known");
        // A partition that was asked back or lost meanwhile is not started, which the next poll tells.
        if member.phases.get(&partition) != Some(&Phase::Told) || member.revoked.contains(&partition) {
            return Ok(());
        }
        member.phases.insert(partition, Phase::Started(from));
        let topic = member.topic.clone();
        check_range(&topic, partition, from, state.broker.len(&topic, partition)?)?;
        state.seen.push(Seen::Started { process: self.process, partition, from });
        Ok(())
    }

    fn release(&mut self, partition: Partition) -> Result<()> {
        self.world.reach(self.process, Point::Release, &partition).or_refused()?;
        let mut state = self.world.lock();
        let process = self.process;
        state.seen.push(Seen::Ended { process, partition });
        let member = state.members.get_mut(&self.id).expect("members stay known");
        member.phases.remove(&partition);
        member.revoked.remove(&partition);
        if !member.expelled {
            let group = member.group.clone();
            state.groups.get_mut(&group).expect("members are of groups").release(partition, self.id);
        }
        Ok(())
    }

    fn commit(
        &mut self,
        records: Vec<Outgoing>,
        positions: Positions<'_>,
    ) -> std::result::Result<Vec<Place>, CommitError> {
        self.transact(records, positions)
    }

    fn leave(self: Box<Self>) -> Result<()> {
        self.world.lock().remove_member(self.id);
        Ok(())
    }
}
