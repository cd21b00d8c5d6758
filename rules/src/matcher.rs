//! The matcher: a rule book compiled for answering which rules a payload meets.
//!
//! A [`Snapshot`] is immutable and cheap to clone, so a new one takes effect by swapping a pointer between two batches.

use std::collections::HashMap;
use std::sync::Arc;

use crate::book::{ActiveRule, RuleBook};
use crate::id::CustomerId;
use crate::payload::Payload;

/// Compiles rule books.
#[derive(Debug)]
pub struct Matcher;

impl Matcher {
    /// Compiles the rules of a book.
    pub fn compile(book: &RuleBook) -> Snapshot {
        let mut global = Vec::new();
        let mut by_customer: HashMap<CustomerId, Vec<Arc<ActiveRule>>> = HashMap::new();
        for active in book.iter() {
            let key = active.rule.key;
            let list = if key.customer.is_global() {
                &mut global
            } else {
                by_customer.entry(key.customer).or_default()
            };
            list.push(Arc::clone(active));
        }
        Snapshot(Arc::new(Index { global, by_customer }))
    }
}

/// A compiled rule book.
#[derive(Debug, Clone)]
pub struct Snapshot(Arc<Index>);

#[derive(Debug)]
struct Index {
    global: Vec<Arc<ActiveRule>>,
    by_customer: HashMap<CustomerId, Vec<Arc<ActiveRule>>>,
}

impl Snapshot {
    /// The rules of this customer, the global ones included, that the payload meets, by (alert id, customer).
    pub fn matches(&self, customer: CustomerId, payload: &Payload) -> Vec<Arc<ActiveRule>> {
        let own = self.0.by_customer.get(&customer).map_or(&[][..], Vec::as_slice);
        let rules = own.iter().chain(&self.0.global);
        let mut met: Vec<_> =
            rules.filter(|active| active.rule.matches(payload.root())).map(Arc::clone).collect();
        met.sort_by_key(|active| (active.rule.key.alert, active.rule.key.customer));
        met
    }

    /// Whether any rule applies to this customer.
    pub fn concerns(&self, customer: CustomerId) -> bool {
        !self.0.global.is_empty() || self.0.by_customer.contains_key(&customer)
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
        met.iter().map(|active| active.rule.key).collect()
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
