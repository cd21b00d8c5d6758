//! Applies a planned batch to state: per event in offset order, a pure function of plan, state and context.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use rules::{ActiveRule, AlertId, CustomerId, Generation, RuleBook, RuleKey, Span};
use serde::de::DeserializeOwned;

use crate::alert::Alert;
use crate::clock::Clock;
use crate::dead_letter::DeadLetter;
use crate::evaluate::{Arrival, Fate, GroupRun, Moment};
use crate::group::Group;
use crate::hit::Hit;
use crate::key::{ClockId, Key, RuleKeys, Timer, TimerKind, clock_key, timers, wake_key, wakes, woken};
use crate::plan::{Input, Matched, Plan, Step};
use crate::scalar;
use crate::stored::{self, StoredError};
use crate::stream::{Partition, Timestamp};
use crate::tally::Tally;
use crate::view::{Unavailable, View, after};
use crate::write::{Table, Write};

/// How far ahead of its record an event of the live stream may be.
const AHEAD_MAX: Span = Span::from_hours(1);

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
    /// Rules that look at more of an event than they may, each as often as that happened: it is unknown whether the events met
    /// them, and they did not count.
    pub cut: Vec<RuleKey>,
    /// The partition's ingestion clock after the batch.
    pub ingestion: Timestamp,
    /// What happened how often.
    pub counts: Counts,
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
/// customers at once. The caller knows that the partition is read to its end.
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
        run.ingestion = ingestion.minus(idle_after);
        run.advance(&[(customer, clock_id, clock.silent(ingestion, idle_after))], None)?;
    }
    run.ingestion = ingestion;
    Ok(run.finish())
}

/// A timer in the order in which timers of several clocks fire.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct TimerOrder {
    order: (Timestamp, AlertId, CustomerId, String, TimerKind),
    customer: CustomerId,
    timer: Timer,
}

impl TimerOrder {
    fn of(timer: Timer, customer: CustomerId) -> Self {
        let owner = if timer.is_global { CustomerId::GLOBAL } else { customer };
        let order = (timer.due, timer.alert, owner, timer.group.clone(), timer.kind);
        Self { order, customer, timer }
    }
}

/// A batch at work.
pub(crate) struct Run<'a> {
    pub(crate) view: View<'a>,
    pub(crate) context: &'a Context<'a>,
    pub(crate) effects: Effects,
    /// The partition's ingestion clock.
    ingestion: Timestamp,
    /// The clocks that the batch has looked at; written once at its end.
    clocks: BTreeMap<(CustomerId, ClockId), Option<Clock>>,
}

impl<'a> Run<'a> {
    fn new(view: View<'a>, context: &'a Context<'a>) -> Self {
        let ingestion = context.idle.map_or(Timestamp(i64::MIN), |idle| idle.ingestion);
        Self { view, context, effects: Effects::default(), ingestion, clocks: BTreeMap::new() }
    }

    fn finish(mut self) -> Effects {
        for ((customer, clock_id), clock) in std::mem::take(&mut self.clocks) {
            let Some(mut clock) = clock else { continue };
            let wakes_at = self.context.idle.and_then(|idle| clock.wake(idle.after));
            if wakes_at != clock.wakes_at {
                if let Some(at) = clock.wakes_at {
                    self.view.delete(Table::Meta, wake_key(at, customer, clock_id));
                }
                if let Some(at) = wakes_at {
                    self.view.put(Table::Meta, wake_key(at, customer, clock_id), Bytes::new());
                }
                clock.wakes_at = wakes_at;
            }
            self.view.put(Table::State, clock_key(customer, clock_id), stored::to_bytes(&clock));
        }
        self.effects.ingestion = self.ingestion;
        self.effects.writes = self.view.into_writes();
        self.effects
    }

    fn step(&mut self, step: Step) -> Result<(), Failure> {
        self.ingestion = self.ingestion.max(step.input.timestamp.min(self.context.now));
        let event = match step.event {
            Ok(event) => event,
            Err(letter) => {
                self.effects.dead_letters.push(*letter);
                return Ok(());
            },
        };
        let counts = &mut self.effects.counts;
        counts.events += 1;
        counts.matches += event.met;
        counts.altered += u64::from(event.is_altered);
        self.effects.cut.extend(&event.cut);
        let times = self.move_clocks(&event, step.input.timestamp)?;
        for hit in &event.hits {
            self.hit(&step.input, event.customer, hit, &times)?;
        }
        Ok(())
    }

