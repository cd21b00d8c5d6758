//! The story of one partition: events, rules that come, change and go between them, and time that goes on without events.
//!
//! Reading: a clock runs for a customer as long as a rule of the customer's own or a global one has its definition of event
//! time, that of the records as long as there is any such rule; it stands still meanwhile. A rule that comes later finds
//! it as it stands.
//! Reading: an edit that keeps the state goes on with it, and judges every group by the new rule where its customer's clock stands.
//! One that does not keep it, and a deletion, end everything silently.
//! Reading: a customer's clock that stood at c when the ingestion clock was I0 has come to c + (I − I0 − idle) when that is I,
//! whether or not anything of the customer is due by then; what the ingestion clock says before an event counts for it.

use std::collections::{BTreeMap, BTreeSet};

use rules::{CustomerId, EventTime, Node, Rule, Timestamp};

use crate::clock::{Seen, see_as};
use crate::run::Run;
use crate::{Event, fire, is_in_force};

/// A rule in force.
#[derive(Debug, Clone)]
pub struct InForce {
    /// The rule.
    pub rule: Rule,
    /// How often it was written.
    pub version: u32,
    /// Names the state that it counts in: another one after an edit that begins anew.
    pub life: u64,
    /// For whom it is suspended: their events do not count for it.
    pub suspended: BTreeSet<CustomerId>,
}

/// Something that happens on a partition.
#[derive(Debug, Clone)]
pub enum Step {
    /// From now on these rules are in force, and no others.
    Rules(Vec<InForce>),
    /// An event comes.
    Event {
        /// The event.
        event: Event,
        /// The partition's ingestion clock with it.
        ingestion: Timestamp,
        /// The rules by their lives that look too long at it: it does not count for them.
        cut: BTreeSet<u64>,
    },
    /// Nothing has come for a while.
    Silence {
        /// The partition's ingestion clock.
        ingestion: Timestamp,
        /// How long a customer sends nothing before it counts as silent, in milliseconds.
        idle: i64,
    },
}

/// What a group has come to at the end.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupEnd {
    /// Whose.
    pub customer: CustomerId,
    /// Which state.
    pub life: u64,
    /// The group, as JSON.
    pub group: String,
    /// How many events contributed to it, whenever.
    pub contributions: usize,
    /// Whether an alert is open.
    pub firing: bool,
}

/// A story told to its end.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Told {
    /// The alert records in order of emission, without `emitTime`.
    pub records: Vec<Node>,
    /// The groups at the end.
    pub groups: Vec<GroupEnd>,
}

/// A clock of a customer.
#[derive(Debug, Clone, Copy)]
struct Stand {
    seen: Seen,
    /// The ingestion clock when it was last set.
    set_at: i64,
}

type Definition = Option<EventTime>;

struct Teller<'a> {
    rules: Vec<&'a InForce>,
    runs: Vec<(u64, Run<'a>)>,
    clocks: Vec<((CustomerId, Definition), Stand)>,
    told: Told,
}

/// Tells a story.
pub fn tell(steps: &[Step]) -> Told {
    let (rules, runs, clocks, told) = Default::default();
    let mut teller = Teller { rules, runs, clocks, told };
    for step in steps {
        match step {
            Step::Rules(rules) => teller.change(rules),
            Step::Event { event, ingestion, cut } => teller.event(event, ingestion.0, cut),
            Step::Silence { ingestion, idle } => teller.silence(ingestion.0, *idle),
        }
    }
    teller.end()
}

impl<'a> Teller<'a> {
    fn change(&mut self, rules: &'a [InForce]) {
        self.rules = rules.iter().collect();
        let lives: BTreeMap<u64, &InForce> = rules.iter().map(|rule| (rule.life, rule)).collect();
        self.runs.retain(|(life, _)| lives.contains_key(life));
        for (life, run) in &mut self.runs {
            let now = lives[life];
            run.desk.version = now.version;
            run.desk.now = run.clock.map_or(run.desk.now, |clock| clock.max(run.desk.now));
            run.edit(&now.rule);
            self.told.records.extend(run.desk.take());
        }
    }

