//! How clauses are found: each by one of its accesses, the one that the fewest events have. Where that leaves many clauses
//! to one key, they become a group, in which each is found by its next access; and so on, a few times.

use std::collections::{BTreeMap, HashMap};

use super::build::{Access, number};
use super::{Group, Span};
use crate::condition::Measure;
use crate::document::Number;
use crate::matcher::access::{Key, Sought};
use crate::matcher::parts::{Anchored, Parts};
use crate::matcher::patterns::Patterns;
use crate::matcher::probe::{Probe, ProbeId, Values};
use crate::matcher::ranges::{Marked, Ranges};
use crate::matcher::sites::{Site, SiteId, Sites, Spot};
use crate::matcher::target::{Mark, Target};
use crate::mixer::Mixing;

/// Fewer clauses than these are checked rather than looked for.
const GROUP_MIN: usize = 24;
/// How often a group may be divided.
const DEPTH_MAX: usize = 4;
/// In how many places a clause may stand because each of its accesses has several keys.
const WAYS_MAX: usize = 64;

/// The number of a key.
pub(super) type KeyId = u32;

/// Every key once.
#[derive(Default)]
pub(super) struct Keys {
    numbers: HashMap<Key, KeyId, Mixing>,
    all: Vec<Key>,
}

impl Keys {
    pub(super) fn number(&mut self, key: Key) -> KeyId {
        if let Some(number) = self.numbers.get(&key) {
            return *number;
        }
        let new = number(self.all.len());
        self.all.push(key.clone());
        self.numbers.insert(key, new);
        new
    }

    pub(super) fn get(&self, key: KeyId) -> &Key {
        &self.all[key as usize]
    }

    /// The key, if it is an interval in which a single node must be.
    pub(super) fn bound(&self, access: &Access, sites: &Sites) -> Option<KeyId> {
        let [key] = access[..] else { return None };
        let Key { site, sought, .. } = self.get(key);
        (sought.is_bound() && sites.all[*site as usize].is_single()).then_some(key)
    }

    /// About how many events an access lets through that the clause does not hold of; comparable with others only.
    pub(super) fn cost(&self, access: &Access, sites: &Sites, offers: impl Fn(KeyId) -> u32) -> u64 {
        self.cost_at(access, &sites.all, offers)
    }

    fn cost_at(&self, access: &Access, sites: &[Site], offers: impl Fn(KeyId) -> u32) -> u64 {
        let cost = |key: &KeyId| {
            let Key { site, sought, .. } = self.get(*key);
            let place = match &sites[*site as usize] {
                site if site.is_single() => 0,
                Site { spot: Spot::Place(_), .. } => 1 << 12,
                // It is evaluated for every event.
                Site { spot: Spot::Path(_), .. } => 1 << 21,
            };
            let kind = match sought {
                Sought::Equal { common: true, .. } => 1 << 24,
                Sought::Equal { folded: true, .. } => 1 << 14,
                Sought::Equal { .. } => 0,
                Sought::Part { part, .. } if part.len() > 2 => 1 << 20,
                Sought::Number { low: Some(_), high: Some(_) }
                | Sought::Text { low: Some(_), high: Some(_) } => 1 << 23,
                Sought::Part { .. } => 1 << 26,
                Sought::Number { .. } | Sought::Text { .. } => 1 << 28,
                Sought::Pattern { .. } => 1 << 30,
                Sought::Exists => 1 << 40,
            };
            kind + place + u64::from(offers(*key))
        };
        access.iter().map(cost).sum()
    }
}

/// A clause and what it may be found by.
pub(super) struct Finder {
    mark: Mark,
    accesses: Vec<Access>,
}

impl Finder {
    pub(super) fn new(clause: u32, accesses: Vec<Access>) -> Self {
        Self { mark: Mark::candidate(clause), accesses }
    }
}

/// A clause on its way into groups.
#[derive(Clone, Copy)]
struct Member {
    finder: u32,
    /// In how many places it stands.
    ways: u32,
}

/// Groups; the first one is 0.
#[derive(Default)]
pub(super) struct Grouped {
    pub(super) groups: Vec<Group>,
    pub(super) marks: Vec<Mark>,
    pub(super) probes: Vec<Probe>,
    pub(super) values: Values,
}

