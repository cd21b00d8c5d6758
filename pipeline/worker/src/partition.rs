//! One partition at work: its store, its position, and what it has decided since the last commit.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use engine::{
    Context, Counts, DeadLetter, Effects, Failure, Idle, Input, Key, Offset, Partition, Table, Timestamp,
    Unavailable, View, Write, apply, wake,
};
use metrics::gauge;
use ports::changelog::{self, POSITION_HEADER, SAVEPOINT_HEADER};
use ports::{Error, ErrorKind, Header, Outgoing, Position, Result, Store};
use rules::{ActiveRule, RuleBook, SavepointId, Snapshot, Suspend};

use crate::bootstrap::{Bootstraps, Sources};
use crate::groups::{GroupBoard, Published};
use crate::metrics as names;
use crate::outgoing::{self, Source};
use crate::planning;
use crate::recovery::{position_write, savepoint_write, take_part};
use crate::segment::Segment;
use crate::settings::Settings;
use crate::suspending::Suspending;
use crate::sweeping::Sweeping;
use crate::uncommitted::Uncommitted;

/// A live partition.
pub(crate) struct LivePartition {
    pub(crate) partition: Partition,
    /// How many partitions the event topic has.
    pub(crate) partitions: u32,
    /// Stands before the store, since it must be dropped first.
    published: Option<Published>,
    pub(crate) store: Box<dyn Store>,
    committed: Position,
    /// The position after the uncommitted segment.
    next: Offset,
    pub(crate) control: Offset,
    pub(crate) clock: Timestamp,
    pub(crate) segment: Segment,
    suspending: Suspending,
    /// Rules that are being filled from the past.
    pub(crate) bootstraps: Bootstraps,
    pub(crate) sweeping: Sweeping,
    /// Stretches of the control topic that the partition has yet to follow; it takes no events before.
    behind: VecDeque<Leg>,
    /// Whether it takes events.
    pub(crate) is_started: bool,
}

/// What brings a partition from one line of the rules to a later one.
pub(crate) struct Leg {
    pub(crate) writes: Vec<Write>,
    pub(crate) control: Offset,
    pub(crate) savepoint: Option<SavepointId>,
    pub(crate) malformed: Vec<DeadLetter>,
    /// Rules that are new in it and want history.
    pub(crate) new: Vec<Arc<ActiveRule>>,
}

/// What a batch did, for metrics.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) counts: Counts,
    /// Pairs of event and rule of which is unknown whether they match.
    pub(crate) cut: u64,
    /// The suspensions that were asked for because of them.
    pub(crate) suspended: Vec<Suspend>,
    pub(crate) dead_letters: Vec<&'static str>,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.counts.add(&other.counts);
        self.cut += other.cut;
        self.suspended.extend(other.suspended);
        self.dead_letters.extend(other.dead_letters);
    }
}

impl LivePartition {
    pub(crate) fn new(
        partition: Partition,
        partitions: u32,
        store: Box<dyn Store>,
        committed: Position,
    ) -> Result<Self> {
        Ok(Self {
            bootstraps: Bootstraps::load(store.as_ref(), partition, partitions)?,
            partition,
            partitions,
            published: None,
            sweeping: Sweeping::of(store.as_ref())?,
            store,
            next: committed.next,
            control: committed.control,
            clock: committed.clock,
            committed,
            segment: Segment::default(),
            suspending: Suspending::default(),
            behind: VecDeque::new(),
            is_started: false,
        })
    }

    /// Lets the partition follow these stretches of the control topic, one after the other.
    pub(crate) fn catch_up(&mut self, legs: impl IntoIterator<Item = Leg>) {
        self.behind.extend(legs);
    }

    /// Follows the next stretch; a savepoint at its end must be committed before the one after it. Answers whether the
    /// partition is where the others are.
    pub(crate) fn follow(&mut self, sources: &Sources, settings: &Settings) -> Result<bool> {
        while self.segment.savepoint.is_none()
            && let Some(leg) = self.behind.pop_front()
        {
            leg.malformed.iter().for_each(|letter| self.refuse_control(settings, letter));
            self.welcome(leg.new, sources, settings)?;
            self.reach(leg.writes, leg.control);
            self.segment.savepoint = leg.savepoint;
        }
        Ok(self.behind.is_empty())
    }

