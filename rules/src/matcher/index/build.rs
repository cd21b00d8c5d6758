//! Compiles an index: clauses, then how rare every access is, then one access for each clause.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::{Clause as Indexed, ClauseId, Index, Probe, Span, Subscriber, value_key};
use crate::book::ActiveRule;
use crate::condition::Condition;
use crate::document::Number;
use crate::matcher::access::{Access, Anchor, Key, Sought, accesses, with_joined_bounds};
use crate::matcher::check::Check;
use crate::matcher::clause::{Clause, clauses};
use crate::matcher::parts::Parts;
use crate::matcher::place::is_single;
use crate::matcher::ranges::{Marked, Ranges};
use crate::matcher::trie::ProbeId;
use crate::mixer::Mixing;
use crate::rule::{EvidenceMode, Part};

impl Index {
    /// Compiles rules.
    pub(in crate::matcher) fn new<'a>(rules: impl Iterator<Item = &'a Arc<ActiveRule>>) -> Self {
        let mut builder = Builder::default();
        rules.for_each(|active| builder.add(active));
        builder.finish()
    }
}

#[derive(Default)]
struct Builder {
    index: Index,
    /// Every check once.
    checks: HashMap<Check, u32, Mixing>,
    distinct: Vec<Check>,
    /// Every condition once, as the numbers of its checks.
    conditions: HashMap<Vec<Vec<u32>>, usize, Mixing>,
    subscribers: Vec<Vec<Subscriber>>,
    /// Clauses that are not in the index yet.
    clauses: Vec<Waiting>,
    /// How many clauses offer a key.
    offers: HashMap<Key, u32, Mixing>,
    probes: Vec<Sites>,
    values: HashMap<u64, Vec<ClauseId>, Mixing>,
}

struct Waiting {
    checks: Vec<u32>,
    condition: usize,
    accesses: Vec<Access>,
}

/// What is sought at one place, as it is collected.
#[derive(Default)]
struct Sites {
    probe: Probe,
    numbers: Vec<Marked<Number>>,
    texts: Vec<Marked<Box<str>>>,
    parts: BTreeMap<Box<str>, Vec<(Anchor, ClauseId)>>,
    folded_parts: BTreeMap<Box<str>, Vec<(Anchor, ClauseId)>>,
}

impl Builder {
    fn add(&mut self, active: &Arc<ActiveRule>) {
        let rule = &active.rule;
        self.index.rules += 1;
        for (part, _, stated) in rule.parts() {
            self.add_condition(active, part, &stated.condition);
        }
        // What is read of events that are met: the matcher alone decides what of a payload is kept.
        for exception in &rule.exceptions {
            self.look_at(&exception.condition.condition.inlined(&rule.selections));
        }
        rule.value_paths().for_each(|path| self.index.interest.add(path));
        if rule.evidence.mode == EvidenceMode::Full {
            self.index.interest.add_all();
        }
    }

