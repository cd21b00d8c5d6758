//! Compiles an index: the distinct tests, conditions and clauses of its rules, then which clauses are negative, and last
//! how each of them is found (`groups`).

use std::collections::HashMap;
use std::sync::Arc;

use super::groups::{Finder, KeyId, Keys, grouped};
use super::negatives::{Negatives, Run};
use super::{CheckId, Clause as Indexed, Index, Subscriber};
use crate::book::ActiveRule;
use crate::condition::{Condition, Test};
use crate::document::Interest;
use crate::matcher::access::{Key, Sought, joined_bounds};
use crate::matcher::alone::{Alone, Lowering};
use crate::matcher::check::{Check, Same, cost};
use crate::matcher::clause::{Clause, clauses};
use crate::matcher::quick::Quick;
use crate::matcher::seen::TestAt;
use crate::matcher::sites::{Sites, Spot};
use crate::matcher::target::Mark;
use crate::matcher::trie::Trie;
use crate::mixer::Mixing;
use crate::rule::{EventTime, EvidenceMode, Rule};

/// So many negative clauses must share a check for it to be their guard.
const GUARDED_MIN: u32 = 16;

impl Index {
    /// Compiles rules that come by alert id.
    pub(in crate::matcher) fn new<'a>(rules: impl Iterator<Item = &'a Arc<ActiveRule>>) -> Self {
        let mut builder = Builder::default();
        rules.for_each(|active| builder.add(active));
        builder.finish()
    }
}

#[derive(Default)]
struct Builder {
    rules: Vec<Arc<ActiveRule>>,
    interest: Interest,
    event_times: Vec<EventTime>,
    sites: Sites,
    keys: Keys,
    /// Every test once.
    numbers: HashMap<Same, u32, Mixing>,
    tests: Vec<TestAt>,
    /// Every condition once, as the checks of its clauses; each clause is closed by `CLAUSE_END`.
    conditions: HashMap<Box<[CheckId]>, u32, Mixing>,
    subscribers: Vec<(u32, Subscriber)>,
    alone: Vec<(Alone, Subscriber)>,
    clauses: Vec<Waiting>,
}

/// A clause that is not in the index yet.
struct Waiting {
    checks: Box<[CheckId]>,
    condition: u32,
}

/// No machine holds so many tests.
const CLAUSE_END: CheckId = CheckId(u32::MAX);

impl Builder {
    fn add(&mut self, active: &Arc<ActiveRule>) {
        let rule = &active.rule;
        let number = number(self.rules.len());
        self.rules.push(Arc::clone(active));
        if never_applies(active) {
            return;
        }
        for (part, _, stated) in rule.parts() {
            self.add_condition(rule, Subscriber::new(number, part), &stated.condition);
        }
        // What is read of events that are met: the matcher alone decides what of a payload is kept.
        for exception in &rule.exceptions {
            self.look_at(&exception.condition.condition.inlined(&rule.selections));
        }
        if let Some(event_time) = &rule.timing.event_time
            && !self.event_times.contains(event_time)
        {
            self.event_times.push(event_time.clone());
        }
        rule.value_paths().for_each(|path| self.interest.add(path));
        if rule.evidence.mode == EvidenceMode::Full {
            self.interest.add_all();
        }
    }

    fn add_condition(&mut self, rule: &Rule, subscriber: Subscriber, condition: &Condition) {
        let Some(clauses) = clauses(condition, &rule.selections) else {
            let number = &mut |test: &Arc<Test>| self.number(test);
            let done = HashMap::new();
            let alone = Lowering { selections: &rule.selections, done, number }.lower(condition);
            self.alone.push((alone, subscriber));
            return;
        };
        let mut all: Vec<Box<[CheckId]>> = clauses.iter().map(|clause| self.checks(clause)).collect();
        all.sort_unstable();
        all.dedup();
        let key = all.iter().flat_map(|checks| checks.iter().copied().chain([CLAUSE_END])).collect();
        let new = number(self.conditions.len());
        let condition = *self.conditions.entry(key).or_insert(new);
        if condition == new {
            self.clauses.extend(all.into_iter().map(|checks| Waiting { checks, condition }));
        }
        self.subscribers.push((condition, subscriber));
    }

