//! The chase: newcomers follow the live stream with a position of their own, until they have come to it and join.

use std::collections::VecDeque;
use std::time::Duration;

use engine::{
    Context, Hidden, Input, Newcomer, Offset, Partition, Source, Table, Timestamp, View, Write, apply, erase,
    hidden_range, hidden_write, join, judge_anew, plan, reveal,
};
use ports::{Log, Reader, Record, Result};
use rules::RuleBook;

use super::evaluator::Evaluator;
use super::fold::input;
use super::record::Phase;
use super::{Sources, Step, Work};
use crate::clock::Moment;
use crate::partition::{LivePartition, Tally, failed};
use crate::settings::Settings;
use crate::sweeping::Sweeping;
use crate::uncommitted::Uncommitted;

/// How many batches of the live stream a chase may take in one turn of the loop.
const BATCHES: usize = 4;

/// Newcomers on their way to the live position.
pub(super) struct Chase {
    reader: Box<dyn Reader>,
    /// Records that were read too early.
    ahead: VecDeque<Record>,
    next: Offset,
    pub(super) evaluator: Evaluator,
}

impl Chase {
    pub(super) fn start(
        log: &dyn Log,
        topic: &str,
        partition: Partition,
        next: Offset,
        evaluator: Evaluator,
    ) -> Result<Self> {
        let reader = log.reader(topic, &[(partition, next)])?;
        Ok(Self { reader, ahead: VecDeque::new(), next, evaluator })
    }

    /// The next records before the live position.
    fn take(&mut self, live: Offset, records_max: usize) -> Result<Vec<Input>> {
        let mut at_end = false;
        if self.ahead.is_empty() && self.next < live {
            let polled = self.reader.poll(records_max, Duration::ZERO)?;
            self.ahead.extend(polled.records);
            at_end = polled.at_end;
        }
        let cut = self.ahead.partition_point(|record| record.offset < live);
        let inputs: Vec<_> = self.ahead.drain(..cut).map(input).collect();
        if let Some(last) = inputs.last() {
            self.next = last.offset.next();
        }
        // Offsets without records: the live stream has come as far, so nothing is missing before it.
        if at_end || !self.ahead.is_empty() {
            self.next = self.next.max(live);
        }
        Ok(inputs)
    }
}

impl LivePartition {
    /// Goes on with filling new rules, by one small step.
    pub(crate) fn bootstrap(
        &mut self,
        book: &RuleBook,
        sources: &Sources,
        settings: &Settings,
        now: Moment,
    ) -> Result<()> {
        if self.bootstraps.is_idle() {
            return Ok(());
        }
        match self.bootstraps.step(book, sources, settings, now, !self.segment.has_ranges())? {
            Step::Rest => Ok(()),
            Step::Stage(writes) => {
                writes.into_iter().for_each(|write| self.segment.stage(write));
                Ok(())
            },
            Step::Copy => {
                self.copy(book, settings, now.wall);
                Ok(())
            },
            Step::Chase => self.chase(book, settings, now.wall),
        }
    }

    fn chase(&mut self, book: &RuleBook, settings: &Settings, now: Timestamp) -> Result<()> {
        let live = self.next();
        let Work::Chasing(chase) = &mut self.bootstraps.work else { return Ok(()) };
        let inputs = chase.take(live, settings.poll_records_max * BATCHES)?;
        let next = chase.next;
        if !inputs.is_empty() {
            let plan = plan(&chase.evaluator.snapshot, self.partition, self.partitions, inputs);
            let source = Uncommitted { segment: &self.segment, store: self.store.as_ref() };
            let context = Context {
                topic: &settings.topics.events,
                partition: self.partition,
                now,
                rules: &chase.evaluator.rules,
                clamps: true,
                waits: true,
                idle: None,
                past: None,
            };
            let mut effects = apply(plan, View::new(&Hidden(&source), []), &context).map_err(failed)?;
            effects.writes = effects.writes.into_iter().map(hidden_write).collect();
            // The live stream has told of them.
            effects.dead_letters.clear();
            let _: Tally = self.take(effects, settings, now);
        }
        if next >= live {
            return self.join(book, settings, now);
        }
        if let Some(job) = &mut self.bootstraps.record.job {
            job.phase = Phase::Chasing { next };
        }
        self.segment.stage(self.bootstraps.record.write_phase());
        Ok(())
    }

    /// Newcomers have met the same events as the live stream: from here on they are part of it.
    fn join(&mut self, book: &RuleBook, settings: &Settings, now: Timestamp) -> Result<()> {
        let source = Uncommitted { segment: &self.segment, store: self.store.as_ref() };
        let (mut from, to) = hidden_range();
        let mut hidden = Vec::new();
        while let Some((key, value)) =
            source.first(Table::Meta, &from, &to).map_err(|error| failed(error.into()))?
        {
            from = [key.as_ref(), &[0]].concat().into();
            hidden.extend(reveal(&key).map(|(table, key)| (table, key, value)));
        }
        let context = self.context(book, settings, now, self.clock);
        let effects = join(hidden, View::new(&source, []), &context).map_err(failed)?;
        let _: Tally = self.take(effects, settings, now);
        let (from, to) = hidden_range();
        self.segment.stage(Write::DeleteRange { table: Table::Meta, from, to });
        self.bootstraps.work = Work::Nothing;
        let Some(job) = self.bootstraps.record.job.take() else { return Ok(()) };
        self.segment.stage(self.bootstraps.record.write());
        self.segment.stage(self.bootstraps.record.write_phase());
        for newcomer in &job.newcomers {
            self.bootstraps.hidden.remove(&newcomer.active.generation);
            if let Some(sweep) = left_to_sweep(newcomer, book) {
                self.segment.stage(sweep);
                self.sweeping = Sweeping::Due;
            }
        }
        tracing::info!(
            partition = %self.partition, rules = job.newcomers.len(), at = %self.next(),
            "new rules are filled from the past and live"
        );
        Ok(())
    }
}

/// What edits and deletions left to be done while a rule was being filled: it was filled as it had been before them.
fn left_to_sweep(newcomer: &Newcomer, book: &RuleBook) -> Option<Write> {
    let now = book.get(&newcomer.active.rule.key);
    match now.filter(|now| now.generation == newcomer.active.generation) {
        None => Some(erase(&newcomer.active)),
        Some(now) => (now.judges_since != newcomer.active.judges_since).then(|| judge_anew(now)),
    }
}