/// Puts clauses into groups. The first group finds also what is in doubt, and has what is a candidate always.
pub(super) fn grouped(
    keys: &Keys,
    sites: &[Site],
    finders: Vec<Finder>,
    doubts: Vec<(KeyId, Mark)>,
    always: Vec<Mark>,
) -> Grouped {
    let members: Vec<Member> = (0..number(finders.len())).map(|finder| Member { finder, ways: 1 }).collect();
    let offers = vec![0; keys.all.len()];
    let mut groups = Groups { keys, sites, finders, offers, done: Grouped::default() };
    groups.add(&members, doubts, always, &mut Vec::new());
    groups.done.values.shrink();
    groups.done
}

/// The groups, as they are collected.
struct Groups<'a> {
    keys: &'a Keys,
    sites: &'a [Site],
    finders: Vec<Finder>,
    /// By key, while a group is divided: how many of its clauses offer it.
    offers: Vec<u32>,
    done: Grouped,
}

/// What is sought at one site, as it is collected.
#[derive(Default)]
struct Collected {
    values: Vec<(bool, u64, Target)>,
    numbers: Vec<Marked<Number>>,
    texts: Vec<Marked<Box<str>>>,
    /// As they are, and in lower case.
    parts: [Anchored; 2],
    /// As they are, and regardless of case.
    patterns: [Vec<(Box<str>, Target)>; 2],
    exists: Vec<Target>,
    all: Vec<Mark>,
}

impl Grouped {
    /// The sites at which the first group seeks.
    pub(super) fn first_sites(&self) -> Vec<SiteId> {
        let mut sites: Vec<SiteId> = self.first().1.iter().map(|probe| probe.site).collect();
        sites.dedup();
        sites
    }

    /// By site: the probes of the first group.
    pub(super) fn first_probes(&self, sites: usize) -> Box<[Span]> {
        let mut probed = vec![Span::default(); sites];
        let (from, probes) = self.first();
        for (id, probe) in (from..).zip(probes) {
            let span = &mut probed[probe.site as usize];
            let from = if span.to == 0 { id } else { span.from };
            *span = Span { from, to: id + 1 };
        }
        probed.into()
    }

    fn first(&self) -> (ProbeId, &[Probe]) {
        let span = self.groups.first().map_or_else(Span::default, |group| group.probes);
        (span.from, span.of(&self.probes))
    }
}