    /// The checks of a clause, in order and each once.
    fn checks(&mut self, clause: &Clause) -> Box<[CheckId]> {
        let check = |check: &Check| CheckId::new(self.number(&check.test), check.negated);
        let mut checks: Vec<CheckId> = clause.iter().map(check).collect();
        checks.sort_unstable();
        checks.dedup();
        checks.into()
    }

    fn number(&mut self, test: &Arc<Test>) -> u32 {
        let new = number(self.tests.len());
        let number = *self.numbers.entry(Same(Arc::clone(test))).or_insert(new);
        if number == new {
            self.interest.add(test.path());
            let site = self.sites.of(test);
            self.tests.push(TestAt { test: Arc::clone(test), site, quick: Quick::new(test) });
        }
        number
    }

    /// Notes what a condition looks at that is evaluated elsewhere.
    fn look_at(&mut self, condition: &Condition) {
        match condition {
            Condition::All(parts) | Condition::Any(parts) => {
                parts.iter().for_each(|part| self.look_at(part));
            },
            Condition::Not(inner) => self.look_at(inner),
            Condition::Test(test) => self.interest.add(test.path()),
            // The condition stands for itself: its selections are inlined.
            Condition::Selection(_) => {},
        }
    }

    fn finish(mut self) -> Index {
        drop(std::mem::take(&mut self.numbers));
        drop(std::mem::take(&mut self.conditions));
        let mut accesses = Accesses { by_check: HashMap::default() };
        let (negatives, doubts) = self.sort_clauses(&mut accesses);
        let mut finders = Vec::new();
        let mut always = Vec::new();
        for (clause, waiting) in (0..).zip(&self.clauses).skip(negatives.len()) {
            match accesses.of_clause(waiting, &self.tests, &mut self.sites, &mut self.keys) {
                all if all.is_empty() => always.push(Mark::candidate(clause)),
                all => finders.push(Finder::new(clause, all)),
            }
        }
        let groups = grouped(&self.keys, &self.sites.all, finders, doubts, always);
        let mut trie = Trie::default();
        let mut paths = Vec::new();
        for site in groups.first_sites() {
            let at = &mut self.sites.all[site as usize];
            match &at.spot {
                Spot::Place(place) => {
                    trie.add(place, site);
                    at.is_walked = true;
                },
                Spot::Path(_) => paths.push(site),
            }
        }
        let probed = groups.first_probes(self.sites.all.len());
        let mut index = Index {
            trie,
            paths: paths.into(),
            probed,
            probes: groups.probes.into(),
            values: groups.values,
            groups: groups.groups.into(),
            marks: groups.marks.into(),
            negatives,
            alone: self.alone.into(),
            rules: self.rules.into(),
            interest: self.interest,
            event_times: self.event_times,
            ..Index::default()
        };
        (index.clauses, index.checks) = flattened(self.clauses, &self.tests);
        (index.conditions, index.subscribers) = by_condition(self.subscribers);
        index.sites = self.sites.all.into();
        index.tests = self.tests.into();
        index
    }

    /// Puts the negative clauses in front, by their guards. Answers them, and what casts doubt on which.
    fn sort_clauses(&mut self, accesses: &mut Accesses) -> (Negatives, Vec<(KeyId, Mark)>) {
        let Self { tests, sites, keys, .. } = self;
        let mut shared: HashMap<CheckId, u32, Mixing> = HashMap::default();
        let mut all = Vec::with_capacity(self.clauses.len());
        for waiting in std::mem::take(&mut self.clauses) {
            let is_negative = waiting.checks.iter().all(|check| {
                accesses.of(*check, tests, sites, keys).is_empty()
                    && !accesses.of(check.not(), tests, sites, keys).is_empty()
            });
            // Without checks it always holds: an empty `all`.
            if is_negative {
                waiting.checks.iter().for_each(|check| *shared.entry(*check).or_default() += 1);
            }
            all.push((is_negative, waiting));
        }
        let guard = |waiting: &Waiting| {
            let count = |check: &CheckId| shared.get(check).copied().unwrap_or_default();
            let most = waiting.checks.iter().max_by_key(|check| count(check));
            most.copied().filter(|check| count(check) >= GUARDED_MIN)
        };
        all.sort_by_cached_key(|(is_negative, waiting)| (!is_negative, is_negative.then(|| guard(waiting))));
        let mut runs: Vec<Run> = Vec::new();
        let mut doubts = Vec::new();
        for (clause, (_, waiting)) in (0..).zip(all.iter().take_while(|(is_negative, _)| *is_negative)) {
            let guard = guard(waiting);
            match runs.last_mut() {
                Some(run) if run.guard == guard => run.to = clause + 1,
                _ => runs.push(Run { to: clause + 1, guard }),
            }
            for check in waiting.checks.iter().filter(|check| Some(**check) != guard) {
                let denied = accesses.of(check.not(), tests, sites, keys);
                let cheapest = denied.iter().min_by_key(|access| keys.cost(access, sites, |_| 0));
                let found = cheapest.into_iter().flat_map(|access| access.iter());
                doubts.extend(found.map(|key| (*key, Mark::doubt(clause))));
            }
        }
        self.clauses = all.into_iter().map(|(_, waiting)| waiting).collect();
        (Negatives { runs: runs.into() }, doubts)
    }
}

