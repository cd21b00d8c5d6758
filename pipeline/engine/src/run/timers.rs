//! Clocks move, and what waits for them fires in order.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use rules::{ActiveRule, AlertId, CustomerId, RuleKey};

use super::Run;
use crate::apply::Failure;
use crate::clock::Clock;
use crate::evaluate::{GroupRun, Moment};
use crate::group::Group;
use crate::key::{ClockId, Timer, TimerKind, timers};
use crate::stream::Timestamp;
use crate::view::after;
use crate::write::Table;

/// A timer in the order in which timers of several clocks fire.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct TimerOrder {
    order: (Timestamp, AlertId, CustomerId, String, TimerKind),
    customer: CustomerId,
    timer: Timer,
}

impl TimerOrder {
    fn of(timer: Timer, customer: CustomerId) -> Self {
        let order = (timer.due, timer.alert, owner(customer, &timer), timer.group.clone(), timer.kind);
        Self { order, customer, timer }
    }
}

/// Whose rule a timer of a customer's clock waits for.
fn owner(customer: CustomerId, timer: &Timer) -> CustomerId {
    if timer.is_global { CustomerId::GLOBAL } else { customer }
}

impl Run<'_> {
    /// Moves clocks forward together: what is due fires in order of time, alert, group and kind, whichever clock it waits
    /// for. `ingest` is the timestamp of the record that moves them, by default that of the customer's last one.
    pub(crate) fn advance(
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

    /// Moves a customer's clocks to where silence has brought them by an ingestion clock. Whoever asks where a clock stands
    /// calls this first, so it does not matter whether anybody had to look at the customer meanwhile.
    pub(crate) fn pass_silence(
        &mut self,
        customer: CustomerId,
        clocks: impl IntoIterator<Item = ClockId>,
        ingestion: Timestamp,
    ) -> Result<(), Failure> {
        let Some(idle) = self.context.idle else { return Ok(()) };
        let mut targets = Vec::new();
        for clock_id in clocks {
            let Some(clock) = self.clock(customer, clock_id)? else { continue };
            let to = clock.silent(ingestion, idle.after);
            if to > clock.now {
                targets.push((customer, clock_id, to));
            }
        }
        if targets.is_empty() {
            return Ok(());
        }
        let now = std::mem::replace(&mut self.ingestion, ingestion.minus(idle.after));
        self.advance(&targets, None)?;
        self.ingestion = now;
        Ok(())
    }

    /// Whether any timer of a clock is due when the clock has come to its target, but for those that only forget ids: whether
    /// an id is remembered is a question of the clock, so these wait until something moves it.
    pub(crate) fn is_due(
        &mut self,
        (customer, clock_id, to): (CustomerId, ClockId, Timestamp),
    ) -> Result<bool, Failure> {
        let Some(clock) = self.clock(customer, clock_id)? else { return Ok(false) };
        let (mut from, until) = timers(customer, clock_id, Timestamp(i64::MAX));
        let mut next_timer = None;
        while let Some((key, _)) = self.view.first(Table::Timers, &from, &until)? {
            let timer = Timer::from_key(&key).ok_or_else(|| self.damaged(customer))?;
            if timer.kind != TimerKind::Forget {
                next_timer = Some(timer.due);
                break;
            }
            from = after(&key);
        }
        self.clocks.insert((customer, clock_id), Some(Clock { next_timer, ..clock }));
        Ok(next_timer.is_some_and(|due| due <= to.max(clock.now)))
    }

    /// The first timer of a clock that is due when the clock has come to its target.
    fn next_timer(
        &mut self,
        (customer, clock_id, to): (CustomerId, ClockId, Timestamp),
    ) -> Result<Option<TimerOrder>, Failure> {
        let Some(clock) = self.clock(customer, clock_id)? else { return Ok(None) };
        // An edit may have made something due at once, and an event may be late.
        let to = to.max(clock.now);
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
        let Some(active) = self.rule_of(customer, timer) else { return Ok(()) };
        if timer.kind == TimerKind::Hour {
            return self.summarise(customer, &active, moment);
        }
        if timer.kind == TimerKind::Forget {
            return self.forget_ids(customer, &active, moment.clock);
        }
        let group = Group::from_text(&timer.group);
        GroupRun::load(self, &active, customer, group, moment)?.fire(timer)
    }

    /// The rule that a timer waits for, if that is still there: rules that are gone leave their timers behind.
    pub(crate) fn rule_of(&self, customer: CustomerId, timer: &Timer) -> Option<Arc<ActiveRule>> {
        let key = RuleKey { customer: owner(customer, timer), alert: timer.alert };
        let active = self.context.rules.get(&key)?;
        (active.generation == timer.generation).then(|| Arc::clone(active))
    }

    /// Makes every timer of a clock due at the moment that it is about, because nothing waits any more.
    pub(crate) fn reschedule_all(&mut self, customer: CustomerId, clock: ClockId) -> Result<(), Failure> {
        let (mut from, to) = timers(customer, clock, Timestamp(i64::MAX));
        let mut all = Vec::new();
        while let Some((key, _)) = self.view.first(Table::Timers, &from, &to)? {
            all.push(Timer::from_key(&key).ok_or_else(|| self.damaged(customer))?);
            from = after(&key);
        }
        let now = self.clock(customer, clock)?.map_or(Timestamp(i64::MIN), |clock| clock.now);
        for timer in all.into_iter().filter(|timer| timer.kind == TimerKind::Change) {
            let Some(active) = self.rule_of(customer, &timer) else { continue };
            let moment = Moment { clock: now, ingest: now, late: false };
            let group = Group::from_text(&timer.group);
            GroupRun::load(self, &active, customer, group, moment)?.reschedule()?;
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
}
