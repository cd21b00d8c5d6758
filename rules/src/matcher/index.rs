//! The index over the rules of one owner: from what an event has at the places that matter to the rules that it meets.
//!
//! Every clause of every condition is found by one access, the one that the fewest events will have. Where many clauses
//! share an access, they are a group with an index of its own, by the next access of each (`groups`). Clauses without an
//! access are negative: they hold unless something is found (`negatives`). Candidates are checked in full, and each
//! distinct test is evaluated once at most, so the index decides what is looked at and never what matches.

mod build;
mod groups;
mod negatives;

use std::sync::Arc;

use super::alone::Alone;
use super::probe::{Probe, Values};
use super::seen::{Lists, Scratch, Seen, TestAt};
use super::sites::{Site, SiteId};
use super::target::{Mark, Target};
use super::trie::Trie;
use super::truth::Truth;
use crate::book::ActiveRule;
use crate::document::{Interest, Node};
use crate::rule::{EventTime, Part};
use negatives::Negatives;

/// The rules of one owner, compiled. Clauses, conditions and groups are numbers; what belongs to one of them stands in a
/// list from its own beginning to that of the next.
#[derive(Debug, Default)]
pub(super) struct Index {
    trie: Trie,
    sites: Box<[Site]>,
    /// The sites of the first group that the walk does not visit.
    paths: Box<[SiteId]>,
    /// By site: the probes of the first group.
    probed: Box<[Span]>,
    probes: Box<[Probe]>,
    values: Values,
    /// The first one is entered by every event.
    groups: Box<[Group]>,
    marks: Box<[Mark]>,
    /// The negative ones come first.
    clauses: Box<[Clause]>,
    checks: Box<[CheckId]>,
    negatives: Negatives,
    tests: Box<[TestAt]>,
    conditions: Box<[u32]>,
    subscribers: Box<[Subscriber]>,
    /// Conditions that are evaluated one by one.
    alone: Box<[(Alone, Subscriber)]>,
    /// By alert id.
    rules: Box<[Arc<ActiveRule>]>,
    /// What of a document any rule looks at.
    interest: Interest,
    /// How its rules read event time, each way once.
    event_times: Vec<EventTime>,
}

/// A condition of a rule: the number of the rule, and which part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Subscriber(u32);

impl Subscriber {
    /// A rule has at most 17 parts.
    const PARTS: u32 = 32;

    fn new(rule: u32, part: Part) -> Self {
        Self(rule * Self::PARTS + u32::from(part.0))
    }

    fn rule(self) -> u32 {
        self.0 / Self::PARTS
    }

    /// One bit.
    fn part(self) -> u32 {
        1 << (self.0 % Self::PARTS)
    }
}

/// A test by its number, or that it does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct CheckId(u32);

impl CheckId {
    fn new(test: u32, negated: bool) -> Self {
        Self(test << 1 | u32::from(negated))
    }

    fn test(self) -> u32 {
        self.0 >> 1
    }

    fn is_negated(self) -> bool {
        self.0 & 1 == 1
    }

    fn truth(self, seen: &mut Seen<'_, '_>) -> Truth {
        let truth = seen.truth(self.test());
        if self.is_negated() { truth.not() } else { truth }
    }
}

/// From and up to, in another list.
#[derive(Debug, Clone, Copy, Default)]
struct Span {
    from: u32,
    to: u32,
}

impl Span {
    fn of<T>(self, list: &[T]) -> &[T] {
        &list[self.from as usize..self.to as usize]
    }
}

/// Clauses that are found by the same key: some are candidates at once, the others by what the probes find.
#[derive(Debug, Clone, Copy, Default)]
struct Group {
    marks: Span,
    probes: Span,
}

#[derive(Debug, Clone, Copy)]
struct Clause {
    checks: u32,
    condition: u32,
}

impl Index {
    /// How many rules there are.
    pub(super) fn len(&self) -> usize {
        self.rules.len()
    }

    /// The rules, by alert id.
    pub(super) fn rules(&self) -> &[Arc<ActiveRule>] {
        &self.rules
    }

    /// How the rules read event time, each way once.
    pub(super) fn event_times(&self) -> &[EventTime] {
        &self.event_times
    }

    /// What of a document the rules look at.
    pub(super) fn interest(&self) -> &Interest {
        &self.interest
    }