    /// Moves the customer's clocks to the event's times, and answers those.
    fn move_clocks(
        &mut self,
        event: &Matched,
        timestamp: Timestamp,
    ) -> Result<BTreeMap<ClockId, Timestamp>, Failure> {
        let mut targets = Vec::with_capacity(event.times.len());
        let mut times = BTreeMap::new();
        for (clock, time) in &event.times {
            let known = self.clock(event.customer, *clock)?;
            let time = match (time, known) {
                (Some(time), _) if self.context.clamps && *time > timestamp.plus(AHEAD_MAX) => {
                    self.effects.counts.clamped_times += 1;
                    timestamp
                },
                (Some(time), _) => *time,
                (None, known) => {
                    self.effects.counts.unreadable_times += 1;
                    // The record's time; it moves no clock that a time was read for.
                    known.filter(|known| known.is_read).map_or(timestamp, |known| timestamp.min(known.now))
                },
            };
            times.insert(*clock, time);
            targets.push((event.customer, *clock, time));
        }
        self.advance(&targets, Some(timestamp))?;
        for (clock, _) in event.times.iter().filter(|(_, time)| time.is_some()) {
            if let Some(Some(clock)) = self.clocks.get_mut(&(event.customer, *clock)) {
                clock.is_read = true;
            }
        }
        Ok(times)
    }

    /// Moves clocks forward together: what is due fires in order of time, alert, group and kind, whichever clock it waits
    /// for. `ingest` is the timestamp of the record that moves them, by default that of the customer's last one.
    fn advance(
        &mut self,
        targets: &[(CustomerId, ClockId, Timestamp)],
        ingest: Option<Timestamp>,
    ) -> Result<(), Failure> {
        let mut waiting: BTreeMap<TimerOrder, usize> = BTreeMap::new();
        for (index, target) in targets.iter().enumerate() {
            waiting.extend(self.next_timer(*target)?.map(|order| (order, index)));
        }
        while let Some((TimerOrder { timer, customer, .. }, index)) = waiting.pop_first() {
            let (_, clock_id, _) = targets[index];
            self.view.delete(Table::Timers, timer.key(customer, clock_id));
            self.effects.counts.timers += 1;
            let mut moment = Moment { clock: timer.due, ingest: timer.due, late: false };
            if let Some(Some(clock)) = self.clocks.get_mut(&(customer, clock_id)) {
                // What waited in vain for late events fires at a clock that has come further.
                clock.now = clock.now.max(timer.due);
                (moment.clock, moment.ingest) = (clock.now, clock.ingest);
            }
            moment.ingest = ingest.unwrap_or(moment.ingest);
            self.fire(customer, &timer, moment)?;
            waiting.extend(self.next_timer(targets[index])?.map(|order| (order, index)));
        }
        for (customer, clock_id, to) in targets {
            let known = self.clock(*customer, *clock_id)?;
            let moved = match known {
                Some(clock) => {
                    let ingest = ingest.unwrap_or(clock.ingest);
                    Clock { now: clock.now.max(*to), ingest, set_at: self.ingestion, ..clock }
                },
                None => Clock::new(*to, ingest.unwrap_or(*to), self.ingestion),
            };
            self.clocks.insert((*customer, *clock_id), Some(moved));
        }
        Ok(())
    }

    /// The first timer of a clock that is due when the clock has come to its target.
    fn next_timer(
        &mut self,
        (customer, clock_id, to): (CustomerId, ClockId, Timestamp),
    ) -> Result<Option<TimerOrder>, Failure> {
        let Some(clock) = self.clock(customer, clock_id)? else { return Ok(None) };
        if clock.next_timer.is_none_or(|next| next > to) {
            return Ok(None);
        }
        let (from, until) = timers(customer, clock_id, Timestamp(i64::MAX));
        let first = self.view.first(Table::Timers, &from, &until)?;
        let timer = match first {
            Some((key, _)) => Some(Timer::from_key(&key).ok_or_else(|| self.damaged(customer))?),
            None => None,
        };
        let next_timer = timer.as_ref().map(|timer| timer.due);
        self.clocks.insert((customer, clock_id), Some(Clock { next_timer, ..clock }));
        Ok(timer.filter(|timer| timer.due <= to).map(|timer| TimerOrder::of(timer, customer)))
    }

    fn fire(&mut self, customer: CustomerId, timer: &Timer, moment: Moment) -> Result<(), Failure> {
        let owner = if timer.is_global { CustomerId::GLOBAL } else { customer };
        let key = RuleKey { customer: owner, alert: timer.alert };
        // Rules that are gone leave their timers behind.
        let Some(active) = self.context.rules.get(&key) else { return Ok(()) };
        if active.generation != timer.generation {
            return Ok(());
        }
        let active = Arc::clone(active);
        if timer.kind == TimerKind::Hour {
            return self.summarise(customer, &active, moment);
        }
        let group = Group::from_text(&timer.group);
        GroupRun::load(self, &active, customer, group, moment)?.fire(timer)
    }