/// The accesses of checks, found once.
struct Accesses {
    by_check: HashMap<CheckId, Vec<Access>, Mixing>,
}

/// Keys of which at least one is found.
pub(super) type Access = Arc<[KeyId]>;

impl Accesses {
    fn of(&mut self, check: CheckId, tests: &[TestAt], sites: &mut Sites, keys: &mut Keys) -> &[Access] {
        self.by_check.entry(check).or_insert_with(|| {
            let test = Arc::clone(&tests[check.test() as usize].test);
            let check = Check { test, negated: check.is_negated() };
            let all = crate::matcher::access::accesses(&check, sites);
            all.into_iter().map(|access| access.into_iter().map(|key| keys.number(key)).collect()).collect()
        })
    }

    fn of_clause(
        &mut self,
        clause: &Waiting,
        tests: &[TestAt],
        sites: &mut Sites,
        keys: &mut Keys,
    ) -> Vec<Access> {
        let each = |check: &CheckId| self.of(*check, tests, sites, keys).to_vec();
        let mut all: Vec<Access> = clause.checks.iter().flat_map(each).collect();
        let bounds: Vec<KeyId> = all.iter().filter_map(|access| keys.bound(access, sites)).collect();
        if bounds.len() > 1 {
            let joined: Vec<Key> = joined_bounds(bounds.iter().map(|key| keys.get(*key)));
            all.extend(joined.into_iter().map(|key| Access::from([keys.number(key)])));
        }
        all
    }
}

impl CheckId {
    fn not(self) -> Self {
        Self::new(self.test(), !self.is_negated())
    }
}

impl Sought {
    /// Whether it is an interval.
    pub(super) fn is_bound(&self) -> bool {
        matches!(self, Self::Number { .. } | Self::Text { .. })
    }
}

/// Whether a rule is for no customer, as long as it stands as it does.
fn never_applies(active: &ActiveRule) -> bool {
    let rule = &active.rule;
    if rule.key.customer.is_global() {
        rule.scope.overrides.is_empty() && !rule.status.is_evaluated()
    } else {
        !active.applies_to(rule.key.customer)
    }
}

fn flattened(clauses: Vec<Waiting>, tests: &[TestAt]) -> (Box<[Indexed]>, Box<[CheckId]>) {
    let mut checks = Vec::with_capacity(clauses.iter().map(|clause| clause.checks.len()).sum());
    let mut all = Vec::with_capacity(clauses.len());
    for Waiting { checks: mut own, condition } in clauses {
        all.push(Indexed { checks: number(checks.len()), condition });
        own.sort_by_key(|check| cost(&tests[check.test() as usize].test));
        checks.extend(own);
    }
    (all.into(), checks.into())
}

fn by_condition(mut subscribers: Vec<(u32, Subscriber)>) -> (Box<[u32]>, Box<[Subscriber]>) {
    subscribers.sort_unstable();
    let mut conditions = Vec::new();
    for (at, (condition, _)) in subscribers.iter().enumerate() {
        if conditions.len() == *condition as usize {
            conditions.push(number(at));
        }
    }
    (conditions.into(), subscribers.into_iter().map(|(_, subscriber)| subscriber).collect())
}

/// A rule has some kilobytes at most, so their parts are counted in 32 bits.
pub(super) fn number(length: usize) -> u32 {
    u32::try_from(length).expect("no machine holds 2^32 clauses")
}