    /// Shows the groups of its rules to others while it lives.
    pub(crate) fn publish(&mut self, board: &GroupBoard) {
        self.published = board.publish(self.partition, self.partitions, self.store.as_ref());
    }

    /// The offset of the next event to be evaluated.
    pub(crate) fn next(&self) -> Offset {
        self.next
    }

    /// The ingestion clock after the uncommitted segment.
    pub(crate) fn clock(&self) -> Timestamp {
        self.clock
    }

    pub(crate) fn store(&self) -> &dyn Store {
        self.store.as_ref()
    }

    /// Evaluates a batch into the segment.
    pub(crate) fn evaluate(
        &mut self,
        rules: &RuleBook,
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
        let mut plan =
            planning::plan(snapshot, self.partition, self.partitions, inputs, settings.plan_threads_max);
        if !self.bootstraps.is_idle() {
            self.bootstraps.withhold(&mut plan, rules);
        }
        let known = self.fetch(plan.reads().into_iter().collect())?;
        let source = Uncommitted { segment: &self.segment, store: self.store.as_ref() };
        let context = self.context(rules, settings, now, self.clock);
        let view = View::new(&source, known).with_customer_groups_max(settings.customer_groups_max);
        let effects = apply(plan, view, &context).map_err(failed)?;
        self.next = last.next();
        self.clock = effects.ingestion;
        self.segment.touch();
        let mut tally = self.take(effects, settings, now);
        // The ingestion clock has moved for the customers that sent nothing, too.
        tally.add(self.pass_to(rules, settings, now, self.clock)?);
        Ok(tally)
    }

