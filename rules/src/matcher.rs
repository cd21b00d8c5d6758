//! The matcher: a rule book compiled for answering which rules a payload meets.
//!
//! The rules of a customer and the global ones are two structures each: a large one that stays, and a small one of what
//! has changed since (`layers`). An event walks the places that those rules look at (`trie`), finds candidates by what is
//! there (`index`, `access`), and only those are checked (`check`). It pays for no other customer's rules, and hardly for
//! the number of its own. A [`Snapshot`] is immutable and cheap to clone, so a new one takes effect by swapping a pointer
//! between two batches.

mod access;
mod check;
mod clause;
mod index;
mod layers;
mod parts;
mod place;
mod ranges;
mod required;
mod trie;
mod value;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::book::{ActiveRule, RuleBook};
use crate::document::{Interest, Wanted};
use crate::id::{AlertId, CustomerId, RuleKey};
use crate::mixer::Mixing;
use crate::payload::{Payload, PayloadError};
use crate::rule::{EventTime, Part};
use layers::Layers;

/// Compiles rule books.
#[derive(Debug)]
pub struct Matcher;

impl Matcher {
    /// Compiles all rules of a book. After a few changes, [`Snapshot::with`] is quicker.
    pub fn compile(book: &RuleBook) -> Snapshot {
        let all: Vec<_> = book.iter().collect();
        let customer = |active: &Arc<ActiveRule>| active.rule.key.customer;
        let owners = all.chunk_by(|left, right| customer(left) == customer(right));
        let owners = owners.map(|rules| (customer(rules[0]), Arc::new(Layers::new(rules.iter().copied()))));
        Snapshot { owners: Arc::new(owners.collect()) }
    }
}

/// A rule of which a payload meets some condition.
#[derive(Debug, Clone)]
pub struct Met {
    /// The rule.
    pub active: Arc<ActiveRule>,
    /// Which of its conditions hold, in order; at least one.
    pub parts: Vec<Part>,
}

/// A compiled rule book.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The global rules have an owner like those of a customer.
    owners: Arc<HashMap<CustomerId, Arc<Layers>, Mixing>>,
}

impl Snapshot {
    /// The rules that are evaluated for this customer, the global ones included, of which the payload meets some condition,
    /// by (alert id, customer).
    pub fn matches(&self, customer: CustomerId, payload: &Payload) -> Vec<Met> {
        let mut found: Vec<(&Arc<ActiveRule>, Part)> = Vec::new();
        for layers in [customer, CustomerId::GLOBAL].iter().filter_map(|owner| self.owners.get(owner)) {
            layers.matches(payload.root(), &mut |active, part| found.push((active, part)));
        }
        found.retain(|(active, _)| active.rule.applies_to(customer));
        found.sort_by_key(|(active, part)| (active.rule.key.alert, active.rule.key.customer, *part));
        let rules = found.chunk_by(|(left, _), (right, _)| Arc::ptr_eq(left, right));
        let met = |rule: &[(&Arc<ActiveRule>, Part)]| Met {
            active: Arc::clone(rule[0].0),
            parts: rule.iter().map(|(_, part)| *part).collect(),
        };
        rules.map(met).collect()
    }

    /// Decodes a payload of this customer as [`Payload::parse`] does, but keeps only what its rules look at: enough for
    /// [`Snapshot::matches`] of this snapshot, and quicker the more of the payload no rule asks for.
    ///
    /// # Errors
    /// As [`Payload::parse`].
    pub fn read(&self, customer: CustomerId, text: &str) -> Result<Payload, PayloadError> {
        Payload::parse_part(text, Wanted::of(&self.interests(customer)))
    }

    /// Decodes a payload that stands in a JSON string, as [`Payload::parse_quoted`] does, and keeps what [`Snapshot::read`]
    /// keeps.
    ///
    /// # Errors
    /// As [`Payload::parse_quoted`].
    pub fn read_quoted(&self, customer: CustomerId, literal: &str) -> Result<Payload, PayloadError> {
        Payload::parse_part_quoted(literal, Wanted::of(&self.interests(customer)))
    }

    /// What the customer's rules look at, those of its own and the global ones.
    fn interests(&self, customer: CustomerId) -> [&Interest; 4] {
        let [[base, overlay], [global_base, global_overlay]] =
            [customer, CustomerId::GLOBAL].map(|owner| match self.owners.get(&owner) {
                Some(layers) => layers.interests(),
                None => [Interest::nothing(); 2],
            });
        [base, overlay, global_base, global_overlay]
    }

