//! What is sent, and what must come back: a workload whose truth is known before the first event leaves.
//!
//! Chance decides per event which customer it belongs to and whether it carries that customer's probe. A customer's
//! rules all count the same probe with different thresholds, so each is crossed by one known event. Two of them are
//! there for exactness: the last to fire needs every single marked event, and one more needs an event that never
//! comes, so one lost count is a lost alert and one doubled count an extra one.

pub(crate) mod bodies;
pub(crate) mod event;

use std::num::NonZeroU64;
use std::time::Duration;

use uuid::{Builder, Uuid};

use crate::schedule::Schedule;
use crate::splitmix::SplitMix;

/// What a workload is made from. Equal settings make equal workloads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    /// The seed of all chance.
    pub(crate) seed: u64,
    /// Sets the customers of this run apart.
    pub(crate) run: Uuid,
    /// How many customers.
    pub(crate) customers: u32,
    /// How many rules of each customer are to fire.
    pub(crate) rules: u32,
    /// One event in this many carries its customer's probe.
    pub(crate) probe_every: NonZeroU64,
    /// When events are due.
    pub(crate) schedule: Schedule,
}

/// One customer.
#[derive(Debug)]
pub(crate) struct Customer {
    /// Its id.
    pub(crate) id: Uuid,
    /// Its id as the record key has it: lower case, with hyphens.
    pub(crate) id_text: String,
    /// The name of the probe its rules count.
    pub(crate) probe: String,
}

/// One rule to post.
#[derive(Debug)]
pub(crate) struct Rule {
    /// Whose it is.
    pub(crate) customer_id: Uuid,
    /// Its id.
    pub(crate) alert_id: Uuid,
    /// A name for people.
    pub(crate) name: String,
    /// What it counts.
    pub(crate) json_path: String,
    /// From which count on it fires.
    pub(crate) threshold: u64,
}

/// One alert that must come, once.
#[derive(Debug)]
pub(crate) struct Expected {
    /// Whose.
    pub(crate) customer_id: Uuid,
    /// Of which rule.
    pub(crate) alert_id: Uuid,
    /// The sequence number of the event that crosses the threshold.
    pub(crate) cause: u64,
    /// When that event is due, after the start.
    pub(crate) due: Duration,
}

/// Which probe an event carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Probe {
    /// None at all.
    None,
    /// The one its customer's rules count.
    Own,
    /// Another customer's, which must not count.
    Neighbour,
}

/// What chance decided about one event.
#[derive(Debug, Clone)]
pub(crate) struct Fact {
    /// The index of its customer.
    pub(crate) customer: usize,
    /// Its probe.
    pub(crate) probe: Probe,
    /// The rest of its chance, for what has no meaning.
    pub(crate) chance: SplitMix,
}

/// A whole workload: pure, and the same for the same settings.
#[derive(Debug)]
pub(crate) struct Workload {
    settings: Settings,
    customers: Vec<Customer>,
    rules: Vec<Rule>,
    expected: Vec<Expected>,
}

impl Workload {
    /// Draws every event once to learn which will be marked, then sets the thresholds accordingly.
    pub(crate) fn new(settings: Settings) -> Self {
        let (high, low) = settings.run.as_u64_pair();
        let mut identity = SplitMix::at(settings.seed, high ^ low.rotate_left(1));
        let customers: Vec<Customer> = (0..settings.customers)
            .map(|number| {
                let id = Builder::from_random_bytes(identity.bytes()).into_uuid();
                Customer { id, id_text: id.to_string(), probe: format!("p-{number}") }
            })
            .collect();
        let mut workload = Self { settings, customers, rules: Vec::new(), expected: Vec::new() };

        let mut causes = vec![Vec::new(); workload.customers.len()];
        for sequence in 0..settings.schedule.count() {
            let fact = workload.fact(sequence);
            if fact.probe == Probe::Own {
                causes[fact.customer].push(sequence);
            }
        }
        for (customer, causes) in workload.customers.iter().zip(&causes) {
            for threshold in thresholds(causes.len(), settings.rules) {
                let alert_id = Builder::from_random_bytes(identity.bytes()).into_uuid();
                let cause = usize::try_from(threshold - 1).ok().and_then(|index| causes.get(index));
                if let Some(&cause) = cause {
                    let due = settings.schedule.due(cause);
                    workload.expected.push(Expected { customer_id: customer.id, alert_id, cause, due });
                }
                workload.rules.push(Rule {
                    customer_id: customer.id,
                    alert_id,
                    name: format!("loadgen {} at {threshold}", customer.probe),
                    json_path: format!("$.probes[?(@.name == '{}')]", customer.probe),
                    threshold,
                });
            }
        }
        workload
    }

    /// What chance decided about the event with this sequence number.
    pub(crate) fn fact(&self, sequence: u64) -> Fact {
        let mut chance = SplitMix::at(self.settings.seed, sequence);
        let customer = chance.index(self.customers.len());
        let probe = if chance.below(self.settings.probe_every.get()) == 0 {
            Probe::Own
        } else if chance.below(16) == 0 {
            Probe::Neighbour
        } else {
            Probe::None
        };
        Fact { customer, probe, chance }
    }

    /// The customers.
    pub(crate) fn customers(&self) -> &[Customer] {
        &self.customers
    }

    /// The rules to post.
    pub(crate) fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The alerts that must come.
    pub(crate) fn expected(&self) -> &[Expected] {
        &self.expected
    }

    /// When events are due.
    pub(crate) fn schedule(&self) -> Schedule {
        self.settings.schedule
    }
}

/// The thresholds of a customer that will have this many marked events: evenly spread, the last needing all of them,
/// then one more than will ever be there. With fewer events than rules, each event has its rule and the rest stay silent.
fn thresholds(marked: usize, rules: u32) -> Vec<u64> {
    let marked = u64::try_from(marked).expect("a length fits 64 bits");
    let rules = u64::from(rules);
    let step = (marked / rules).max(1);
    let mut thresholds: Vec<u64> = (1..=rules).map(|number| number * step).collect();
    if let Some(last) = thresholds.last_mut() {
        *last = marked.max(*last);
    }
    thresholds.push(marked.max(rules) + 1);
    thresholds
}

#[cfg(test)]
mod tests;