    /// Tells how far its time is behind.
    pub(crate) fn report(&self, now: Timestamp) {
        // Before the first record there is no clock.
        if self.clock.0 > i64::MIN {
            let millis = now.0.saturating_sub(self.clock.0).max(0);
            #[expect(
                clippy::cast_precision_loss,
                reason = "gauges are floats; delays are far below 2^52 ms"
            )]
            gauge!(names::WATERMARK_DELAY_SECONDS, "partition" => self.partition.to_string())
                .set(millis as f64 / 1000.0);
        }
    }

    /// Lets time go on for customers that are silent: the partition is read to its end and has been for a while.
    pub(crate) fn wake(&mut self, rules: &RuleBook, settings: &Settings, now: Timestamp) -> Result<Tally> {
        self.pass_to(rules, settings, now, self.clock.max(now))
    }

    /// The ingestion clock goes on: what is due for silent customers fires. It is remembered with the next commit; it is
    /// no reason for one.
    fn pass_to(
        &mut self,
        rules: &RuleBook,
        settings: &Settings,
        now: Timestamp,
        ingestion: Timestamp,
    ) -> Result<Tally> {
        let source = Uncommitted { segment: &self.segment, store: self.store.as_ref() };
        let context = self.context(rules, settings, now, ingestion);
        let effects = wake(View::new(&source, []), &context).map_err(failed)?;
        self.clock = ingestion;
        if effects.writes.is_empty() {
            return Ok(Tally::default());
        }
        self.segment.touch();
        Ok(self.take(effects, settings, now))
    }

    /// What a batch is evaluated with; `ingestion` is how far the partition's ingestion clock has come.
    pub(crate) fn context<'a>(
        &self,
        rules: &'a RuleBook,
        settings: &'a Settings,
        now: Timestamp,
        ingestion: Timestamp,
    ) -> Context<'a> {
        Context {
            topic: &settings.topics.events,
            partition: self.partition,
            now,
            rules,
            clamps: true,
            waits: true,
            idle: Some(Idle { ingestion, after: settings.idle_after }),
            past: None,
        }
    }

    /// Adds a control record's dead letter; the owner of partition 0 writes those of the control topic.
    pub(crate) fn refuse_control(&mut self, settings: &Settings, letter: &DeadLetter) {
        let source = Source { topic: &settings.topics.controls, partition: Partition(0) };
        self.segment.emit(outgoing::dead_letter(
            &settings.topics.dead_letters,
            self.partition,
            &source,
            letter,
        ));
    }

    /// Stages changes of the stored rules, and with them that the rules up to `control` are in force.
    pub(crate) fn follow_rules(&mut self, book: &RuleBook, writes: Vec<Write>, control: Offset) {
        self.suspending.follow(book);
        self.reach(writes, control);
    }

    fn reach(&mut self, writes: Vec<Write>, control: Offset) {
        // What a newcomer has collected is swept when it joins: before, it is not all there.
        let writes = writes.into_iter().filter(|write| !self.bootstraps.sweeps_later(write));
        writes.for_each(|write| self.segment.stage(write));
        self.control = control;
        self.sweeping = Sweeping::Due;
        self.segment.touch();
    }

    /// Makes rules newcomers that want history.
    pub(crate) fn welcome(
        &mut self,
        rules: impl IntoIterator<Item = Arc<ActiveRule>>,
        sources: &Sources,
        settings: &Settings,
    ) -> Result<()> {
        let writes = self.bootstraps.welcome(rules, self.next, sources, settings)?;
        writes.into_iter().for_each(|write| self.segment.stage(write));
        Ok(())
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
        let mut headers = vec![Header::new(POSITION_HEADER, reached.to_string())];
        headers.extend(self.segment.savepoint.map(|id| Header::new(SAVEPOINT_HEADER, id.to_string())));
        let record = |value| Outgoing {
            topic: topic.to_owned(),
            partition: Some(self.partition),
            timestamp: None,
            key: None,
            value: Some(value),
            headers: headers.clone(),
        };
        changelog::encode(writes).into_iter().map(record).collect()
    }

    /// Takes over what was committed: into the store, and as the start of the next segment.
    pub(crate) fn settle(&mut self, mut writes: Vec<Write>, position: Position) -> Result<()> {
        writes.push(position_write(&position));
        let savepoint = self.segment.savepoint.take();
        writes.extend(savepoint.map(|id| savepoint_write(id, &position)));
        self.store.write(&writes)?;
        if let Some(id) = savepoint {
            take_part(self.store.as_mut(), self.partition, id);
        }
        self.committed = position;
        self.segment = Segment::default();
        self.sweeping = self.sweeping.next_epoch();
        Ok(())
    }

    /// One read of the store for the whole batch: what is staged since the last commit is at hand anyway.
    fn fetch(&self, keys: Vec<(Table, Key)>) -> Result<Vec<(Table, Key, Option<Bytes>)>> {
        let table = Table::State;
        let unstaged = |(of, key): &(Table, Key)| *of == table && self.segment.staged(table, key).is_none();
        let keys: Vec<Key> = keys.into_iter().filter(unstaged).map(|(_, key)| key).collect();
        let stored = self.store.get_many(table, &keys)?;
        Ok(keys.into_iter().zip(stored).map(|(key, value)| (table, key, value)).collect())
    }

    pub(crate) fn take(&mut self, effects: Effects, settings: &Settings, now: Timestamp) -> Tally {
        for write in effects.writes {
            self.segment.stage(write);
        }
        self.segment.alerts += effects.alerts.len() as u64;
        for alert in &effects.alerts {
            let topic = settings.topics.alerts_of(alert.origin);
            self.segment.emit(outgoing::alert(topic, self.partition, alert));
        }
        let source = Source { topic: &settings.topics.events, partition: self.partition };
        for letter in &effects.dead_letters {
            let record =
                outgoing::dead_letter(&settings.topics.dead_letters, self.partition, &source, letter);
            self.segment.emit(record);
        }
        for event in &effects.late {
            let record = outgoing::late_event(&settings.topics.late, self.partition, &source, event);
            self.segment.emit(record);
        }
        let mut suspended = Vec::new();
        for suspend in effects.cut.iter().filter_map(|cut| self.suspending.ask(cut, self.partition, now)) {
            self.segment.emit(outgoing::suspension(&settings.topics.controls, &suspend));
            suspended.push(suspend);
        }
        Tally {
            counts: effects.counts,
            cut: effects.cut.len() as u64,
            suspended,
            dead_letters: effects.dead_letters.iter().map(|letter| letter.reason.code()).collect(),
        }
    }
}

pub(crate) fn failed(failure: Failure) -> Error {
    match failure {
        Failure::Corrupt { .. } => Error::new(ErrorKind::Corrupt, failure.to_string()),
        Failure::Unavailable(Unavailable(error)) => match error.downcast::<Error>() {
            Ok(error) => *error,
            Err(other) => Error::new(ErrorKind::Unavailable, other.to_string()),
        },
    }
}
