//! Folds: rules over rows of the archive, by the same plan and the same apply as in a worker, into a state that is thrown away.
//!
//! Rows come customer by customer (see [`crate::scan`]), and rules count each customer for itself, so the state of one customer is all
//! that is ever kept.

use engine::{
    Alert, Context, Counts, Idle, Input, MemoryState, Offset, Partition, Timestamp, View, apply, plan, wake,
};
use rules::{CustomerId, Matcher, RuleBook, Snapshot, Span};

use crate::error::Result;
use crate::row::Row;

/// A batch has so many rows at most.
const BATCH_ROWS: usize = 256;
/// How often timers of one customer are looked at again at its end; each time all that are due fire.
const WAKES_MAX: u32 = 1000;

/// Where rules are applied.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The event topic, for evidence.
    pub topic: String,
    /// How many partitions it has.
    pub partitions: u32,
    /// How long a customer sends nothing before it counts as silent.
    pub idle_after: Span,
    /// The end: customers that sent nothing up to then have been silent.
    pub until: Timestamp,
}

/// Rules at work on rows.
pub struct Fold {
    rules: RuleBook,
    snapshot: Snapshot,
    setting: Setting,
    state: MemoryState,
    ingestion: Timestamp,
    counts: Counts,
    refused: u64,
}

impl Fold {
    /// Begins with no state.
    pub fn new(rules: RuleBook, setting: Setting) -> Self {
        let snapshot = Matcher::compile(&rules);
        Self {
            rules,
            snapshot,
            setting,
            state: MemoryState::default(),
            ingestion: Timestamp(i64::MIN),
            counts: Counts::default(),
            refused: 0,
        }
    }

    /// Takes rows of one customer in, in their order, and answers the alerts.
    ///
    /// # Errors
    /// State that cannot be read, which memory cannot have.
    pub fn rows(&mut self, rows: &[Row], alerts: &mut Vec<Alert>) -> Result<()> {
        for run in
            rows.chunk_by(|one, other| one.partition == other.partition && is_before(one) == is_before(other))
        {
            for part in run.chunks(BATCH_ROWS) {
                self.batch(part, alerts)?;
            }
        }
        Ok(())
    }

    /// Ends a customer: time goes on to the end, what is due fires, and nothing is kept.
    ///
    /// # Errors
    /// As [`Fold::rows`].
    pub fn end_customer(&mut self, alerts: &mut Vec<Alert>) -> Result<()> {
        self.ingestion = self.ingestion.max(self.setting.until);
        for _ in 0..WAKES_MAX {
            let context = self.context(self.setting.until, &self.setting.topic, Partition(0));
            let effects = wake(View::new(&self.state, []), &context)?;
            let fired = effects.counts.timers;
            self.counts.add(&effects.counts);
            alerts.extend(effects.alerts);
            self.state.write(effects.writes);
            if fired == 0 {
                break;
            }
        }
        self.state = MemoryState::default();
        self.ingestion = Timestamp(i64::MIN);
        Ok(())
    }

    /// What has happened so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// How many rows could not be evaluated.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Whether any rule applies to a customer.
    pub fn concerns(&self, customer: CustomerId) -> bool {
        self.snapshot.concerns(customer)
    }

    fn batch(&mut self, rows: &[Row], alerts: &mut Vec<Alert>) -> Result<()> {
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(()) };
        let inputs = rows.iter().map(input).collect();
        let plan = plan(&self.snapshot, first.partition, self.setting.partitions, inputs);
        self.refused += plan.refused() as u64;
        // What came before the log has offsets of its own kind, so it is told apart.
        let topic = if is_before(first) { IMPORTED } else { &self.setting.topic };
        let now = rows.iter().map(|row| row.timestamp).max().unwrap_or(last.timestamp);
        let context = self.context(now, topic, first.partition);
        let effects = apply(plan, View::new(&self.state, []), &context)?;
        self.ingestion = effects.ingestion;
        self.counts.add(&effects.counts);
        alerts.extend(effects.alerts);
        self.state.write(effects.writes);
        Ok(())
    }

    fn context<'a>(&'a self, now: Timestamp, topic: &'a str, partition: Partition) -> Context<'a> {
        Context {
            topic,
            partition,
            now,
            rules: &self.rules,
            clamps: true,
            waits: true,
            idle: Some(Idle { ingestion: self.ingestion, after: self.setting.idle_after }),
            past: None,
        }
    }
}

/// What evidence names as the topic of events from before the log.
pub const IMPORTED: &str = "imported";

fn is_before(row: &Row) -> bool {
    row.offset < 0
}

/// A row as a record. The offsets of what came before the log go up from 0, too.
fn input(row: &Row) -> Input {
    let offset = if is_before(row) { row.offset.wrapping_sub(i64::MIN) } else { row.offset };
    Input {
        offset: Offset(u64::try_from(offset).unwrap_or_default()),
        timestamp: row.timestamp,
        key: row.key.clone(),
        value: row.value.clone(),
    }
}

#[cfg(test)]
mod tests;
