//! The rules of one owner in two layers: a large base that stays as it is, and over it the rules that have changed since.
//! So a change among very many rules costs what the changes cost; when they have become many, everything is compiled anew.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::index::Index;
use crate::book::{ActiveRule, RuleBook};
use crate::document::{Interest, Node};
use crate::id::{AlertId, CustomerId, RuleKey};
use crate::rule::Part;

/// So few rules are compiled anew after each change: it takes less than a millisecond.
const SMALL_RULES: usize = 128;
/// One in so many rules of the base may have changed before the base is compiled anew.
const CHANGED_SHARE: usize = 64;

/// A base and what has changed since.
#[derive(Debug)]
pub(super) struct Layers {
    base: Arc<Index>,
    /// Rules of the base that are hidden, and rules that are in the overlay.
    changed: BTreeSet<AlertId>,
    overlay: Index,
}

impl Layers {
    /// Compiles the rules of an owner.
    pub(super) fn new<'a>(rules: impl Iterator<Item = &'a Arc<ActiveRule>>) -> Self {
        Self { base: Arc::new(Index::new(rules)), changed: BTreeSet::new(), overlay: Index::default() }
    }

    /// The layers after these rules of the owner have changed in the book.
    pub(super) fn with(&self, book: &RuleBook, owner: CustomerId, alerts: Vec<AlertId>) -> Self {
        let mut changed = self.changed.clone();
        changed.extend(alerts);
        let base_len = self.base.len();
        if base_len <= SMALL_RULES || changed.len() > SMALL_RULES.max(base_len / CHANGED_SHARE) {
            return Self::new(book.of(owner));
        }
        let present =
            changed.iter().filter_map(|alert| book.get(&RuleKey { customer: owner, alert: *alert }));
        let overlay = Index::new(present);
        Self { base: Arc::clone(&self.base), changed, overlay }
    }

    /// What of a document the rules look at.
    pub(super) fn interests(&self) -> [&Interest; 2] {
        [self.base.interest(), self.overlay.interest()]
    }

    /// The rules and those of their conditions that the document meets, in no order.
    pub(super) fn matches<'a>(&'a self, root: &Node, met: &mut dyn FnMut(&'a Arc<ActiveRule>, Part)) {
        self.base.matches(root, &mut |active, part| {
            if self.changed.is_empty() || !self.changed.contains(&active.rule.key.alert) {
                met(active, part);
            }
        });
        if self.overlay.len() > 0 {
            self.overlay.matches(root, met);
        }
    }
}