    fn hit(
        &mut self,
        input: &Input,
        customer: CustomerId,
        hit: &Hit,
        times: &BTreeMap<ClockId, Timestamp>,
    ) -> Result<(), Failure> {
        let rule = &hit.active.rule;
        let clock_id = ClockId::of(rule.timing.event_time.as_ref());
        let time = times.get(&clock_id).copied().unwrap_or(input.timestamp);
        let clock = self.clock(customer, clock_id)?.map_or(time, |clock| clock.now);
        if hit.excepted_before.is_some_and(|before| time < before) {
            return Ok(());
        }
        if self.is_repeat(customer, hit, clock)? {
            self.effects.counts.repeated += 1;
            return Ok(());
        }
        self.effects.counts.groups_cut += u64::from(hit.groups_cut);
        let moment = Moment { clock, ingest: input.timestamp, late: time < clock };
        let arrival = Arrival { hit, time, offset: input.offset };
        let (mut applied, mut late) = (false, false);
        for group in &hit.groups {
            let group = GroupRun::load(self, &hit.active, customer, group.clone(), moment)?;
            match group.arrive(&arrival)? {
                Fate::Applied => applied = true,
                Fate::TooLate => late = true,
                Fate::TooManyGroups => self.effects.counts.groups_refused += 1,
            }
        }
        if late && !applied {
            self.effects.counts.late += 1;
            let input = input.clone();
            self.effects.late.push(LateEvent { customer, rule: rule.key, time, clock, input });
        }
        if applied {
            self.remember_id(customer, hit, time);
        }
        Ok(())
    }

    /// Whether the event's id was applied before and is still remembered.
    fn is_repeat(&mut self, customer: CustomerId, hit: &Hit, clock: Timestamp) -> Result<bool, Failure> {
        let Some(id) = &hit.event_id else { return Ok(false) };
        let key = RuleKeys::new(customer, hit.active.generation).event_id(&scalar::hash(id));
        let until: Option<Timestamp> = self.get(customer, Table::State, &key)?;
        Ok(until.is_some_and(|until| clock < until))
    }

    fn remember_id(&mut self, customer: CustomerId, hit: &Hit, time: Timestamp) {
        if let (Some(id), Some(event_id)) = (&hit.event_id, &hit.active.rule.event_id) {
            let key = RuleKeys::new(customer, hit.active.generation).event_id(&scalar::hash(id));
            self.view.put(Table::State, key, stored::to_bytes(&time.plus(event_id.retention)));
        }
    }

    /// Makes every timer of a clock due at the moment that it is about, because nothing waits any more.
    fn reschedule_all(&mut self, customer: CustomerId, clock: ClockId) -> Result<(), Failure> {
        let (mut from, to) = timers(customer, clock, Timestamp(i64::MAX));
        let mut all = Vec::new();
        while let Some((key, _)) = self.view.first(Table::Timers, &from, &to)? {
            all.push(Timer::from_key(&key).ok_or_else(|| self.damaged(customer))?);
            from = after(&key);
        }
        let now = self.clock(customer, clock)?.map_or(Timestamp(i64::MIN), |clock| clock.now);
        for timer in all.into_iter().filter(|timer| timer.kind == TimerKind::Change) {
            let owner = if timer.is_global { CustomerId::GLOBAL } else { customer };
            let Some(active) = self.context.rules.get(&RuleKey { customer: owner, alert: timer.alert })
            else {
                continue;
            };
            if active.generation == timer.generation {
                let active = Arc::clone(active);
                let moment = Moment { clock: now, ingest: now, late: false };
                let group = Group::from_text(&timer.group);
                GroupRun::load(self, &active, customer, group, moment)?.reschedule()?;
            }
        }
        Ok(())
    }

    /// Puts a timer into the table.
    pub(crate) fn set_timer(&mut self, customer: CustomerId, clock_id: ClockId, timer: &Timer) {
        self.view.put(Table::Timers, timer.key(customer, clock_id), Bytes::new());
        if let Some(Some(clock)) = self.clocks.get_mut(&(customer, clock_id)) {
            clock.expect(timer.due);
        }
    }

    /// Makes room for a new group; answers whether there is any.
    pub(crate) fn open_group(
        &mut self,
        customer: CustomerId,
        active: &ActiveRule,
        (clock, at): (Timestamp, Timestamp),
    ) -> Result<bool, Failure> {
        let mut tally = self.tally(customer, active.generation)?;
        let has_room = tally.groups < u64::from(active.rule.grouping.max);
        if has_room {
            tally.groups += 1;
            self.put_tally(customer, active, &tally);
        } else {
            self.change_tally(customer, active, |tally| tally.withhold(clock, at))?;
        }
        Ok(has_room)
    }

