//! Folds: new rules evaluated over the events that were there before them, on state of their own in memory.
//!
//! The same plan and the same apply as on the live stream, over the same records in the same order, so a fold up to an offset
//! and the live stream from there on are one pass. State and alerts depend on the records alone, not on how they are cut into
//! batches, so a fold that is made again comes to the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use rules::{ActiveRule, BootstrapMode, CustomerId, Generation, Matcher, RuleBook, Snapshot};
use xxhash_rust::xxh3::Xxh3;

use crate::alert::Alert;
use crate::apply::{Context, Failure, LateEvent, apply};
use crate::evaluate::{GroupRun, Moment};
use crate::group::Group;
use crate::head::Head;
use crate::key::{ClockId, Key, head_of, is_clock};
use crate::past::{Past, Telling};
use crate::plan::{Input, plan};
use crate::run::Run;
use crate::stored;
use crate::stream::{Offset, Partition, Timestamp};
use crate::view::{MemoryState, View};
use crate::write::Table;

/// A rule that is to be filled from the past.
#[derive(Debug, Clone, PartialEq)]
pub struct Newcomer {
    /// The rule, as it is evaluated over the past.
    pub active: Arc<ActiveRule>,
    /// The partition's position when the rule became known: events before it are past.
    pub known_at: Offset,
    /// Past records with an earlier timestamp are not taken.
    pub since: Option<Timestamp>,
}

impl Newcomer {
    /// Whether the rule takes an event of a customer into account.
    pub fn takes(&self, customer: CustomerId, input: &Input) -> bool {
        let is_past = input.offset < self.known_at || input.offset.is_before_the_log();
        let wanted = self.active.rule.bootstrap.customer.is_none_or(|only| only == customer);
        !is_past || (wanted && self.since.is_none_or(|since| input.timestamp >= since))
    }

    fn telling(&self) -> Telling {
        match self.active.rule.bootstrap.mode {
            BootstrapMode::Alerts => Telling::Marked,
            BootstrapMode::State | BootstrapMode::None => Telling::Withheld,
        }
    }
}

/// A fold at work.
pub struct Fold {
    newcomers: BTreeMap<Generation, Newcomer>,
    rules: RuleBook,
    snapshot: Snapshot,
    state: MemoryState,
    topic: String,
    partition: Partition,
    partitions: u32,
    /// The newcomers that have not reached their present.
    past: Past,
    told: Told,
    events: u64,
}

/// What a fold has to tell.
#[derive(Debug, Default)]
pub struct Told {
    /// Alerts, in order.
    pub alerts: Vec<Alert>,
    /// Events that came too late for a rule after it was known.
    pub late: Vec<LateEvent>,
}

impl Fold {
    /// Starts with these rules and no state, on one partition of `partitions` of a topic.
    pub fn new(newcomers: Vec<Newcomer>, topic: &str, partition: Partition, partitions: u32) -> Self {
        let rules: RuleBook = newcomers.iter().map(|newcomer| Arc::clone(&newcomer.active)).collect();
        let newcomers: BTreeMap<_, _> =
            newcomers.into_iter().map(|newcomer| (newcomer.active.generation, newcomer)).collect();
        let past = newcomers.iter().map(|(generation, newcomer)| (*generation, newcomer.telling())).collect();
        Self {
            snapshot: Matcher::compile(&rules),
            newcomers,
            rules,
            state: MemoryState::default(),
            topic: topic.to_owned(),
            partition,
            partitions,
            past,
            told: Told::default(),
            events: 0,
        }
    }

    /// Takes records in, after all earlier ones of the same customers. As long as they are past for all newcomers, customers may
    /// come one after the other; from there on records come in offset order. `now` marks alerts and decides nothing.
    ///
    /// # Errors
    /// None that memory can have; as [`apply`].
    pub fn feed(&mut self, mut inputs: Vec<Input>, now: Timestamp) -> Result<(), Failure> {
        while let Some(first) = inputs.first().map(|input| input.offset) {
            if first.is_before_the_log() {
                let cut = inputs.partition_point(|input| input.offset.is_before_the_log());
                let rest = inputs.split_off(cut);
                self.events += inputs.len() as u64;
                self.evaluate(std::mem::replace(&mut inputs, rest), now)?;
                continue;
            }
            self.pass(first, now)?;
            let present = self.newcomers.values().map(|newcomer| newcomer.known_at);
            let next = present.filter(|known_at| *known_at > first).min();
            let cut = next.map_or(inputs.len(), |next| inputs.partition_point(|input| input.offset < next));
            let rest = inputs.split_off(cut);
            self.events += inputs.len() as u64;
            self.evaluate(std::mem::replace(&mut inputs, rest), now)?;
        }
        Ok(())
    }