    fn event(&mut self, event: &'a Event, ingestion: i64, cut: &BTreeSet<u64>) {
        let customer = event.customer;
        let concerns = |rule: &&&InForce| {
            let owner = rule.rule.key.customer;
            owner == customer || owner.is_global()
        };
        let known: Vec<&'a InForce> = self.rules.iter().filter(concerns).copied().collect();
        if known.is_empty() {
            return;
        }
        for rule in known.iter().filter(|rule| is_in_force(&rule.rule, customer)) {
            self.begin(rule, customer);
        }
        self.runs.sort_by_key(|(_, run)| (run.rule.key.alert, run.rule.key.customer, run.customer));
        let own = |(_, run): &'_ mut (u64, Run<'a>)| (run.customer == customer).then_some(());
        let mut mine: Vec<&mut Run<'a>> = Vec::new();
        for entry in &mut self.runs {
            if own(entry).is_some() {
                mine.push(&mut entry.1);
            }
        }
        mine.iter_mut().for_each(|run| run.see(event));
        fire(&mut mine, false, &mut self.told.records);
        let suspended = self.rules.iter().filter(|rule| rule.suspended.contains(&customer));
        let withheld: BTreeSet<u64> = suspended.map(|rule| rule.life).chain(cut.iter().copied()).collect();
        for (life, run) in self.runs.iter_mut().filter(|(_, run)| run.customer == customer) {
            if !withheld.contains(life) {
                run.apply(event);
                self.told.records.extend(run.desk.take());
            }
        }
        let mut definitions: Vec<Definition> = vec![None];
        for rule in &known {
            if !definitions.contains(&rule.rule.timing.event_time) {
                definitions.push(rule.rule.timing.event_time.clone());
            }
        }
        for definition in definitions {
            let before = self.stand(customer, &definition).map(|stand| stand.seen);
            let seen = see_as(definition.as_ref(), &event.payload, event.timestamp, before);
            self.set(customer, definition, Stand { seen, set_at: ingestion });
        }
    }

    /// A rule meets a customer for the first time, with the clock as it stands.
    fn begin(&mut self, rule: &'a InForce, customer: CustomerId) {
        if self.runs.iter().any(|(life, run)| *life == rule.life && run.customer == customer) {
            return;
        }
        let mut run = Run::new(&rule.rule, customer);
        run.desk.version = rule.version;
        if let Some(stand) = self.stand(customer, &rule.rule.timing.event_time) {
            (run.seen, run.clock, run.desk.now) =
                (Some(stand.seen), Some(stand.seen.clock), stand.seen.clock);
        }
        self.runs.push((rule.life, run));
    }

    fn silence(&mut self, ingestion: i64, idle: i64) {
        for ((customer, definition), stand) in &mut self.clocks {
            let to = stand.seen.clock + (ingestion - idle - stand.set_at).max(0);
            if to == stand.seen.clock {
                continue;
            }
            let of = |run: &Run<'_>| run.customer == *customer && run.rule.timing.event_time == *definition;
            let mut mine: Vec<&mut Run<'a>> = Vec::new();
            for (_, run) in self.runs.iter_mut().filter(|(_, run)| of(run)) {
                mine.push(run);
            }
            stand.seen.clock = to;
            stand.set_at = ingestion - idle;
            for run in &mut mine {
                run.clock = Some(to);
                run.seen = Some(stand.seen);
            }
            fire(&mut mine, false, &mut self.told.records);
        }
    }

    fn stand(&self, customer: CustomerId, definition: &Definition) -> Option<Stand> {
        let found = self.clocks.iter().find(|((of, by), _)| *of == customer && by == definition);
        found.map(|(_, stand)| *stand)
    }

    fn set(&mut self, customer: CustomerId, definition: Definition, stand: Stand) {
        let found = self.clocks.iter_mut().find(|((of, by), _)| *of == customer && *by == definition);
        match found {
            Some((_, known)) => *known = stand,
            None => self.clocks.push(((customer, definition), stand)),
        }
    }

    fn end(self) -> Told {
        let mut told = self.told;
        for (life, run) in &self.runs {
            told.groups.extend(run.groups.iter().map(|state| GroupEnd {
                customer: run.customer,
                life: *life,
                group: state.text.clone(),
                contributions: state.contributions.len(),
                firing: state.voice.open.is_some(),
            }));
        }
        told
    }
}
