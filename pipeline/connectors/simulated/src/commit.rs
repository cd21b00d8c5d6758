//! A commit, step by step, with everything that can go wrong between the steps.

use engine::{Partition, Table, Write};
use ports::changelog::{self, Assembler, POSITION_HEADER};
use ports::{CommitError, Committed, Error, ErrorKind, Outgoing, Place, Position, Positions, Stores, header};

use crate::chance::below;
use crate::fault::Point;
use crate::member::SimulatedMember;
use crate::mutation::Mutation;
use crate::seen::Seen;
use crate::stores::SimulatedStores;
use crate::world::{State, Verdict};

type Committing<T> = Result<T, CommitError>;

/// What a member of a group stands for at the broker.
enum Standing {
    /// It may commit.
    Good,
    /// The group has been dealt anew; it may try again.
    Behind,
    /// What it had is gone.
    Gone,
}

impl SimulatedMember {
    pub(crate) fn transact(
        &mut self,
        records: Vec<Outgoing>,
        positions: Positions<'_>,
    ) -> Committing<Vec<Place>> {
        let verdict = self.world.reach(self.process, Point::CommitBegin, &records.len());
        let world = self.world.clone();
        let mut state = world.lock();
        self.begin(&mut state)?;
        if verdict == Verdict::Aborted {
            return Err(aborted("before it began"));
        }
        let mut records = records;
        let skips =
            state.mutation == Some(Mutation::ChangelogSkipped) && below(state.seed, state.calls, 30, 4) == 0;
        if skips {
            empty_changelog(&mut records);
        }
        let partitions: Result<Vec<_>, Error> =
            records.iter().map(|record| state.broker.place(record)).collect();
        let partitions = partitions.map_err(CommitError::Fatal)?;
        if records.is_empty() && positions(&[]).is_empty() {
            return Ok(Vec::new());
        }
        let (now, began) = (state.broker_time(), state.now);
        let transaction = state.broker.begin(&self.writer, began);
        let mut places = Vec::with_capacity(records.len());
        for (partition, record) in partitions.into_iter().zip(records.iter().cloned()) {
            places.push(state.broker.append(partition, record, now, Some(transaction)));
        }
        drop(state);
        let new = positions(&places);
        if new.is_empty() {
            world.lock().broker.end(transaction, false);
            let problem = "a commit needs a position for every partition that it speaks for";
            return Err(CommitError::Fatal(Error::new(ErrorKind::Refused, problem)));
        }
        if world.lock().mutation == Some(Mutation::StoreFirst) {
            self.store_first(&records, &new);
        }
        let verdict = world.reach(self.process, Point::CommitWritten, &transaction);
        self.send(&mut world.lock(), transaction, verdict, &new)?;
        let verdict = world.reach(self.process, Point::CommitSent, &transaction);
        if let Verdict::AnswerLost { settled } = verdict {
            // The end never reached the coordinator.
            return Err(self.settle(settled, false).err().unwrap_or_else(|| aborted("its end got lost")));
        }
        self.end(&mut world.lock(), transaction, verdict, &new)?;
        let written = records.into_iter().zip(places.iter().copied()).collect();
        self.tell(&mut world.lock(), written, new);
        let verdict = world.reach(self.process, Point::CommitEnded, &transaction);
        let apart = std::mem::take(&mut self.apart);
        world.lock().broker.commit_positions(apart);
        if let Verdict::AnswerLost { settled } = verdict {
            self.settle(settled, true)?;
        }
        Ok(places)
    }

    /// Whatever is known before a commit that makes it vain.
    fn begin(&mut self, state: &mut State) -> Committing<()> {
        let member = state.members.get_mut(&self.id).expect("members stay known");
        if member.fenced {
            let problem = "another process has joined under this name";
            return Err(CommitError::Fatal(Error::new(ErrorKind::Fenced, problem)));
        }
        let known = state.groups.get(&member.group).expect("members are of groups");
        if member.expelled {
            if state.mutation == Some(Mutation::ZombiesPass) || state.mutation == Some(Mutation::LossHidden) {
                return Ok(());
            }
            return Err(lost("partitions were lost before the commit began"));
        }
        member.generation = known.generation;
        if !state.broker.is_current(&self.writer, self.epoch) {
            self.epoch = state.broker.start_writer(&self.writer);
        }
        Ok(())
    }

    /// Makes the positions part of the transaction, if the group lets this member.
    fn send(
        &mut self,
        state: &mut State,
        transaction: u64,
        verdict: Verdict,
        new: &[(Partition, Committed)],
    ) -> Committing<()> {
        let member = state.members.get(&self.id).expect("members stay known");
        let (group, topic) = (member.group.clone(), member.topic.clone());
        let refusal = match self.standing(state, new) {
            Standing::Good if verdict == Verdict::Aborted => Some(aborted("it is refused by the simulation")),
            Standing::Good if !state.broker.is_still_open(transaction) => Some(aborted("somebody ended it")),
            Standing::Good => None,
            Standing::Behind => Some(aborted("the group has been dealt anew")),
            Standing::Gone => Some(lost("a partition is not this member's any more")),
        };
        if let Some(refusal) = refusal {
            state.broker.end(transaction, false);
            return Err(refusal);
        }
        if state.mutation != Some(Mutation::PositionsApart) {
            let new = new.iter().cloned();
            let positions =
                new.map(|(partition, committed)| (group.clone(), topic.clone(), partition, committed));
            state.broker.send(transaction, positions.collect());
        }
        Ok(())
    }

