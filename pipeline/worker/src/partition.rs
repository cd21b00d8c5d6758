//! One partition at work: its store, its position, and what it has decided since the last commit.

use engine::{
    Context, CorruptState, Effects, Input, Key, Offset, Partition, Table, Timestamp, View, Write, apply, plan,
};
use ports::changelog::{self, POSITION_HEADER};
use ports::{Error, ErrorKind, Header, Outgoing, Position, Result, Store};
use rules::Snapshot;

use crate::outgoing::{self, Source};
use crate::recovery::position_write;
use crate::segment::Segment;
use crate::settings::Settings;

/// A live partition.
pub(crate) struct LivePartition {
    pub(crate) partition: Partition,
    /// How many partitions the event topic has.
    pub(crate) partitions: u32,
    store: Box<dyn Store>,
    committed: Position,
    /// The position after the uncommitted segment.
    next: Offset,
    pub(crate) control: Offset,
    clock: Timestamp,
    pub(crate) segment: Segment,
}

/// What a batch did, for metrics.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) events: u64,
    pub(crate) matches: u64,
    pub(crate) dead_letters: Vec<&'static str>,
}

impl LivePartition {
    pub(crate) fn new(
        partition: Partition,
        partitions: u32,
        store: Box<dyn Store>,
        committed: Position,
    ) -> Self {
        Self {
            partition,
            partitions,
            store,
            next: committed.next,
            control: committed.control,
            clock: committed.clock,
            committed,
            segment: Segment::default(),
        }
    }

    /// The offset of the next event to be evaluated.
    pub(crate) fn next(&self) -> Offset {
        self.next
    }

    pub(crate) fn store(&self) -> &dyn Store {
        self.store.as_ref()
    }

    /// Evaluates a batch into the segment.
    pub(crate) fn evaluate(
        &mut self,
        snapshot: &Snapshot,
        settings: &Settings,
        inputs: Vec<Input>,
        now: Timestamp,
    ) -> Result<Tally> {
        let Some(last) = inputs.last().map(|input| input.offset) else {
            return Ok(Tally::default());
        };
        if let Some(first) = inputs.first().filter(|first| first.offset < self.next) {
            return Err(Error::new(
                ErrorKind::Corrupt,
                format!("event {} came again after {} was evaluated", first.offset, self.next),
            ));
        }
        let clock = inputs.iter().map(|input| input.timestamp.min(now)).max().unwrap_or(self.clock);
        let plan = plan(snapshot, self.partition, self.partitions, inputs);
        let view = self.fetch(plan.reads().into_iter().collect())?;
        let context = Context { topic: &settings.topics.events, partition: self.partition, now };
        let effects = apply(plan, view, &context).map_err(unreadable)?;
        self.next = last.next();
        self.clock = self.clock.max(clock);
        self.segment.touch();
        Ok(self.take(effects, settings))
    }

    /// Adds a control record's dead letter; the owner of partition 0 writes those of the control topic.
    pub(crate) fn refuse_control(&mut self, settings: &Settings, letter: &engine::DeadLetter) {
        let source = Source { topic: &settings.topics.controls, partition: Partition(0) };
        self.segment.emit(outgoing::dead_letter(
            &settings.topics.dead_letters,
            self.partition,
            &source,
            letter,
        ));
    }

    /// Stages changes of the stored rules, and with them that the rules up to `control` are in force.
    pub(crate) fn follow_rules(&mut self, writes: Vec<Write>, control: Offset) {
        writes.into_iter().for_each(|write| self.segment.stage(write));
        self.control = control;
        self.segment.touch();
    }

    /// The position that a commit of the segment would reach, but for the changelog.
    pub(crate) fn reached(&self, writer: &str) -> Position {
        Position {
            epoch: self.committed.epoch + 1,
            next: self.next,
            control: self.control,
            clock: self.clock,
            writer: writer.to_owned(),
            ..self.committed.clone()
        }
    }

    /// The segment's changelog records. There is one for every commit that touches the partition, also without any
    /// change of state, so that a recovery sees every epoch.
    pub(crate) fn changelog(&self, topic: &str, writes: &[Write], reached: &Position) -> Vec<Outgoing> {
        let header = Header::new(POSITION_HEADER, reached.to_string());
        let record = |value| Outgoing {
            topic: topic.to_owned(),
            partition: Some(self.partition),
            timestamp: None,
            key: None,
            value: Some(value),
            headers: vec![header.clone()],
        };
        changelog::encode(writes).into_iter().map(record).collect()
    }

    /// Takes over what was committed: into the store, and as the start of the next segment.
    pub(crate) fn settle(&mut self, mut writes: Vec<Write>, position: Position) -> Result<()> {
        writes.push(position_write(&position));
        self.store.write(&writes)?;
        self.committed = position;
        self.segment = Segment::default();
        Ok(())
    }

    /// One read for the whole batch: from the segment what was decided since the last commit, the rest from the store.
    fn fetch(&self, keys: Vec<Key>) -> Result<View> {
        let unstaged: Vec<Key> =
            keys.iter().filter(|key| self.segment.staged(Table::State, key).is_none()).cloned().collect();
        let stored = self.store.get_many(Table::State, &unstaged)?;
        let fetched = unstaged.into_iter().zip(stored);
        let staged = keys.into_iter().filter_map(|key| {
            let value = self.segment.staged(Table::State, &key)?.clone();
            Some((key, value))
        });
        Ok(View::new(fetched.chain(staged)))
    }

    fn take(&mut self, effects: Effects, settings: &Settings) -> Tally {
        for write in effects.writes {
            self.segment.stage(write);
        }
        self.segment.alerts += effects.alerts.len() as u64;
        for alert in &effects.alerts {
            self.segment.emit(outgoing::alert(&settings.topics.alerts, self.partition, alert));
        }
        let source = Source { topic: &settings.topics.events, partition: self.partition };
        for letter in &effects.dead_letters {
            let record =
                outgoing::dead_letter(&settings.topics.dead_letters, self.partition, &source, letter);
            self.segment.emit(record);
        }
        Tally {
            events: effects.events,
            matches: effects.matches,
            dead_letters: effects.dead_letters.iter().map(|letter| letter.reason.code()).collect(),
        }
    }
}

fn unreadable(error: CorruptState) -> Error {
    Error::new(ErrorKind::Corrupt, error.to_string())
}