    /// Ends: the next event would be the one at this offset.
    ///
    /// # Errors
    /// As [`Fold::feed`].
    pub fn finish(&mut self, until: Offset, now: Timestamp) -> Result<(), Failure> {
        self.pass(until, now)?;
        // Customers came in any order, and in another one if it is done again over an archive that has grown.
        self.told.alerts.sort_by_key(|alert| alert.customer_id);
        self.told.late.sort_by_key(|late| late.customer);
        Ok(())
    }

    /// How many bytes of state there are, about.
    pub fn state_bytes(&self) -> usize {
        self.state.bytes()
    }

    /// What there is to tell so far.
    pub fn told(&self) -> &Told {
        &self.told
    }

    /// Takes what there is to tell.
    pub fn take_told(&mut self) -> Told {
        std::mem::take(&mut self.told)
    }

    /// How many records were taken in.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The state, by table and key.
    pub fn state(&self) -> impl Iterator<Item = (Table, &Key, &Bytes)> {
        self.state.iter()
    }

    /// The state behind an entry, by table and key; all of it without one.
    pub fn state_after(&self, entry: Option<(Table, Key)>) -> impl Iterator<Item = (Table, &Key, &Bytes)> {
        self.state.iter_after(entry)
    }

    /// Names the state: the same for the same records. When a clock was set is left out, since that is not about events.
    pub fn digest(&self) -> u64 {
        let mut hash = Xxh3::new();
        for (table, key, value) in self.state() {
            if table == Table::State && is_clock(key) {
                continue;
            }
            for part in [key, value] {
                hash.update(&(part.len() as u64).to_le_bytes());
                hash.update(part);
            }
        }
        hash.digest()
    }

    fn evaluate(&mut self, inputs: Vec<Input>, now: Timestamp) -> Result<(), Failure> {
        let mut plan = plan(&self.snapshot, self.partition, self.partitions, inputs);
        plan.retain(|active, customer, input| {
            self.newcomers.get(&active.generation).is_some_and(|newcomer| newcomer.takes(customer, input))
        });
        let effects = apply(plan, View::new(&self.state, []), &self.context(now, &self.past))?;
        self.state.write(effects.writes);
        self.told.alerts.extend(effects.alerts);
        let is_present = |late: &LateEvent| {
            let generation = self.rules.get(&late.rule).map(|active| active.generation);
            generation.is_some_and(|generation| !self.past.contains_key(&generation))
        };
        self.told.late.extend(effects.late.into_iter().filter(is_present));
        Ok(())
    }

    fn context<'a>(&'a self, now: Timestamp, past: &'a Past) -> Context<'a> {
        Context {
            topic: &self.topic,
            partition: self.partition,
            now,
            rules: &self.rules,
            clamps: true,
            waits: true,
            idle: None,
            past: Some(past),
        }
    }

    /// Rules whose present begins here tell the alerts of the past that are still open, if they were withheld.
    fn pass(&mut self, next: Offset, now: Timestamp) -> Result<(), Failure> {
        let mut opening = Past::new();
        for (&generation, _) in self.newcomers.iter().filter(|(_, newcomer)| newcomer.known_at <= next) {
            if self.past.remove(&generation) == Some(Telling::Withheld) {
                opening.insert(generation, Telling::Marked);
            }
        }
        if opening.is_empty() {
            return Ok(());
        }
        let context = self.context(now, &opening);
        let mut run = Run::new(View::new(&self.state, []), &context);
        for (key, value) in self
            .state
            .iter()
            .filter_map(|(table, key, value)| (table == Table::State).then_some((key, value)))
        {
            let Some((customer, generation)) = head_of(key) else { continue };
            let opens = opening.contains_key(&generation);
            let Some(Newcomer { active, .. }) = self.newcomers.get(&generation).filter(|_| opens) else {
                continue;
            };
            let head: Head =
                stored::from_bytes(value).map_err(|problem| Failure::Corrupt { customer, problem })?;
            if head.policy.episode.is_none() {
                continue;
            }
            let clock_id = ClockId::of(active.rule.timing.event_time.as_ref());
            let clock = run.clock(customer, clock_id)?;
            let (clock, ingest) = clock.map_or_else(Default::default, |clock| (clock.now, clock.ingest));
            let moment = Moment { clock, ingest, late: false };
            GroupRun::load(&mut run, active, customer, Group::from_text(&head.group), moment)?.tell_open();
        }
        let alerts = run.effects.alerts;
        self.told.alerts.extend(alerts);
        Ok(())
    }
}
