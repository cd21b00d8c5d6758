//! What workers did, as seen at their ports: which events met which rules, and invariants that hold at each step.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use engine::{Offset, Partition, Timestamp};
use ports::changelog::{Assembler, POSITION_HEADER};
use ports::{Committed, Outgoing, Place, Position, Topics, header};
use rules::SavepointId;
use simulated::{ProcessId, Seen, Tables};

use crate::APP;
use crate::play::Played;
use crate::scenario::Scenario;

/// Something that a worker did on a partition, and that was committed.
#[derive(Debug, Clone)]
pub(crate) struct Deed {
    /// Up to which control record rules were in force.
    pub(crate) control: Offset,
    /// The time of day as the worker saw it.
    pub(crate) wall: Timestamp,
    /// What it did.
    pub(crate) what: Done,
}

/// What a worker did.
#[derive(Debug, Clone)]
pub(crate) enum Done {
    /// It evaluated these events.
    Events(Vec<Offset>),
    /// It let time go on, because nothing came.
    Silence,
    /// It committed, and said how far the ingestion clock and the rules have come.
    Commit(Timestamp),
}

/// What was seen.
#[derive(Default)]
pub(crate) struct Witnessed {
    pub(crate) deeds: BTreeMap<Partition, Vec<Deed>>,
    /// Partitions that a worker found to be silent after their last event.
    pub(crate) silent: BTreeSet<Partition>,
    /// At which control record the parts of savepoints were taken.
    pub(crate) parts: BTreeMap<SavepointId, BTreeMap<Partition, Offset>>,
    pub(crate) wrong: Vec<String>,
}

#[derive(Default)]
struct Process {
    /// The reader that follows the rules: the first on that topic.
    control_reader: Option<u64>,
    control: Offset,
    wall: Timestamp,
    /// Batches that were delivered and are not evaluated yet.
    delivered: VecDeque<(Partition, Vec<Offset>)>,
    assigned: BTreeSet<Partition>,
    live: BTreeMap<Partition, Live>,
}

struct Live {
    next: Offset,
    /// The end of the partition when the worker looked last.
    end: Offset,
    /// Up to where it found nothing to read.
    empty_until: Offset,
    pending: Vec<Deed>,
}

/// What is committed of a partition.
#[derive(Default)]
struct History {
    position: Option<Position>,
    tables: Tables,
    /// The fingerprint of the state after each epoch, from epoch 0 on.
    fingerprints: Vec<u64>,
}

struct Witness {
    topics: Topics,
    processes: BTreeMap<ProcessId, Process>,
    /// Those that follow the rules, and those that look for the end of a partition of events.
    readers: BTreeMap<u64, ProcessId>,
    probes: BTreeMap<u64, (ProcessId, Partition)>,
    histories: BTreeMap<Partition, History>,
    out: Witnessed,
}

/// Goes through all that was seen.
pub(crate) fn witness(scenario: &Scenario, played: &Played) -> Witnessed {
    let (processes, readers, probes, out) = Default::default();
    let fresh = || History { fingerprints: vec![0], ..History::default() };
    let histories = (0..scenario.partitions).map(|partition| (Partition(partition), fresh())).collect();
    let mut witness = Witness { topics: Topics::of(APP), processes, readers, probes, histories, out };
    played.seen.iter().for_each(|seen| witness.see(seen));
    witness.out
}