    fn end(
        &mut self,
        state: &mut State,
        transaction: u64,
        verdict: Verdict,
        new: &[(Partition, Committed)],
    ) -> Committing<()> {
        if verdict == Verdict::Aborted {
            state.broker.end(transaction, false);
            return Err(aborted("it is refused by the simulation"));
        }
        if !state.broker.end(transaction, true) {
            // The coordinator or a successor has ended it.
            return Err(match self.standing(state, new) {
                Standing::Gone => lost("a successor has ended the transaction"),
                Standing::Good | Standing::Behind => aborted("the transaction has timed out"),
            });
        }
        if state.mutation == Some(Mutation::PositionsApart) {
            let member = state.members.get(&self.id).expect("members stay known");
            let (group, topic) = (member.group.clone(), member.topic.clone());
            let new = new.iter().cloned();
            let late: Vec<_> = new
                .map(|(partition, committed)| (group.clone(), topic.clone(), partition, committed))
                .collect();
            self.apart = late;
        }
        Ok(())
    }

    fn standing(&self, state: &State, new: &[(Partition, Committed)]) -> Standing {
        if matches!(state.mutation, Some(Mutation::ZombiesPass | Mutation::LossHidden)) {
            return Standing::Good;
        }
        let member = state.members.get(&self.id).expect("members stay known");
        if member.expelled || new.iter().any(|(partition, _)| !member.holds(*partition)) {
            return Standing::Gone;
        }
        let known = state.groups.get(&member.group).expect("members are of groups");
        if known.generation == member.generation { Standing::Good } else { Standing::Behind }
    }

    /// The writer does not know what became of its transaction: it starts anew, which ends what is open, and looks what is
    /// committed. Or it never learns.
    fn settle(&mut self, settled: bool, happened: bool) -> Committing<()> {
        let mut state = self.world.lock();
        state.advance(500);
        if !settled {
            let problem = "it is unknown whether a commit happened; a restart will tell";
            return Err(CommitError::Fatal(Error::new(ErrorKind::Unavailable, problem)));
        }
        self.epoch = state.broker.start_writer(&self.writer);
        if happened {
            return Ok(());
        }
        let member = state.members.get(&self.id).expect("members stay known");
        Err(if member.expelled {
            lost("the group has excluded this member")
        } else {
            aborted("its end got lost")
        })
    }

    fn tell(
        &self,
        state: &mut State,
        records: Vec<(Outgoing, Place)>,
        positions: Vec<(Partition, Committed)>,
    ) {
        let member = state.members.get(&self.id).expect("members stay known");
        let rivals = state
            .members
            .iter()
            .filter(|(id, rival)| **id != self.id && rival.group == member.group && !rival.expelled);
        let mut others = Vec::new();
        for (partition, _) in &positions {
            let holding = rivals.clone().filter(|(_, rival)| rival.holds(*partition));
            others.extend(holding.map(|(_, rival)| (*partition, rival.process)));
        }
        for (partition, committed) in &positions {
            state.note(&format!("  {} commits {partition}: {}", self.process, committed.metadata));
        }
        state.seen.push(Seen::Committed { process: self.process, others, records, positions });
    }

    /// A worker that writes its stores before the commit.
    fn store_first(&self, records: &[Outgoing], new: &[(Partition, Committed)]) {
        let stores = SimulatedStores::new(self.world.clone(), self.process);
        for (partition, committed) in new {
            let mut assembler = Assembler::default();
            let own = records.iter().filter(|record| {
                record.partition == Some(*partition) && header(&record.headers, POSITION_HEADER).is_some()
            });
            let taken = own.filter_map(|record| assembler.take(record.value.as_deref()?).ok()?).last();
            let (Some(mut writes), Ok(mut store)) = (taken, stores.open(*partition)) else { continue };
            let (table, key) = (Table::Meta, bytes::Bytes::from_static(b"position"));
            writes.push(Write::Put { table, key, value: committed.metadata.clone().into() });
            drop(store.write(&writes));
        }
    }
}

/// Takes the state writes out of the changelog records.
fn empty_changelog(records: &mut [Outgoing]) {
    for record in records {
        let position = header(&record.headers, POSITION_HEADER);
        let is_changelog = position
            .is_some_and(|text| std::str::from_utf8(text).is_ok_and(|text| text.parse::<Position>().is_ok()));
        if is_changelog {
            record.value = changelog::encode(&[]).into_iter().next();
        }
    }
}

fn aborted(problem: &str) -> CommitError {
    CommitError::Aborted(Error::new(ErrorKind::Unavailable, problem))
}

fn lost(problem: &str) -> CommitError {
    CommitError::Lost(Error::new(ErrorKind::Unavailable, problem))
}
