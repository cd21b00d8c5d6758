//! Applies a planned batch to state: per event in offset order, a pure function of plan, state and context.

use std::collections::BTreeMap;
use std::sync::Arc;

use rules::{ActiveRule, CustomerId};

use crate::alert::{Alert, AlertState, Evidence, Origin, Window, instance_id, threshold_json};
use crate::count::{Count, CountError};
use crate::dead_letter::DeadLetter;
use crate::key::{Key, clock_key, count_key};
use crate::plan::{Matched, Plan, Step};
use crate::stream::{Partition, Timestamp};
use crate::varint::{Reader, put_signed};
use crate::view::View;
use crate::write::Write;

/// What holds for the whole batch.
#[derive(Debug, Clone)]
pub struct Context<'a> {
    /// The event topic, for evidence.
    pub topic: &'a str,
    /// The partition of the batch.
    pub partition: Partition,
    /// The time at which alerts are decided; marks them and decides nothing.
    pub now: Timestamp,
}

/// What a batch does.
#[derive(Debug, Default)]
pub struct Effects {
    /// Changes of state, one per key, in key order.
    pub writes: Vec<Write>,
    /// Alerts, in the order of their causes.
    pub alerts: Vec<Alert>,
    /// Records that could not be evaluated.
    pub dead_letters: Vec<DeadLetter>,
    /// How many events were evaluated.
    pub events: u64,
    /// How many pairs of event and rule matched.
    pub matches: u64,
}

/// State that cannot be read: the partition must stop, since going on would count from nothing.
#[derive(Debug, thiserror::Error)]
#[error("state of customer {customer} cannot be read: {problem}")]
pub struct CorruptState {
    /// Whose state.
    pub customer: CustomerId,
    /// What is wrong with it.
    pub problem: CountError,
}

/// Applies a plan to the state that its [`Plan::reads`] asked for.
///
/// # Errors
/// State that cannot be read; nothing of the batch may then be used.
pub fn apply(plan: Plan, view: View, context: &Context<'_>) -> Result<Effects, CorruptState> {
    let mut run = Run { view, context, effects: Effects::default() };
    for step in plan.steps {
        run.step(step)?;
    }
    run.effects.writes = run.view.into_writes();
    Ok(run.effects)
}

struct Run<'a> {
    view: View,
    context: &'a Context<'a>,
    effects: Effects,
}

impl Run<'_> {
    fn step(&mut self, step: Step) -> Result<(), CorruptState> {
        let event = match &step.event {
            Ok(event) => event,
            Err(letter) => {
                self.effects.dead_letters.push(DeadLetter::clone(letter));
                return Ok(());
            },
        };
        self.effects.events += 1;
        if !event.concerned {
            return Ok(());
        }
        let clock = self.advance_clock(event.customer, step.timestamp)?;
        self.effects.matches += event.rules.len() as u64;
        event.rules.iter().try_for_each(|active| self.count(&step, event, active, clock))
    }

    /// Moves the customer's clock to the event's time if that is later, and answers the clock.
    fn advance_clock(&mut self, customer: CustomerId, time: Timestamp) -> Result<Timestamp, CorruptState> {
        let key = clock_key(customer);
        let before = match self.view.get(&key) {
            Some(bytes) => Some(read_clock(bytes).map_err(|problem| CorruptState { customer, problem })?),
            None => None,
        };
        match before {
            Some(before) if before >= time => Ok(before),
            _ => {
                self.view.put(key, write_clock(time));
                Ok(time)
            },
        }
    }

    fn count(
        &mut self,
        step: &Step,
        event: &Matched,
        active: &Arc<ActiveRule>,
        clock: Timestamp,
    ) -> Result<(), CorruptState> {
        let customer = event.customer;
        let key: Key = count_key(customer, active.generation);
        let mut count = match self.view.get(&key) {
            Some(bytes) => Count::from_bytes(bytes).map_err(|problem| CorruptState { customer, problem })?,
            None => Count::default(),
        };
        count.add(step.timestamp, step.offset);
        let threshold = active.rule.threshold_for(customer);
        if !count.fired && threshold.is_some_and(|limits| limits.hold(count.value.into())) {
            self.effects.alerts.push(self.alert(step, customer, active, &count, clock));
            count.fired = true;
            count.evidence.clear();
        }
        self.view.put(key, count.to_bytes());
        Ok(())
    }

    fn alert(
        &self,
        step: &Step,
        customer: CustomerId,
        active: &ActiveRule,
        count: &Count,
        clock: Timestamp,
    ) -> Alert {
        let rule = &active.rule;
        let evidence = |offset: &_| Evidence {
            topic: self.context.topic.to_owned(),
            partition: self.context.partition,
            offset: *offset,
            event_id: None,
        };
        Alert {
            alert_instance_id: instance_id(customer, rule.key.alert, clock, 0),
            customer_id: customer,
            alert_id: rule.key.alert,
            alert_name: rule.name.clone(),
            severity: rule.severity_for(customer).name(),
            rule_version: active.version.0,
            state: AlertState::Firing,
            group: BTreeMap::new(),
            value: count.value,
            threshold: rule.threshold_for(customer).map(threshold_json),
            window: Window { start: None, end: step.timestamp },
            first_seen: count.first_seen,
            last_seen: count.last_seen,
            entities: Vec::new(),
            entities_added: Vec::new(),
            entities_removed: Vec::new(),
            evidence: count.evidence.iter().map(evidence).collect(),
            origin: Origin::Live,
            late: step.timestamp < clock,
            event_time: step.timestamp,
            ingest_time: step.timestamp,
            emit_time: self.context.now,
            labels: rule.labels.clone(),
        }
    }
}

/// The stored form of a clock, version 1: `1 | milliseconds`.
const CLOCK_VERSION: u8 = 1;

fn write_clock(clock: Timestamp) -> Vec<u8> {
    let mut out = vec![CLOCK_VERSION];
    put_signed(&mut out, clock.0);
    out
}

fn read_clock(bytes: &[u8]) -> Result<Timestamp, CountError> {
    let mut reader = Reader::new(bytes);
    match reader.byte()? {
        CLOCK_VERSION => Ok(Timestamp(reader.signed()?)),
        other => Err(CountError::Format(other)),
    }
}

#[cfg(test)]
mod tests;
