//! Rehearsals: rules evaluated over events in memory, on the clocks of the events themselves, as `tocsin eval` and the
//! tests of rules do. The same plan and the same apply as in a worker.

use std::collections::BTreeMap;
use std::sync::Arc;

use rules::{ActiveRule, CustomerId, EventTime, Matcher, Payload, RuleBook, Snapshot};

use crate::alert::Alert;
use crate::apply::{Context, Counts, Cut, Effects, Failure, LateEvent, advance, apply};
use crate::key::ClockId;
use crate::moment;
use crate::plan::{Input, Plan, Step, matched_payload};
use crate::stream::{Offset, Partition, Timestamp};
use crate::view::{MemoryState, View};

/// Rules at work on events in memory.
pub struct Rehearsal {
    rules: RuleBook,
    snapshot: Snapshot,
    state: MemoryState,
    topic: String,
    /// How the rules read event time, each way once.
    event_times: BTreeMap<ClockId, Option<EventTime>>,
    /// How far every clock of every customer has come, or would have if rules looked at it.
    clocks: BTreeMap<(CustomerId, ClockId), Reached>,
    counts: Counts,
}

/// How far a clock has come.
#[derive(Debug, Clone, Copy)]
struct Reached {
    now: Timestamp,
    /// Whether an event's time could be read; until then the records' timestamps drive the clock.
    is_read: bool,
}

/// What an event, or the end, brings about.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Alerts, in order.
    pub alerts: Vec<Alert>,
    /// What came too late.
    pub late: Vec<LateEvent>,
    /// What looks at more of the event than it may.
    pub cut: Vec<Cut>,
}

impl Rehearsal {
    /// Starts with these rules and no state. `topic` names the source of events in evidence.
    pub fn new(rules: RuleBook, topic: &str) -> Self {
        let snapshot = Matcher::compile(&rules);
        let event_times = rules.iter().map(|active| active.rule.timing.event_time.clone());
        let event_times =
            event_times.map(|event_time| (ClockId::of(event_time.as_ref()), event_time)).collect();
        Self {
            rules,
            snapshot,
            state: MemoryState::default(),
            topic: topic.to_owned(),
            event_times,
            clocks: BTreeMap::new(),
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
        for (clock, event_time) in &self.event_times {
            let time = match event_time {
                Some(event_time) => {
                    let nodes = event_time.path.select_bounded(payload.root()).unwrap_or_default();
                    nodes.first().and_then(|node| moment::read(node, event_time.format))
                },
                None => Some(timestamp),
            };
            let reached = self.clocks.entry((customer, *clock));
            let first = || Reached { now: time.unwrap_or(timestamp), is_read: false };
            let reached = reached.or_insert_with(first);
            match time {
                Some(time) => *reached = Reached { now: reached.now.max(time), is_read: true },
                None if !reached.is_read => reached.now = reached.now.max(timestamp),
                None => {},
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
        let mut latest: BTreeMap<ClockId, Timestamp> = BTreeMap::new();
        for ((_, clock), Reached { now, .. }) in &self.clocks {
            let latest = latest.entry(*clock).or_insert(*now);
            *latest = (*latest).max(*now);
        }
        let moves: Vec<_> = self
            .clocks
            .iter()
            .map(|((customer, clock), Reached { now, .. })| {
                let to = advance_to.or_else(|| latest.get(clock).copied()).unwrap_or(*now);
                (*customer, *clock, to.max(*now))
            })
            .collect();
        let now = moves.iter().map(|(_, _, to)| *to).max().unwrap_or_default();
        let context = self.context(now, false);
        let effects = advance(&moves, View::new(&self.state, []), &context)?;
        Ok(self.take(effects))
    }

    fn context(&self, now: Timestamp, waits: bool) -> Context<'_> {
        Context {
            topic: &self.topic,
            partition: Partition(0),
            now,
            rules: &self.rules,
            clamps: false,
            waits,
            idle: None,
            past: None,
        }
    }

    fn take(&mut self, effects: Effects) -> Outcome {
        self.state.write(effects.writes);
        self.counts.add(&effects.counts);
        Outcome { alerts: effects.alerts, late: effects.late, cut: effects.cut }
    }
}
