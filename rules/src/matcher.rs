//! The matcher: a rule book compiled for answering which rules a payload meets.
//!
//! The rules of a customer and the global ones are a large structure each that stays, and small ones of what has changed
//! since (`layers`), which become a new large one beside the stream (`merge`). An event walks the places that those rules
//! look at (`trie`), finds candidates by what is there (`index`, `probe`, `access`), and only those are checked, each
//! distinct test once (`seen`). It pays for no other customer's rules, and hardly for the number of its own. A [`Snapshot`]
//! is immutable and cheap to clone, so a new one takes effect by swapping a pointer between two batches.

mod access;
mod alone;
mod check;
mod clause;
mod index;
mod layers;
mod merge;
mod parts;
mod patterns;
mod place;
mod probe;
mod quick;
mod ranges;
mod required;
mod seen;
mod sites;
mod target;
mod trie;
mod truth;
mod value;

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::book::{ActiveRule, RuleBook};
use crate::document::{Interest, Wanted};
use crate::id::{AlertId, CustomerId, RuleKey};
use crate::mixer::Mixing;
use crate::payload::{Payload, PayloadError};
use crate::rule::{EventTime, Part};
use layers::Layers;
pub use merge::{Merge, Merged};
use seen::Scratch;

thread_local! {
    /// Memory that is used again for the next event; nothing of an event is read for another.
    static SCRATCH: Cell<Option<Box<Scratch>>> = const { Cell::new(None) };
}

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

/// What a payload meets.
#[derive(Debug, Clone, Default)]
pub struct Matches<'a> {
    /// The rules of which it meets some condition, by (alert id, customer).
    pub met: Vec<Met<'a>>,
    /// The rules of which it is unknown whether it meets one more condition, because a path of theirs selects among more
    /// nodes of this payload than may be looked at. By (alert id, customer). Whoever runs them should disable them and say so.
    pub cut: Vec<&'a Arc<ActiveRule>>,
}

/// A rule of which a payload meets some condition.
#[derive(Debug, Clone, Copy)]
pub struct Met<'a> {
    /// The rule.
    pub active: &'a Arc<ActiveRule>,
    /// Which of its conditions hold; at least one.
    pub parts: Parts,
}

/// Some of the conditions of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts(u32);

impl Parts {
    /// Whether the part is among them.
    pub fn contains(self, part: Part) -> bool {
        1_u32.checked_shl(part.0.into()).is_some_and(|bit| self.0 & bit != 0)
    }

    /// All of them, in order.
    pub fn iter(self) -> impl Iterator<Item = Part> {
        (0..32).map(Part).filter(move |part| self.contains(*part))
    }
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
    pub fn matches(&self, customer: CustomerId, payload: &Payload) -> Vec<Met<'_>> {
        self.evaluate(customer, payload).met
    }

    /// What [`Snapshot::matches`] answers, and which rules were cut short.
    pub fn evaluate(&self, customer: CustomerId, payload: &Payload) -> Matches<'_> {
        let mut matches = Matches::default();
        let mut scratch = SCRATCH.take().unwrap_or_default();
        let lists: usize = self
            .layers(customer)
            .map(|layers| layers.matches(customer, payload.root(), &mut scratch, &mut matches))
            .sum();
        SCRATCH.set(Some(scratch));
        if lists > 1 {
            // Each layer is in order already, so this joins a few lists.
            let by_key = |active: &ActiveRule| (active.rule.key.alert, active.rule.key.customer);
            matches.met.sort_by_key(|met| by_key(met.active));
            matches.cut.sort_by_key(|active| by_key(active));
        }
        matches
    }

    /// The customer's own rules and the global ones.
    fn layers(&self, customer: CustomerId) -> impl Iterator<Item = &Arc<Layers>> {
        let global = (!customer.is_global()).then_some(CustomerId::GLOBAL);
        [Some(customer), global].into_iter().flatten().filter_map(|owner| self.owners.get(&owner))
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
    /// [`Matcher::compile`] answers, at the cost of the changes, if [`Snapshot::merge`] is heeded.
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
    use crate::rule::{Override, Rule, Status};
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
    fn a_global_rule_is_met_by_those_in_its_scope_alone_and_a_paused_one_by_nobody() {
        let mut book = RuleBook::default();
        let mut put = |owner: CustomerId, alert: u128, change: &dyn Fn(&mut Rule)| {
            let document = json!({"customerId": owner, "alertId": Uuid::from_u128(alert), "jsonPath": "$.a"});
            let (mut rule, _) = read_rule(document.to_string().as_bytes(), None).unwrap();
            change(&mut rule);
            book.apply(Command::Put { rule: Box::new(rule), expected: None });
        };
        put(CustomerId::GLOBAL, 1, &|rule| rule.scope.include.extend([customer(1)]));
        put(CustomerId::GLOBAL, 2, &|rule| rule.scope.exclude.extend([customer(1)]));
        put(CustomerId::GLOBAL, 3, &|rule| rule.status = Status::Paused);
        put(CustomerId::GLOBAL, 4, &|rule| {
            rule.status = Status::Paused;
            let active = Override { status: Some(Status::Active), ..Override::default() };
            rule.scope.overrides.insert(customer(2), active);
        });
        put(customer(1), 5, &|rule| rule.status = Status::Draft);
        put(customer(1), 6, &|_| {});
        let snapshot = Matcher::compile(&book);
        let alerts = |id: u128| {
            let met = matched(&snapshot, id, json!({"a": 1}));
            met.iter().map(|key| key.alert.uuid().as_u128()).collect::<Vec<_>>()
        };
        assert_eq!((alerts(1), alerts(2), alerts(3)), (vec![1, 6], vec![2, 4], vec![2]));
    }

    #[test]
    fn a_snapshot_knows_whom_it_concerns() {
        let tenant = Matcher::compile(&book(&[(customer(1), 1, "$.a")]));
        assert!(tenant.concerns(customer(1)) && !tenant.concerns(customer(2)));
        assert!(Matcher::compile(&book(&[(CustomerId::GLOBAL, 1, "$.a")])).concerns(customer(2)));
        assert!(!Matcher::compile(&RuleBook::default()).concerns(customer(1)));
    }
}
