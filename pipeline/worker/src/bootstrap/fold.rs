//! The fold over the past, beside the stream: archived records first, then those of the log.

use std::sync::Arc;
use std::time::Duration;

use engine::{Fold, Input, Newcomer, Offset, Partition, Timestamp};
use ports::{Error, ErrorKind, History, Log, Record, Result, Wanted};

use super::progress::Progress;

/// How many records one poll takes.
const RECORDS_MAX: usize = 4096;
/// How long one poll waits for records that must be there.
const POLL_TIMEOUT: Duration = Duration::from_millis(200);
/// How many polls in a row may bring nothing.
const EMPTY_POLLS_MAX: u32 = 150;

/// Runs what takes long beside the stream.
pub trait Background: Send {
    /// Runs a task, at once or when others are done. The name is for people.
    fn run(&self, name: String, task: Box<dyn FnOnce() + Send>);
}

/// Runs everything at once, in the calling thread: the stream waits. For tests.
#[derive(Debug, Clone, Copy, Default)]
pub struct Inline;

impl Background for Inline {
    fn run(&self, _: String, task: Box<dyn FnOnce() + Send>) {
        task();
    }
}

/// A fold to be made.
pub(super) struct FoldJob {
    pub(super) log: Arc<dyn Log>,
    pub(super) history: Option<Arc<dyn History>>,
    pub(super) topic: String,
    pub(super) partition: Partition,
    pub(super) partitions: u32,
    pub(super) newcomers: Vec<Newcomer>,
    /// The first offset that is not folded.
    pub(super) until: Offset,
    pub(super) started: Timestamp,
    pub(super) state_bytes_max: usize,
    pub(super) alerts_max: usize,
    pub(super) progress: Arc<Progress>,
}

impl FoldJob {
    pub(super) fn run(self) -> Result<Fold> {
        let newcomers = self.newcomers.clone();
        let mut fold = Fold::new(newcomers, &self.topic, self.partition, self.partitions);
        let from = self.fold_archive(&mut fold)?;
        self.fold_log(&mut fold, from)?;
        fold.finish(self.until, self.started).map_err(failed)?;
        self.check(&fold)?;
        Ok(fold)
    }

    /// Folds what is archived and answers where the log goes on.
    fn fold_archive(&self, fold: &mut Fold) -> Result<Offset> {
        let start = self.log.bounds(&self.topic, self.partition)?.start;
        let Some(history) = &self.history else { return Ok(start) };
        let pinned = history.pin()?;
        // Its customers may come in any order, so it serves as far as all that it has is past for every newcomer.
        let known_at = self.newcomers.iter().map(|newcomer| newcomer.known_at).min().unwrap_or(self.until);
        let end = pinned.end(self.partition).min(known_at);
        if end < start.min(known_at) {
            return Err(Error::new(
                ErrorKind::Unavailable,
                format!(
                    "the archive of `{}` partition {} ends before {end}, the log starts at {start}: the archiver has to catch up, \
                     or what lies between is lost",
                    self.topic, self.partition
                ),
            ));
        }
        let mut rows = pinned.rows(self.partition, &self.wanted(), end)?;
        while let Some(mut inputs) = rows.next_batch()? {
            inputs.retain(|input| input.offset < end || input.offset.is_before_the_log());
            self.feed(fold, inputs)?;
            self.progress.report(fold.events(), rows.expected() + self.until.0.saturating_sub(end.0));
        }
        Ok(end)
    }

    /// Which records any of the newcomers may take.
    fn wanted(&self) -> Wanted {
        let rules = self.newcomers.iter().map(|newcomer| &newcomer.active.rule);
        let customers = rules.map(|rule| match rule.bootstrap.customer {
            Some(only) => Some(only),
            None => Some(rule.key.customer).filter(|customer| !customer.is_global()),
        });
        let since: Option<Vec<_>> = self.newcomers.iter().map(|newcomer| newcomer.since).collect();
        Wanted { customers: customers.collect(), since: since.and_then(|all| all.into_iter().min()) }
    }

    fn fold_log(&self, fold: &mut Fold, from: Offset) -> Result<()> {
        if from >= self.until {
            return Ok(());
        }
        let archived = fold.events();
        let mut reader = self.log.reader(&self.topic, &[(self.partition, from)])?;
        let mut empty = 0;
        loop {
            let polled = reader.poll(RECORDS_MAX, POLL_TIMEOUT)?;
            let is_past_it = polled.records.last().is_some_and(|last| last.offset.next() >= self.until);
            let inputs: Vec<_> =
                polled.records.into_iter().map(input).filter(|input| input.offset < self.until).collect();
            empty = if inputs.is_empty() { empty + 1 } else { 0 };
            let reached = inputs.last().map(|last| last.offset.next().0);
            self.feed(fold, inputs)?;
            if let Some(reached) = reached {
                let (done, total) = (reached.saturating_sub(from.0), self.until.0 - from.0);
                self.progress.report(archived + done, archived + total);
            }
            // The live stream has come as far, so at the log's end nothing is missing but offsets without records.
            if is_past_it || polled.at_end {
                return Ok(());
            }
            if empty >= EMPTY_POLLS_MAX {
                let message = format!("`{}` partition {} does not answer", self.topic, self.partition);
                return Err(Error::new(ErrorKind::Unavailable, message));
            }
        }
    }

    fn feed(&self, fold: &mut Fold, inputs: Vec<Input>) -> Result<()> {
        if self.progress.is_cancelled() {
            return Err(Error::new(ErrorKind::Unavailable, "it was given up"));
        }
        fold.feed(inputs, self.started).map_err(failed)?;
        self.check(fold)
    }

    fn check(&self, fold: &Fold) -> Result<()> {
        let full = |what: String| {
            Err(Error::new(
                ErrorKind::Full,
                format!("{what}: shorten `bootstrap.from`, group more coarsely, or raise the limit"),
            ))
        };
        if fold.state_bytes() > self.state_bytes_max {
            return full(format!(
                "the past of the new rules takes more than {} bytes of memory",
                self.state_bytes_max
            ));
        }
        if fold.told().alerts.len() > self.alerts_max {
            return full(format!("the new rules raise more than {} alerts over the past", self.alerts_max));
        }
        Ok(())
    }
}

/// A record of the log as the engine takes it.
pub(super) fn input(record: Record) -> Input {
    Input { offset: record.offset, timestamp: record.timestamp, key: record.key, value: record.value }
}

fn failed(failure: engine::Failure) -> Error {
    Error::new(ErrorKind::Corrupt, failure.to_string())
}