    /// Calls `met` for the rules that the document meets, by alert id, each with one bit for every part of it; and `cut`
    /// for those of which that is unknown, because it takes too many steps.
    pub(super) fn matches(
        &self,
        root: &Node,
        scratch: &mut Scratch,
        met: &mut dyn FnMut(u32, u32),
        cut: &mut dyn FnMut(u32),
    ) {
        let mut lists = std::mem::take(&mut scratch.lists);
        if lists.parts.len() < self.rules.len() {
            lists.parts.resize(self.rules.len(), 0);
        }
        let mut seen = Seen::new(root, scratch, &self.sites, &self.tests, self.groups.len());
        self.collect(root, &mut seen, &mut lists);
        lists.failed.clear();
        lists.failed.resize(self.negatives.len().div_ceil(64), 0);
        let mut candidates = std::mem::take(&mut lists.candidates);
        for mark in candidates.drain(..) {
            self.decide(mark, &mut seen, &mut lists);
        }
        lists.candidates = candidates;
        self.negatives.hold(self, &mut seen, &mut lists);
        for (alone, subscriber) in &self.alone {
            match alone.truth(&mut seen) {
                Truth::True => lists.meet(*subscriber),
                Truth::Unknown => lists.unknown.push(subscriber.0),
                Truth::False => {},
            }
        }
        seen.finish();
        lists.report(met, cut);
        scratch.lists = lists;
    }

    /// Finds the candidates.
    fn collect<'a>(&self, root: &'a Node, seen: &mut Seen<'a, '_>, lists: &mut Lists) {
        self.trie.walk(root, &mut |site, node| {
            if seen.add(site, node) {
                lists.sites.push(site);
            }
        });
        let Lists { sites, candidates, groups, .. } = lists;
        sites.extend(&self.paths);
        let Some(first) = self.groups.first() else { return };
        candidates.extend(first.marks.of(&self.marks));
        for site in sites.drain(..) {
            self.ask(self.probed[site as usize], seen, candidates, groups);
        }
        while let Some(group) = groups.pop() {
            let group = self.groups[group as usize];
            candidates.extend(group.marks.of(&self.marks));
            self.ask(group.probes, seen, candidates, groups);
        }
    }

    fn ask(&self, probes: Span, seen: &mut Seen<'_, '_>, candidates: &mut Vec<Mark>, groups: &mut Vec<u32>) {
        for (id, probe) in (probes.from..).zip(probes.of(&self.probes)) {
            if !seen.find(probe.site) {
                candidates.extend(&probe.all);
                continue;
            }
            let from = groups.len();
            for node in seen.nodes(probe.site) {
                probe.find(id, &self.values, node, &mut |target| match target {
                    Target::One(mark) => candidates.push(mark),
                    Target::Group(group) => groups.push(group),
                });
            }
            // Several nodes may lead to the same group.
            let mut kept = from;
            for at in from..groups.len() {
                if seen.enter(groups[at]) {
                    groups.swap(kept, at);
                    kept += 1;
                }
            }
            groups.truncate(kept);
        }
    }

    fn decide(&self, mark: Mark, seen: &mut Seen<'_, '_>, lists: &mut Lists) {
        let truth = self.truth(mark.clause(), seen);
        if truth == Truth::Unknown {
            let condition = self.clauses[mark.clause() as usize].condition;
            lists.unknown.extend(self.subscribers(condition).iter().map(|subscriber| subscriber.0));
        }
        if mark.is_doubt() {
            if truth != Truth::True {
                lists.failed[mark.clause() as usize / 64] |= 1 << (mark.clause() % 64);
            }
        } else if truth == Truth::True {
            self.meet(mark.clause(), lists);
        }
    }

    fn truth(&self, clause: u32, seen: &mut Seen<'_, '_>) -> Truth {
        let at = clause as usize;
        let to = self.clauses.get(at + 1).map_or(self.checks.len(), |next| next.checks as usize);
        let checks = &self.checks[self.clauses[at].checks as usize..to];
        Truth::all(checks.iter().map(|check| check.truth(seen)))
    }

    /// Everyone who has the clause's condition is met.
    fn meet(&self, clause: u32, lists: &mut Lists) {
        let condition = self.clauses[clause as usize].condition;
        self.subscribers(condition).iter().for_each(|subscriber| lists.meet(*subscriber));
    }

    fn subscribers(&self, condition: u32) -> &[Subscriber] {
        let at = condition as usize;
        let to = self.conditions.get(at + 1).map_or(self.subscribers.len(), |next| *next as usize);
        &self.subscribers[self.conditions[at] as usize..to]
    }
}

impl Lists {
    fn meet(&mut self, subscriber: Subscriber) {
        let rule = subscriber.rule();
        let parts = &mut self.parts[rule as usize];
        if *parts == 0 {
            self.rules.push(rule);
        }
        *parts |= subscriber.part();
    }

    /// Tells what came of the event, and is empty again.
    fn report(&mut self, met: &mut dyn FnMut(u32, u32), cut: &mut dyn FnMut(u32)) {
        let mut unknown: Vec<u32> = self
            .unknown
            .drain(..)
            .map(Subscriber)
            // Another clause of the same condition may hold all the same.
            .filter(|subscriber| self.parts[subscriber.rule() as usize] & subscriber.part() == 0)
            .map(Subscriber::rule)
            .collect();
        unknown.sort_unstable();
        unknown.dedup();
        unknown.into_iter().for_each(cut);
        self.rules.sort_unstable();
        for rule in self.rules.drain(..) {
            met(rule, std::mem::take(&mut self.parts[rule as usize]));
        }
    }
}
