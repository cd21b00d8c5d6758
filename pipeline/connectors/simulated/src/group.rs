//! The coordinator of a group: who is a member, which partition is whose, and what each member knows of it.
//!
//! Cooperative: a partition that is to move is asked back first, and goes to its new owner when the old one has given it
//! up or is taken for dead. A name is lasting: a process that joins under it takes the place of the one before.

use std::collections::{BTreeMap, BTreeSet};

use engine::{Offset, Partition};

use crate::chance::draw;
use crate::process::ProcessId;
use crate::world::State;

/// After so many milliseconds without a beat a member is taken for dead.
pub(crate) const SESSION_TIMEOUT: u64 = 6_000;

/// What a member knows of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Given by the group, not told yet; since when.
    New(u64),
    /// Told to the caller.
    Told,
    /// Delivered up to this offset.
    Started(Offset),
}

/// A member, as it sees itself.
#[derive(Debug)]
pub(crate) struct MemberState {
    pub(crate) process: ProcessId,
    pub(crate) group: String,
    pub(crate) topic: String,
    pub(crate) name: String,
    /// The generation of the group that it knows of.
    pub(crate) generation: u64,
    pub(crate) phases: BTreeMap<Partition, Phase>,
    pub(crate) revoked: BTreeSet<Partition>,
    /// Another process has taken its name.
    pub(crate) fenced: bool,
    /// The group took it for dead, and it has not noticed.
    pub(crate) expelled: bool,
    last_beat: u64,
}

impl MemberState {
    /// Whether the caller knows of a partition as its own.
    pub(crate) fn holds(&self, partition: Partition) -> bool {
        self.phases.get(&partition).is_some_and(|phase| !matches!(phase, Phase::New(_)))
    }
}

/// A group.
#[derive(Debug, Default)]
pub(crate) struct Group {
    pub(crate) generation: u64,
    partitions: u32,
    members: BTreeSet<u64>,
    pub(crate) owner: BTreeMap<Partition, u64>,
    target: BTreeMap<Partition, u64>,
}

impl Group {
    /// Deals the partitions out: as evenly as can be, each where it is if that is fair. `turn` moves where counting begins.
    fn deal(&mut self, turn: u64) {
        self.generation += 1;
        self.target.clear();
        if self.members.is_empty() {
            return;
        }
        let members: Vec<u64> = self.members.iter().copied().collect();
        let most = (self.partitions as usize).div_ceil(members.len());
        let mut load: BTreeMap<u64, usize> = BTreeMap::new();
        for partition in (0..self.partitions).map(Partition) {
            let owner = self.owner.get(&partition).filter(|owner| self.members.contains(owner));
            if let Some(owner) =
                owner.filter(|owner| turn == 0 && load.get(owner).is_none_or(|held| *held < most))
            {
                *load.entry(*owner).or_default() += 1;
                self.target.insert(partition, *owner);
            }
        }
        for partition in (0..self.partitions).map(Partition) {
            self.target.entry(partition).or_insert_with(|| {
                let first = usize::try_from(turn % members.len() as u64).unwrap_or(0);
                let order = members[first..].iter().chain(&members[..first]);
                let held = |member: &&u64| load.get(member).copied().unwrap_or(0);
                let least = *order.min_by_key(held).expect("there are members");
                *load.entry(least).or_default() += 1;
                least
            });
        }
        self.hand_out();
    }

    /// Gives partitions that nobody has to those who shall have them.
    fn hand_out(&mut self) {
        let members = &self.members;
        self.owner.retain(|_, owner| members.contains(owner));
        for (partition, member) in &self.target {
            self.owner.entry(*partition).or_insert(*member);
        }
    }

    /// Whether a partition of this member is to go to another.
    pub(crate) fn wants_back(&self, partition: Partition, member: u64) -> bool {
        self.owner.get(&partition) == Some(&member) && self.target.get(&partition) != Some(&member)
    }

    /// A member gives a partition up.
    pub(crate) fn release(&mut self, partition: Partition, member: u64) {
        if self.owner.get(&partition) == Some(&member) {
            self.owner.remove(&partition);
            self.hand_out();
        }
    }
}

impl State {
    /// A process joins a group, in the place of the one of its name if there is one. Answers its number.
    pub(crate) fn join(
        &mut self,
        process: ProcessId,
        group: &str,
        topic: &str,
        name: &str,
        partitions: u32,
    ) -> u64 {
        let id = self.members.keys().next_back().map_or(0, |last| last + 1);
        let before = self.groups.entry(group.to_owned()).or_default().members.clone();
        let former =
            before.into_iter().find(|other| self.members.get(other).is_some_and(|other| other.name == name));
        let known = self.groups.get_mut(group).expect("it was just made");
        known.partitions = partitions;
        known.members.insert(id);
        if let Some(former) = former {
            known.members.remove(&former);
            for owner in known.owner.values_mut().filter(|owner| **owner == former) {
                *owner = id;
            }
            if let Some(former) = self.members.get_mut(&former) {
                (former.fenced, former.expelled) = (true, true);
            }
        }
        known.deal(0);
        let (phases, revoked) = Default::default();
        let generation = known.generation;
        let (group, topic, name, last_beat) = (group.to_owned(), topic.to_owned(), name.to_owned(), self.now);
        let member = MemberState {
            process,
            group,
            topic,
            name,
            generation,
            phases,
            revoked,
            fenced: false,
            expelled: false,
            last_beat,
        };
        self.members.insert(id, member);
        id
    }

    /// A member leaves, or is taken for dead.
    pub(crate) fn remove_member(&mut self, id: u64) {
        let Some(member) = self.members.get_mut(&id) else { return };
        member.expelled = true;
        let group = member.group.clone();
        let known = self.groups.get_mut(&group).expect("members are of groups");
        if known.members.remove(&id) {
            known.deal(0);
            let line = format!("t={} member {id} is out of group {group}", self.now);
            self.note(&line);
        }
    }

    /// Members of processes that run beat by themselves; the others are taken for dead after a while.
    pub(crate) fn expire_sessions(&mut self) {
        let now = self.now;
        let mut dead = Vec::new();
        for (id, member) in self.members.iter_mut().filter(|(_, member)| !member.expelled) {
            let process = &self.processes[member.process.0 as usize];
            if process.alive && !process.stopped {
                member.last_beat = now;
            } else if now - member.last_beat >= SESSION_TIMEOUT {
                dead.push(*id);
            }
        }
        dead.into_iter().for_each(|id| self.remove_member(id));
    }

    /// The group takes the members of a process for dead.
    pub(crate) fn expel(&mut self, process: ProcessId) {
        let members = self.members.iter().filter(|(_, member)| member.process == process && !member.expelled);
        for id in members.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.remove_member(id);
        }
    }

    /// Groups deal their partitions anew, not where they are.
    pub(crate) fn deal_anew(&mut self, call: u64) {
        let turn = 1 + draw(self.seed, call, 11) % 16;
        self.groups.values_mut().for_each(|group| group.deal(turn));
    }
}
