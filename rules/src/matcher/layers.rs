//! The rules of one owner in two layers: a large base that stays as it is, and over it the rules that have changed since.
//! So a change among very many rules costs what the changes cost; when they have become many, everything is compiled anew.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::index::Index;
use super::seen::Scratch;
use super::{Matches, Met, Parts};
use crate::book::{ActiveRule, RuleBook};
use crate::document::{Interest, Node};
use crate::id::{AlertId, CustomerId, RuleKey};
use crate::rule::EventTime;

/// So few rules are compiled anew after each change: it takes less than a millisecond.
const SMALL_RULES: usize = 128;
/// One in so many rules of the base may have changed before the base is compiled anew.
const CHANGED_SHARE: usize = 128;

/// A base and what has changed since.
#[derive(Debug)]
pub(super) struct Layers {
    base: Arc<Index>,
    /// Rules of the base that are hidden, and rules that are in the overlay.
    changed: BTreeSet<AlertId>,
    /// The numbers of the hidden ones, in order.
    hidden: Vec<u32>,
    overlay: Index,
    /// The numbers of those rules of the base and of the overlay that are not for every customer.
    scoped: [Vec<u32>; 2],
}

impl Layers {
    /// Compiles the rules of an owner, which come by alert id.
    pub(super) fn new<'a>(rules: impl Iterator<Item = &'a Arc<ActiveRule>>) -> Self {
        let base = Index::new(rules);
        let scoped = [scoped(&base), Vec::new()];
        Self {
            base: Arc::new(base),
            changed: BTreeSet::new(),
            hidden: Vec::new(),
            overlay: Index::default(),
            scoped,
        }
    }

    /// The layers after these rules of the owner have changed in the book.
    pub(super) fn with(&self, book: &RuleBook, owner: CustomerId, alerts: Vec<AlertId>) -> Self {
        let mut changed = self.changed.clone();
        changed.extend(alerts);
        let base_len = self.base.len();
        if base_len <= SMALL_RULES || changed.len() > SMALL_RULES.max(base_len / CHANGED_SHARE) {
            return Self::new(book.of(owner));
        }
        let key = |alert: &AlertId| RuleKey { customer: owner, alert: *alert };
        let overlay = Index::new(changed.iter().filter_map(|alert| book.get(&key(alert))));
        let place = |alert: &AlertId| self.base.rules().binary_search_by_key(alert, |own| own.rule.key.alert);
        let hidden = changed.iter().filter_map(|alert| u32::try_from(place(alert).ok()?).ok()).collect();
        let scoped = [self.scoped[0].clone(), scoped(&overlay)];
        Self { base: Arc::clone(&self.base), changed, hidden, overlay, scoped }
    }

    /// How the rules read event time; ways that no rule uses any more may be among them.
    pub(super) fn event_times(&self) -> impl Iterator<Item = &EventTime> {
        self.base.event_times().iter().chain(self.overlay.event_times())
    }

    /// What of a document the rules look at.
    pub(super) fn interests(&self) -> [&Interest; 2] {
        [self.base.interest(), self.overlay.interest()]
    }

    /// Adds what the document of a customer meets, and answers how many lists by alert id that were.
    pub(super) fn matches<'a>(
        &'a self,
        customer: CustomerId,
        root: &Node,
        scratch: &mut Scratch,
        matches: &mut Matches<'a>,
    ) -> usize {
        let Matches { met, cut } = matches;
        let mut lists = 0;
        for ((index, hidden), scoped) in
            [(&*self.base, &self.hidden[..]), (&self.overlay, &[])].into_iter().zip(&self.scoped)
        {
            if index.len() == 0 {
                continue;
            }
            let before = met.len() + cut.len();
            let rules = index.rules();
            let applies = |number: u32| {
                let is_scoped = !scoped.is_empty() && scoped.binary_search(&number).is_ok();
                (hidden.is_empty() || hidden.binary_search(&number).is_err())
                    && (!is_scoped || rules[number as usize].applies_to(customer))
            };
            index.matches(
                root,
                scratch,
                &mut |number, parts| {
                    if applies(number) {
                        met.push(Met { active: &rules[number as usize], parts: Parts(parts) });
                    }
                },
                &mut |number| {
                    if applies(number) {
                        cut.push(&rules[number as usize]);
                    }
                },
            );
            lists += usize::from(met.len() + cut.len() > before);
        }
        lists
    }
}

/// Rules of customers are for one customer; global ones mostly for all.
fn scoped(index: &Index) -> Vec<u32> {
    let is_scoped = |active: &Arc<ActiveRule>| {
        let scope = &active.rule.scope;
        !scope.include.is_empty()
            || !scope.exclude.is_empty()
            || !scope.overrides.is_empty()
            || !active.suspended.is_empty()
    };
    (0..).zip(index.rules()).filter(|(_, active)| is_scoped(active)).map(|(number, _)| number).collect()
}