impl Groups<'_> {
    /// Adds a group and answers its number. `used` are the keys by which one has come to it.
    fn add(
        &mut self,
        members: &[Member],
        doubts: Vec<(KeyId, Mark)>,
        mut marks: Vec<Mark>,
        used: &mut Vec<KeyId>,
    ) -> u32 {
        let group = self.done.groups.len();
        self.done.groups.push(Group::default());
        let mut found: Vec<(KeyId, Result<Member, Mark>)> =
            doubts.into_iter().map(|(key, mark)| (key, Err(mark))).collect();
        let is_divided = used.is_empty() || (members.len() >= GROUP_MIN && used.len() < DEPTH_MAX);
        if is_divided {
            self.count(members, 1);
        }
        for member in members {
            match self.choice(*member, used).filter(|_| is_divided) {
                Some(access) => {
                    let ways = member.ways.saturating_mul(number(access.len()));
                    found.extend(access.iter().map(|key| (*key, Ok(Member { ways, ..*member }))));
                },
                None => marks.push(self.mark(*member)),
            }
        }
        if is_divided {
            self.count(members, -1);
        }
        found.sort_by_key(|(key, _)| *key);
        let mut probes: BTreeMap<(SiteId, u8), (Measure, Collected)> = BTreeMap::new();
        for same in found.chunk_by(|(left, _), (right, _)| left == right) {
            let key = same[0].0;
            let target = self.target(key, same, used);
            let Key { site, measure, sought } = self.keys.get(key);
            let (_, collected) =
                probes.entry((*site, *measure as u8)).or_insert_with(|| (*measure, Collected::default()));
            collected.add(sought, target);
            if matches!(self.sites[*site as usize].spot, Spot::Path(_)) {
                let mark =
                    |found: &Result<Member, Mark>| found.map_or_else(|mark| mark, |member| self.mark(member));
                collected.all.extend(same.iter().map(|(_, found)| mark(found)));
            }
        }
        let from = number(self.done.probes.len());
        for ((site, _), (measure, collected)) in probes {
            let id = number(self.done.probes.len());
            let probe = collected.finish(id, site, measure, &mut self.done.values);
            self.done.probes.push(probe);
        }
        let probes = Span { from, to: number(self.done.probes.len()) };
        let from = number(self.done.marks.len());
        self.done.marks.extend(marks);
        self.done.groups[group] = Group { marks: Span { from, to: number(self.done.marks.len()) }, probes };
        number(group)
    }

    /// What the key leads to.
    fn target(
        &mut self,
        key: KeyId,
        found: &[(KeyId, Result<Member, Mark>)],
        used: &mut Vec<KeyId>,
    ) -> Target {
        if let [(_, only)] = found {
            return Target::One(only.map_or_else(|mark| mark, |member| self.mark(member)));
        }
        let members: Vec<Member> = found.iter().filter_map(|(_, found)| found.ok()).collect();
        let marks = found.iter().filter_map(|(_, found)| found.err()).collect();
        used.push(key);
        let group = self.add(&members, Vec::new(), marks, used);
        used.pop();
        Target::Group(group)
    }

    fn mark(&self, member: Member) -> Mark {
        self.finders[member.finder as usize].mark
    }

    fn count(&mut self, members: &[Member], change: i32) {
        for member in members {
            let finder = &self.finders[member.finder as usize];
            for key in finder.accesses.iter().flat_map(|access| access.iter()) {
                let offers = &mut self.offers[*key as usize];
                *offers = offers.saturating_add_signed(change);
            }
        }
    }

    /// The access by which a clause is found next.
    fn choice(&self, member: Member, used: &[KeyId]) -> Option<Access> {
        let same_node = |key: &KeyId| {
            let (key, sites) = (self.keys.get(*key), self.sites);
            used.iter().any(|used| {
                let used = self.keys.get(*used);
                used.site == key.site && used.measure == key.measure && sites[key.site as usize].is_single()
            })
        };
        let is_new = |access: &&Access| {
            used.is_empty()
                || (access.iter().all(|key| {
                    !used.contains(key) && !same_node(key) && self.keys.get(*key).sought != Sought::Exists
                }) && (access.len() == 1 || member.ways as usize * access.len() <= WAYS_MAX))
        };
        let offers = |key: KeyId| self.offers[key as usize];
        let all = &self.finders[member.finder as usize].accesses;
        all.iter().filter(is_new).min_by_key(|access| self.keys.cost_at(access, self.sites, offers)).cloned()
    }
}

impl Collected {
    fn add(&mut self, sought: &Sought, target: Target) {
        match sought.clone() {
            Sought::Equal { value, folded, .. } => self.values.push((folded, value, target)),
            Sought::Number { low, high } => self.numbers.push((low, high, target)),
            Sought::Text { low, high } => self.texts.push((low, high, target)),
            Sought::Part { part, at, folded } => {
                self.parts[usize::from(folded)].entry(part).or_default().push((at, target));
            },
            Sought::Pattern { pattern, folded } => {
                self.patterns[usize::from(folded)].push((pattern, target));
            },
            Sought::Exists => self.exists.push(target),
        }
    }

    fn finish(mut self, id: ProbeId, site: SiteId, measure: Measure, values: &mut Values) -> Probe {
        let (mut by_value, mut by_folded) = (false, false);
        for (folded, value, target) in self.values {
            *(if folded { &mut by_folded } else { &mut by_value }) = true;
            if let Some(other) = values.insert(id, folded, value, target) {
                // Two in 2^64 have one key: the later one is found by whatever is there.
                values.insert(id, folded, value, other);
                self.exists.push(target);
            }
        }
        let [parts, folded_parts] = self.parts.map(|parts| {
            if parts.is_empty() {
                return None;
            }
            // Too many for one automaton: whatever is there leads to them.
            Parts::new(parts).map_err(|targets| self.exists.extend(targets)).ok().map(Box::new)
        });
        let [exact, folded] = self.patterns;
        let patterns = Patterns::new(&exact, false, &mut self.exists);
        let folded_patterns = Patterns::new(&folded, true, &mut self.exists);
        Probe {
            site,
            measure,
            by_value,
            by_folded,
            numbers: Ranges::new(self.numbers),
            texts: Ranges::new(self.texts),
            parts,
            folded_parts,
            patterns: [patterns, folded_patterns],
            exists: self.exists.into(),
            all: self.all.into(),
        }
    }
}
