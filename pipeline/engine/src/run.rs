//! A batch at work on the state behind a view: events in offset order, each with what it brings to its rules.

mod ids;
mod tallies;
mod timers;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use rules::{CustomerId, Span};
use serde::de::DeserializeOwned;

use crate::apply::{Context, Cut, Effects, Failure, LateEvent};
use crate::clock::Clock;
use crate::evaluate::{Arrival, Fate, GroupRun, Moment};
use crate::hit::Hit;
use crate::key::{ClockId, Key, clock_key, wake_key};
use crate::plan::{Input, Matched, Step};
use crate::stored::{self, StoredError};
use crate::stream::Timestamp;
use crate::view::View;
use crate::write::Table;

/// How far ahead of its record an event of the live stream may be.
const AHEAD_MAX: Span = Span::from_hours(1);

/// A batch at work.
pub(crate) struct Run<'a> {
    pub(crate) view: View<'a>,
    pub(crate) context: &'a Context<'a>,
    pub(crate) effects: Effects,
    /// The partition's ingestion clock.
    pub(crate) ingestion: Timestamp,
    /// The clocks that the batch has looked at; written once at its end.
    clocks: BTreeMap<(CustomerId, ClockId), Option<Clock>>,
}

impl<'a> Run<'a> {
    pub(crate) fn new(view: View<'a>, context: &'a Context<'a>) -> Self {
        let ingestion = context.idle.map_or(Timestamp(i64::MIN), |idle| idle.ingestion);
        Self { view, context, effects: Effects::default(), ingestion, clocks: BTreeMap::new() }
    }

    pub(crate) fn finish(mut self) -> Effects {
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

    pub(crate) fn step(&mut self, step: Step) -> Result<(), Failure> {
        let before = self.ingestion;
        self.ingestion = before.max(step.input.timestamp.min(self.context.now));
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
        let (customer, offset) = (event.customer, step.input.offset);
        let cut = event.cut.iter().map(|active| Cut { active: Arc::clone(active), customer, offset });
        self.effects.cut.extend(cut);
        self.pass_silence(event.customer, event.times.iter().map(|(clock, _)| *clock), before)?;
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
            self.remember_id(customer, hit, time, clock)?;
        }
        Ok(())
    }

    /// A clock of a customer.
    pub(crate) fn clock(&mut self, customer: CustomerId, clock: ClockId) -> Result<Option<Clock>, Failure> {
        if let Some(known) = self.clocks.get(&(customer, clock)) {
            return Ok(*known);
        }
        let stored = self.get(customer, Table::State, &clock_key(customer, clock))?;
        self.clocks.insert((customer, clock), stored);
        Ok(stored)
    }

    /// Sets a clock of a customer.
    pub(crate) fn set_clock(&mut self, customer: CustomerId, clock_id: ClockId, clock: Clock) {
        self.clocks.insert((customer, clock_id), Some(clock));
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
