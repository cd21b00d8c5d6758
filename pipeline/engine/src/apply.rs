//! Applies a planned batch to state: per event in offset order, a pure function of plan, state and context.

use std::sync::Arc;

use rules::{ActiveRule, CustomerId, RuleBook, RuleKey, Span};

use crate::alert::Alert;
use crate::dead_letter::DeadLetter;
use crate::key::{ClockId, wakes, woken};
use crate::past::Past;
use crate::plan::{Input, Plan};
use crate::run::Run;
use crate::stored::StoredError;
use crate::stream::{Offset, Partition, Timestamp};
use crate::view::{Unavailable, View, after};
use crate::write::{Table, Write};

/// What holds for the whole batch.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The event topic, for evidence.
    pub topic: &'a str,
    /// The partition of the batch.
    pub partition: Partition,
    /// The time at which alerts are decided; marks them and decides nothing.
    pub now: Timestamp,
    /// The rules in force: those that the batch was planned with.
    pub rules: &'a RuleBook,
    /// Whether event times far ahead of their records are clamped.
    pub clamps: bool,
    /// Whether conclusions from something not having come wait for late events.
    pub waits: bool,
    /// What makes time go on for customers that are silent; nothing does where all events are known.
    pub idle: Option<Idle>,
    /// For which rules the events of the batch are past; none on the live stream.
    pub past: Option<&'a Past>,
}

/// What makes time go on for silent customers.
#[derive(Debug, Clone, Copy)]
pub struct Idle {
    /// The partition's ingestion clock before the batch: the greatest min(record timestamp, processing time).
    pub ingestion: Timestamp,
    /// How long a customer sends nothing before it counts as silent.
    pub after: Span,
}

/// What a batch does.
#[derive(Debug, Default)]
pub struct Effects {
    /// Changes of state, one per key, by table and key.
    pub writes: Vec<Write>,
    /// Alerts, in the order of their causes.
    pub alerts: Vec<Alert>,
    /// Records that could not be evaluated.
    pub dead_letters: Vec<DeadLetter>,
    /// Events that came too late for a rule.
    pub late: Vec<LateEvent>,
    /// Rules that look at more of an event than they may, each as often as that happened. Whoever runs them suspends them.
    pub cut: Vec<Cut>,
    /// The partition's ingestion clock after the batch.
    pub ingestion: Timestamp,
    /// What happened how often.
    pub counts: Counts,
}

/// A rule that looks at more of an event than it may: it is unknown whether the event meets it, and it did not count.
#[derive(Debug, Clone)]
pub struct Cut {
    /// The rule.
    pub active: Arc<ActiveRule>,
    /// Whose event.
    pub customer: CustomerId,
    /// The event's offset.
    pub offset: Offset,
}

/// An event that came too late for a rule, and did not count.
#[derive(Debug, Clone)]
pub struct LateEvent {
    /// Whose event.
    pub customer: CustomerId,
    /// The rule.
    pub rule: RuleKey,
    /// When it happened.
    pub time: Timestamp,
    /// The clock that it came too late for.
    pub clock: Timestamp,
    /// The record.
    pub input: Input,
}

/// What happened how often, for metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events that were evaluated.
    pub events: u64,
    /// Pairs of event and rule that matched.
    pub matches: u64,
    /// Payloads in which half a surrogate pair was replaced.
    pub altered: u64,
    /// Event times that could not be read; the record's time was taken.
    pub unreadable_times: u64,
    /// Event times that were too far ahead of their record.
    pub clamped_times: u64,
    /// Repeats of an event's id.
    pub repeated: u64,
    /// Pairs of event and rule that came too late.
    pub late: u64,
    /// Pairs of event and rule with more groups than are looked at.
    pub groups_cut: u64,
    /// Pairs of event and group that were refused because there are too many groups.
    pub groups_refused: u64,
    /// Those of them that were refused because the customer has too many over all its rules.
    pub customer_groups_refused: u64,
    /// Timers that fired.
    pub timers: u64,
}

impl Counts {
    /// Adds those of another batch.
    pub fn add(&mut self, other: &Self) {
        self.events += other.events;
        self.matches += other.matches;
        self.altered += other.altered;
        self.unreadable_times += other.unreadable_times;
        self.clamped_times += other.clamped_times;
        self.repeated += other.repeated;
        self.late += other.late;
        self.groups_cut += other.groups_cut;
        self.groups_refused += other.groups_refused;
        self.customer_groups_refused += other.customer_groups_refused;
        self.timers += other.timers;
    }
}

/// State that cannot be read: the partition must stop, since going on would count from nothing.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// What is stored cannot be understood.
    #[error("state of customer {customer} cannot be read: {problem}")]
    Corrupt {
        /// Whose state.
        customer: CustomerId,
        /// What is wrong with it.
        problem: StoredError,
    },
    /// The store does not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Applies a plan to the state behind a view. What the view already knows of [`Plan::reads`] is not read again.
///
/// # Errors
/// State that cannot be read; nothing of the batch may then be used.
pub fn apply(plan: Plan, view: View<'_>, context: &Context<'_>) -> Result<Effects, Failure> {
    let mut run = Run::new(view, context);
    for step in plan.steps {
        run.step(step)?;
    }
    Ok(run.finish())
}

/// Moves clocks of customers forward without an event, as far as they have not come further yet.
///
/// # Errors
/// As [`apply`].
pub fn advance(
    moves: &[(CustomerId, ClockId, Timestamp)],
    view: View<'_>,
    context: &Context<'_>,
) -> Result<Effects, Failure> {
    let mut run = Run::new(view, context);
    if !context.waits {
        for (customer, clock, _) in moves {
            run.reschedule_all(*customer, *clock)?;
        }
    }
    run.advance(moves, None)?;
    Ok(run.finish())
}

/// The most customers that are woken at once.
const WOKEN_MAX: usize = 1000;

/// Lets time go on for customers that have been silent up to the ingestion clock of the context: what is due fires, of so many
/// customers at once. The ingestion clock is that of the records, or the time of day where the caller knows that the partition is
/// read to its end.
///
/// # Errors
/// As [`apply`].
pub fn wake(view: View<'_>, context: &Context<'_>) -> Result<Effects, Failure> {
    let mut run = Run::new(view, context);
    let Some(Idle { ingestion, after: idle_after }) = context.idle else { return Ok(run.finish()) };
    let (mut from, to) = wakes(ingestion);
    for _ in 0..WOKEN_MAX {
        let Some((key, _)) = run.view.first(Table::Meta, &from, &to)? else { break };
        from = after(&key);
        let Some((customer, clock_id)) = woken(&key) else { continue };
        let Some(clock) = run.clock(customer, clock_id)? else {
            run.view.delete(Table::Meta, key);
            continue;
        };
        let silent = (customer, clock_id, clock.silent(ingestion, idle_after));
        // The index may name a moment at which nothing is due any more; then the clock stays, as that of other silent
        // customers does: where silence has brought it shows when it is asked for.
        if run.is_due(silent)? {
            run.pass_silence(customer, [clock_id], ingestion)?;
        }
    }
    Ok(run.finish())
}

#[cfg(test)]
mod tests;
