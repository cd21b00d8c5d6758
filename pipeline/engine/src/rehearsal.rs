//! Rehearsals: rules evaluated over events in memory, on the clocks of the events themselves, as `tocsin eval` and the
//! tests of rules do. The same plan and the same apply as in a worker.

use std::collections::BTreeMap;
use std::sync::Arc;

use rules::{ActiveRule, CustomerId, Matcher, Payload, RuleBook, Snapshot};

use crate::alert::Alert;
use crate::apply::{Context, Counts, Effects, Failure, LateEvent, advance, apply};
use crate::key::ClockId;
use crate::plan::{Input, Plan, Step, matched_payload};
use crate::stream::{Offset, Partition, Timestamp};
use crate::view::{MemoryState, View};

/// Rules at work on events in memory.
pub struct Rehearsal {
    rules: RuleBook,
    snapshot: Snapshot,
    state: MemoryState,
    topic: String,
    /// How far every clock of every customer has come.
    clocks: BTreeMap<(CustomerId, ClockId), Timestamp>,
    /// The greatest time of every definition, over all customers.
    latest: BTreeMap<ClockId, Timestamp>,
    counts: Counts,
}

/// What an event, or the end, brings about.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Alerts, in order.
    pub alerts: Vec<Alert>,
    /// What came too late.
    pub late: Vec<LateEvent>,
}

impl Rehearsal {
    /// Starts with these rules and no state. `topic` names the source of events in evidence.
    pub fn new(rules: RuleBook, topic: &str) -> Self {
        let snapshot = Matcher::compile(&rules);
        Self {
            rules,
            snapshot,
            state: MemoryState::default(),
            topic: topic.to_owned(),
            clocks: BTreeMap::new(),
            latest: BTreeMap::new(),
            counts: Counts::default(),
        }
    }

    /// The rules by id.
    pub fn rules(&self) -> impl Iterator<Item = &Arc<ActiveRule>> {
        self.rules.iter()
    }

    /// What has happened so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Takes an event in. `timestamp` is that of its record.
    ///
    /// # Errors
    /// None that memory can have; as [`apply`].
    pub fn event(
        &mut self,
        customer: CustomerId,
        payload: &Payload,
        timestamp: Timestamp,
        offset: Offset,
    ) -> Result<Outcome, Failure> {
        let event = matched_payload(&self.snapshot, customer, payload, timestamp);
        for (clock, time) in &event.times {
            let now = self.clocks.get(&(customer, *clock)).copied();
            if let Some(reached) = time.or_else(|| now.is_none().then_some(timestamp)) {
                let now = now.map_or(reached, |now| now.max(reached));
                self.clocks.insert((customer, *clock), now);
            }
            if let Some(time) = time {
                let latest = self.latest.entry(*clock).or_insert(*time);
                *latest = (*latest).max(*time);
            }
        }
        let input = Input { offset, timestamp, key: None, value: None };
        let plan = Plan { steps: vec![Step { input, event: Ok(event) }] };
        let context = self.context(timestamp, true);
        let effects = apply(plan, View::new(&self.state, []), &context)?;
        Ok(self.take(effects))
    }

    /// Ends: every clock moves to this time, or to the greatest event time of its definition, and nothing waits.
    ///
    /// # Errors
    /// As [`Rehearsal::event`].
    pub fn finish(&mut self, advance_to: Option<Timestamp>) -> Result<Outcome, Failure> {
        let mut moves = Vec::with_capacity(self.clocks.len());
        for ((customer, clock), now) in &self.clocks {
            let to = advance_to.or_else(|| self.latest.get(clock).copied()).unwrap_or(*now);
            moves.push((*customer, *clock, to.max(*now)));
        }
        let now = moves.iter().map(|(_, _, to)| *to).max().unwrap_or_default();
        let context = self.context(now, false);
        let effects = advance(&moves, View::new(&self.state, []), &context)?;
        Ok(self.take(effects))
    }

    fn context(&self, now: Timestamp, waits: bool) -> Context<'_> {
        Context { topic: &self.topic, partition: Partition(0), now, rules: &self.rules, clamps: false, waits }
    }

    fn take(&mut self, effects: Effects) -> Outcome {
        self.state.write(effects.writes);
        self.counts.add(&effects.counts);
        Outcome { alerts: effects.alerts, late: effects.late }
    }
}