    /// Gives the room of a group back.
    pub(crate) fn close_group(&mut self, customer: CustomerId, active: &ActiveRule) -> Result<(), Failure> {
        let mut tally = self.tally(customer, active.generation)?;
        tally.groups = tally.groups.saturating_sub(1);
        self.put_tally(customer, active, &tally);
        Ok(())
    }

    /// Whether one more record of the rule may be told in this hour.
    pub(crate) fn may_tell(
        &mut self,
        customer: CustomerId,
        active: &ActiveRule,
        (clock, at): (Timestamp, Timestamp),
    ) -> Result<bool, Failure> {
        let Some(max) = active.rule.policy.max_per_hour else { return Ok(true) };
        self.change_tally(customer, active, |tally| tally.tell(clock, at, max))
    }

    /// Counts a record that is not told because its alert was withheld.
    pub(crate) fn withhold(
        &mut self,
        customer: CustomerId,
        active: &ActiveRule,
        (clock, at): (Timestamp, Timestamp),
    ) -> Result<(), Failure> {
        self.change_tally(customer, active, |tally| tally.withhold(clock, at))
    }

    /// How many records of the group `{}` were opened at a clock by summaries.
    pub(crate) fn summaries_at(
        &mut self,
        customer: CustomerId,
        active: &ActiveRule,
        clock: Timestamp,
    ) -> Result<u32, Failure> {
        let summarised = self.tally(customer, active.generation)?.summarised;
        Ok(u32::from(summarised == Some(clock)))
    }

    /// Changes a tally, and sets the timer of its summary when one becomes due.
    fn change_tally<T>(
        &mut self,
        customer: CustomerId,
        active: &ActiveRule,
        change: impl FnOnce(&mut Tally) -> T,
    ) -> Result<T, Failure> {
        let mut tally = self.tally(customer, active.generation)?;
        let before = tally.summary_due();
        let answer = change(&mut tally);
        if let (None, Some(due)) = (before, tally.summary_due()) {
            let timer = Timer {
                due,
                alert: active.rule.key.alert,
                group: String::new(),
                kind: TimerKind::Hour,
                is_global: active.rule.key.customer.is_global(),
                generation: active.generation,
            };
            self.set_timer(customer, ClockId::of(active.rule.timing.event_time.as_ref()), &timer);
        }
        self.put_tally(customer, active, &tally);
        Ok(answer)
    }

    fn summarise(
        &mut self,
        customer: CustomerId,
        active: &Arc<ActiveRule>,
        moment: Moment,
    ) -> Result<(), Failure> {
        let mut tally = self.tally(customer, active.generation)?;
        let summary = tally.summarise(moment.clock);
        self.put_tally(customer, active, &tally);
        if let Some(summary) = summary {
            GroupRun::load(self, active, customer, Group::none(), moment)?.tell_summary(summary);
        }
        Ok(())
    }

    fn tally(&mut self, customer: CustomerId, generation: Generation) -> Result<Tally, Failure> {
        let key = RuleKeys::new(customer, generation).tally();
        Ok(self.get(customer, Table::State, &key)?.unwrap_or_default())
    }

    fn put_tally(&mut self, customer: CustomerId, active: &ActiveRule, tally: &Tally) {
        let key = RuleKeys::new(customer, active.generation).tally();
        self.view.put(Table::State, key, stored::to_bytes(tally));
    }

    /// A clock of a customer.
    fn clock(&mut self, customer: CustomerId, clock: ClockId) -> Result<Option<Clock>, Failure> {
        if let Some(known) = self.clocks.get(&(customer, clock)) {
            return Ok(*known);
        }
        let stored = self.get(customer, Table::State, &clock_key(customer, clock))?;
        self.clocks.insert((customer, clock), stored);
        Ok(stored)
    }

    /// A stored value.
    pub(crate) fn get<T: DeserializeOwned>(
        &mut self,
        customer: CustomerId,
        table: Table,
        key: &Key,
    ) -> Result<Option<T>, Failure> {
        let bytes = self.view.get(table, key)?;
        bytes.map(|bytes| self.decode(customer, &bytes)).transpose()
    }

    pub(crate) fn decode<T: DeserializeOwned>(
        &self,
        customer: CustomerId,
        bytes: &[u8],
    ) -> Result<T, Failure> {
        stored::from_bytes(bytes).map_err(|problem| Failure::Corrupt { customer, problem })
    }

    /// A key that no version has written.
    pub(crate) fn damaged(&self, customer: CustomerId) -> Failure {
        Failure::Corrupt { customer, problem: StoredError::Damaged }
    }
}

#[cfg(test)]
mod tests;