    fn add_condition(&mut self, active: &Arc<ActiveRule>, part: Part, condition: &Condition) {
        let selections = &active.rule.selections;
        let Some(clauses) = clauses(condition, selections) else {
            self.look_at(&condition.inlined(selections));
            self.index.alone.push((Arc::clone(active), part));
            return;
        };
        let mut numbers: Vec<Vec<u32>> = clauses.iter().map(|clause| self.numbers(clause)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let new = self.subscribers.len();
        let condition = *self.conditions.entry(numbers.clone()).or_insert(new);
        if condition == new {
            self.subscribers.push(Vec::new());
            numbers.into_iter().for_each(|checks| self.add_clause(checks, condition));
        }
        self.subscribers[condition].push((Arc::clone(active), part));
    }

    /// Notes what a condition looks at that is evaluated on its own.
    fn look_at(&mut self, condition: &Condition) {
        match condition {
            Condition::All(parts) | Condition::Any(parts) => {
                parts.iter().for_each(|part| self.look_at(part));
            },
            Condition::Not(inner) => self.look_at(inner),
            Condition::Test(test) => self.index.interest.add(test.path()),
            // The condition stands for itself: its selections are inlined.
            Condition::Selection(_) => {},
        }
    }

    /// The numbers of the checks, in order and each once.
    fn numbers(&mut self, clause: &Clause) -> Vec<u32> {
        let number = |check: &Check| {
            let new = number(self.distinct.len());
            *self.checks.entry(check.clone()).or_insert_with(|| {
                self.index.interest.add(check.test.path());
                self.distinct.push(check.clone());
                new
            })
        };
        let mut numbers: Vec<u32> = clause.iter().map(number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    fn add_clause(&mut self, checks: Vec<u32>, condition: usize) {
        let all = checks.iter().flat_map(|check| accesses(&self.distinct[*check as usize]));
        let accesses = with_joined_bounds(all.collect());
        for key in accesses.iter().flat_map(|access| &access.keys) {
            match self.offers.get_mut(key) {
                Some(count) => *count += 1,
                None => drop(self.offers.insert(key.clone(), 1)),
            }
        }
        self.clauses.push(Waiting { checks, condition, accesses });
    }

    fn finish(mut self) -> Index {
        for Waiting { mut checks, condition, accesses } in std::mem::take(&mut self.clauses) {
            let clause = number(self.index.clauses.len());
            match accesses.iter().min_by_key(|access| self.cost(access)) {
                Some(access) => access.keys.iter().for_each(|key| self.place(key, clause)),
                None => self.index.always.push(clause),
            }
            checks.sort_by_key(|check| self.distinct[*check as usize].cost());
            let checks = checks.into_iter().map(|check| self.distinct[check as usize].clone());
            let checks = append(&mut self.index.checks, checks);
            self.index.clauses.push(Indexed { checks, condition: number(condition) });
        }
        let mut values: Vec<_> = self.values.into_iter().collect();
        values.sort_unstable_by_key(|(key, _)| *key);
        for (key, clauses) in values {
            let span = append(&mut self.index.by_value, clauses);
            self.index.values.insert(key, span);
        }
        for subscribers in self.subscribers {
            let span = append(&mut self.index.subscribers, subscribers);
            self.index.conditions.push(span);
        }
        self.index.probes = self.probes.into_iter().map(Sites::finish).collect();
        self.index
    }

    /// About how many events an access lets through that the clause does not hold of; comparable with others only.
    fn cost(&self, access: &Access) -> u64 {
        let cost = |key: &Key| {
            let offers = self.offers.get(key).map_or(0, |count| u64::from(*count));
            let many = if is_single(&key.place) { 0 } else { 1 << 12 };
            let kind = match &key.sought {
                Sought::Equal { common: true, .. } => 1 << 24,
                Sought::Equal { folded: true, .. } => 1 << 14,
                Sought::Equal { .. } => 0,
                Sought::Part { part, .. } if part.len() > 2 => 1 << 20,
                Sought::Number { low: Some(_), high: Some(_) }
                | Sought::Text { low: Some(_), high: Some(_) } => 1 << 23,
                Sought::Part { .. } => 1 << 26,
                Sought::Number { .. } | Sought::Text { .. } => 1 << 28,
                Sought::Exists => 1 << 40,
            };
            kind + many + offers
        };
        access.keys.iter().map(cost).sum()
    }

    /// Makes the clause a candidate of the events that have the key.
    fn place(&mut self, key: &Key, clause: ClauseId) {
        let id: ProbeId = self.index.trie.probe(&key.place, key.measure);
        if self.probes.len() <= id as usize {
            self.probes.resize_with(id as usize + 1, Sites::default);
        }
        let sites = &mut self.probes[id as usize];
        match key.sought.clone() {
            Sought::Equal { value, folded, .. } => {
                let flag = if folded { &mut sites.probe.by_folded } else { &mut sites.probe.by_value };
                *flag = true;
                self.values.entry(value_key(id, folded, value)).or_default().push(clause);
            },
            Sought::Number { low, high } => sites.numbers.push((low, high, clause)),
            Sought::Text { low, high } => sites.texts.push((low, high, clause)),
            Sought::Part { part, at, folded } => {
                let parts = if folded { &mut sites.folded_parts } else { &mut sites.parts };
                parts.entry(part).or_default().push((at, clause));
            },
            Sought::Exists => sites.probe.exists.push(clause),
        }
    }
}

impl Sites {
    fn finish(mut self) -> Probe {
        self.probe.numbers = Ranges::new(self.numbers);
        self.probe.texts = Ranges::new(self.texts);
        for (parts, place) in
            [(self.parts, &mut self.probe.parts), (self.folded_parts, &mut self.probe.folded_parts)]
        {
            match Parts::new(parts) {
                Ok(parts) => *place = parts,
                // Too many for one automaton: whatever is there makes them candidates.
                Err(marks) => self.probe.exists.extend(marks),
            }
        }
        self.probe
    }
}

/// Adds to a list and answers where.
fn append<T>(list: &mut Vec<T>, more: impl IntoIterator<Item = T>) -> Span {
    let from = number(list.len());
    list.extend(more);
    Span { from, to: number(list.len()) }
}

/// A rule has some kilobytes at most, so their parts are counted in 32 bits.
fn number(length: usize) -> u32 {
    u32::try_from(length).expect("no machine holds 2^32 clauses")
}