impl Witness {
    fn see(&mut self, seen: &Seen) {
        match seen {
            Seen::Opened { process, reader, topic, from, .. } if *topic == self.topics.controls => {
                let known = self.processes.entry(*process).or_default();
                if known.control_reader.is_none() {
                    (known.control_reader, known.control) = (Some(*reader), *from);
                    self.readers.insert(*reader, *process);
                }
            },
            Seen::Opened { process, reader, topic, partition, .. } if *topic == self.topics.events => {
                self.probes.insert(*reader, (*process, *partition));
            },
            Seen::Emptied { reader } => self.emptied(*reader),
            Seen::Read { reader, next, .. } => {
                if let Some(process) = self.readers.get(reader) {
                    self.processes.entry(*process).or_default().control = *next;
                }
            },
            Seen::Time { process, wall } => self.time(*process, *wall),
            Seen::Started { process, partition, from } => {
                let live = Live { next: *from, end: *from, empty_until: *from, pending: Vec::new() };
                self.processes.entry(*process).or_default().live.insert(*partition, live);
            },
            Seen::Assigned { process, partition } => {
                let known = self.processes.entry(*process).or_default();
                known.live.remove(partition);
                known.assigned.insert(*partition);
            },
            Seen::Ended { process, partition } => {
                let known = self.processes.entry(*process).or_default();
                known.live.remove(partition);
                known.assigned.remove(partition);
            },
            Seen::Delivered { process, partition, offsets } => {
                self.out.silent.remove(partition);
                let known = self.processes.entry(*process).or_default();
                known.delivered.push_back((*partition, offsets.clone()));
            },
            Seen::Looked { process, topic, partition, end } if *topic == self.topics.events => {
                self.looked(*process, *partition, *end);
            },
            Seen::Committed { process, others, records, positions } => {
                for (partition, other) in others {
                    self.accuse(format!("{process} commits partition {partition}, which {other} works on"));
                }
                for (partition, committed) in positions {
                    self.committed(*process, *partition, committed, records);
                }
            },
            Seen::Stored { process, partition, fingerprint, position } => {
                self.stored(*process, *partition, *fingerprint, position.as_deref());
            },
            Seen::Restored { process, partition, fingerprint, position } => {
                self.stored(*process, *partition, *fingerprint, Some(position));
            },
            Seen::Part { process, partition, savepoint, fingerprint, position } => {
                self.stored(*process, *partition, *fingerprint, position.as_deref());
                let position = position.as_deref().and_then(|text| text.parse::<Position>().ok());
                let parts = self.out.parts.entry(*savepoint).or_default();
                parts.extend(position.map(|position| (*partition, position.control)));
            },
            Seen::Died { process } => drop(self.processes.remove(process)),
            Seen::Opened { .. } | Seen::Looked { .. } => {},
        }
    }

    fn accuse(&mut self, what: String) {
        self.out.wrong.push(what);
    }

    /// A worker reads its clock before it evaluates a batch.
    fn time(&mut self, process: ProcessId, wall: Timestamp) {
        let known = self.processes.entry(process).or_default();
        known.wall = wall;
        let Some((partition, offsets)) = known.delivered.pop_front() else { return };
        let (Some(live), Some(last)) = (known.live.get_mut(&partition), offsets.last()) else { return };
        live.next = last.next();
        live.pending.push(Deed { control: known.control, wall, what: Done::Events(offsets) });
    }

    /// A worker that looks for the end of a partition and finds that it has come there lets time go on.
    fn looked(&mut self, process: ProcessId, partition: Partition, end: Offset) {
        let known = self.processes.entry(process).or_default();
        let Some(live) = known.live.get_mut(&partition) else { return };
        live.end = end;
        if end <= live.next.max(live.empty_until) {
            self.out.silent.insert(partition);
            live.pending.push(Deed { control: known.control, wall: known.wall, what: Done::Silence });
        }
    }

    /// The same where the last places of a partition hold nothing to be read.
    fn emptied(&mut self, reader: u64) {
        let Some((process, partition)) = self.probes.get(&reader) else { return };
        let known = self.processes.entry(*process).or_default();
        let Some(live) = known.live.get_mut(partition) else { return };
        live.empty_until = live.end;
        self.out.silent.insert(*partition);
        live.pending.push(Deed { control: known.control, wall: known.wall, what: Done::Silence });
    }