    /// How the rules that apply to this customer read event time; some of them more than once.
    pub fn event_times(&self, customer: CustomerId) -> impl Iterator<Item = &EventTime> {
        let owners = [customer, CustomerId::GLOBAL];
        let layers = owners.into_iter().filter_map(|owner| self.owners.get(&owner));
        layers.flat_map(|layers| layers.event_times())
    }

    /// Whether any rule applies to this customer.
    pub fn concerns(&self, customer: CustomerId) -> bool {
        self.owners.contains_key(&CustomerId::GLOBAL) || self.owners.contains_key(&customer)
    }

    /// The snapshot of the book after its rules of these keys, and no others, have come, changed or gone: what
    /// [`Matcher::compile`] answers, at the cost of the changes.
    #[must_use]
    pub fn with(&self, book: &RuleBook, changed: impl IntoIterator<Item = RuleKey>) -> Self {
        let mut by_owner: BTreeMap<CustomerId, Vec<AlertId>> = BTreeMap::new();
        for key in changed {
            by_owner.entry(key.customer).or_default().push(key.alert);
        }
        let mut owners = HashMap::clone(&self.owners);
        for (owner, alerts) in by_owner {
            if book.of(owner).next().is_none() {
                owners.remove(&owner);
                continue;
            }
            let layers = match owners.get(&owner) {
                Some(layers) => layers.with(book, owner, alerts),
                None => Layers::new(book.of(owner)),
            };
            owners.insert(owner, Arc::new(layers));
        }
        Self { owners: Arc::new(owners) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::Command;
    use crate::id::RuleKey;
    use crate::wire::read_rule;
    use serde_json::json;
    use uuid::Uuid;

    fn customer(id: u128) -> CustomerId {
        CustomerId::from_uuid(Uuid::from_u128(id))
    }

    fn book(rules: &[(CustomerId, u128, &str)]) -> RuleBook {
        let mut book = RuleBook::default();
        for (customer, alert, path) in rules {
            let document =
                json!({"customerId": customer, "alertId": Uuid::from_u128(*alert), "jsonPath": path});
            let (rule, _) = read_rule(document.to_string().as_bytes(), None).unwrap();
            book.apply(Command::Put { rule: Box::new(rule), expected: None });
        }
        book
    }

    fn matched(snapshot: &Snapshot, id: u128, payload: serde_json::Value) -> Vec<RuleKey> {
        let met = snapshot.matches(customer(id), &Payload::from(payload));
        met.iter().map(|met| met.active.rule.key).collect()
    }

    /// The original system compared a field with itself, so every customer met every other's rules.
    #[test]
    fn a_customer_meets_its_own_rules_and_the_global_ones_alone() {
        let book = book(&[(customer(1), 1, "$.a"), (customer(2), 1, "$.a"), (CustomerId::GLOBAL, 0, "$.a")]);
        let snapshot = Matcher::compile(&book);
        let met = matched(&snapshot, 1, json!({"a": 1}));
        assert_eq!(met.iter().map(|key| key.customer).collect::<Vec<_>>(), [CustomerId::GLOBAL, customer(1)]);
        assert_eq!(matched(&snapshot, 3, json!({"a": 1})).len(), 1);
        assert!(matched(&snapshot, 1, json!({"b": 1})).is_empty());
    }

    #[test]
    fn matches_come_in_the_order_of_alert_id_and_customer() {
        let book = book(&[(customer(1), 3, "$.a"), (CustomerId::GLOBAL, 2, "$.a"), (customer(1), 1, "$.a")]);
        let met = matched(&Matcher::compile(&book), 1, json!({"a": 1}));
        let ids: Vec<_> = met.iter().map(|key| key.alert.uuid().as_u128()).collect();
        assert_eq!(ids, [1, 2, 3]);
    }

    #[test]
    fn a_snapshot_knows_whom_it_concerns() {
        let tenant = Matcher::compile(&book(&[(customer(1), 1, "$.a")]));
        assert!(tenant.concerns(customer(1)) && !tenant.concerns(customer(2)));
        assert!(Matcher::compile(&book(&[(CustomerId::GLOBAL, 1, "$.a")])).concerns(customer(2)));
        assert!(!Matcher::compile(&RuleBook::default()).concerns(customer(1)));
    }
}