    fn committed(
        &mut self,
        process: ProcessId,
        partition: Partition,
        committed: &Committed,
        records: &[(Outgoing, Place)],
    ) {
        let position: Position = match committed.metadata.parse() {
            Ok(position) => position,
            Err(problem) => return self.accuse(format!("partition {partition}: {problem}")),
        };
        let history = self.histories.entry(partition).or_default();
        let before = history.position.replace(position.clone());
        let expected = before.as_ref().map_or(1, |before| before.epoch + 1);
        let mut wrong = Vec::new();
        if position.epoch != expected {
            wrong.push(format!("epoch {} follows {}", position.epoch, expected - 1));
        }
        if before.is_some_and(|before| {
            before.next > position.next
                || before.control > position.control
                || before.clock > position.clock
                || before.changelog >= position.changelog
                || !before.is_comparable_to(&position)
        }) {
            wrong.push("a position goes back".to_owned());
        }
        if committed.next != position.next {
            wrong.push("the offset and its metadata differ".to_owned());
        }
        wrong.extend(self.follow_changelog(partition, &position, records));
        let known = self.processes.entry(process).or_default();
        let commit = Deed { control: position.control, wall: known.wall, what: Done::Commit(position.clock) };
        match known.live.get_mut(&partition) {
            // It takes part in a savepoint on its way to the rules of the others, and takes no events yet.
            None if known.assigned.contains(&partition) => {
                self.out.deeds.entry(partition).or_default().push(commit);
            },
            None => wrong.push(format!("{process} commits what it does not work on")),
            Some(live) => {
                let is_covered = |deed: &Deed| {
                    let events = match &deed.what {
                        Done::Events(offsets) => offsets.last().is_none_or(|last| *last < position.next),
                        Done::Silence | Done::Commit(_) => true,
                    };
                    events && deed.control <= position.control
                };
                let count = live.pending.iter().take_while(|deed| is_covered(deed)).count();
                let deeds = self.out.deeds.entry(partition).or_default();
                deeds.extend(live.pending.drain(..count));
                deeds.push(commit);
            },
        }
        for what in wrong {
            self.accuse(format!("partition {partition}, `{position}`: {what}"));
        }
    }

    /// The changelog record of an epoch is part of its commit, says the position, and leads to the next state.
    fn follow_changelog(
        &mut self,
        partition: Partition,
        position: &Position,
        records: &[(Outgoing, Place)],
    ) -> Option<String> {
        let own = records
            .iter()
            .filter(|(record, place)| record.topic == self.topics.changelog && place.partition == partition);
        let mut assembler = Assembler::default();
        let (mut writes, mut last) = (None, None);
        for (record, place) in own {
            let text = header(&record.headers, POSITION_HEADER)?;
            let said: Option<Position> = std::str::from_utf8(text).ok()?.parse().ok();
            if said.is_none_or(|said| said.epoch != position.epoch || said.next != position.next) {
                return Some("a changelog record is about another epoch".to_owned());
            }
            last = Some(place.offset);
            match assembler.take(record.value.as_deref().unwrap_or_default()) {
                Ok(taken) => writes = taken.or(writes),
                Err(problem) => return Some(problem.to_string()),
            }
        }
        let history = self.histories.entry(partition).or_default();
        let (Some(writes), Some(last)) = (writes, last) else {
            return Some("the commit has no changelog record".to_owned());
        };
        history.tables.write(&writes);
        history.fingerprints.push(history.tables.fingerprint());
        (last.next() != position.changelog).then(|| "it names another place of the changelog".to_owned())
    }

    /// A store is a prefix of committed history at every moment.
    fn stored(&mut self, process: ProcessId, partition: Partition, fingerprint: u64, position: Option<&str>) {
        let Some(position) = position.and_then(|text| text.parse::<Position>().ok()) else { return };
        let Some(history) = self.histories.get(&partition) else { return };
        let epoch = usize::try_from(position.epoch).unwrap_or(usize::MAX);
        let wrong = match history.fingerprints.get(epoch) {
            None => "is ahead of what is committed",
            Some(expected) if *expected != fingerprint => "is no prefix of what is committed",
            Some(_) => return,
        };
        self.accuse(format!("the store of partition {partition} of {process} {wrong} at `{position}`"));
    }
}
