//! Names in place of ids: customers and rules are called by words, which stand for ids that follow from them.

use std::collections::BTreeMap;

use rules::{AlertId, CustomerId};
use serde_json::{Map, Value};
use uuid::Uuid;

/// Whose rules and events are that say nothing of it.
pub(crate) const TENANT: &str = "tenant";
/// The owner of global rules.
const GLOBAL: &str = "global";

/// The names that a scenario has used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Names {
    customers: BTreeMap<CustomerId, String>,
    rules: BTreeMap<AlertId, String>,
}

impl Names {
    /// The customer of that name, or of that id.
    pub(crate) fn customer(&mut self, name: &str) -> CustomerId {
        let id = match (name, name.parse::<Uuid>()) {
            (GLOBAL, _) => CustomerId::GLOBAL,
            (_, Ok(id)) => CustomerId::from_uuid(id),
            (_, Err(_)) => CustomerId::from_uuid(derived(name)),
        };
        self.customers.insert(id, name.to_owned());
        id
    }

    /// The id of a rule, in the order in which rules are first named: that is also the order in which they speak.
    fn alert_id(&self, name: &str) -> String {
        let known = self.rules.iter().find(|(_, known)| *known == name).map(|(id, _)| id.to_string());
        known.unwrap_or_else(|| format!("00000000-0000-4000-8000-{:012}", self.rules.len() + 1))
    }

    /// Notes what a rule is called.
    pub(crate) fn rule(&mut self, id: AlertId, name: &str) {
        self.rules.insert(id, name.to_owned());
    }

    /// The name of a customer, or the id.
    pub(crate) fn of_customer(&self, id: CustomerId) -> String {
        self.customers.get(&id).cloned().unwrap_or_else(|| id.to_string())
    }

    /// The name of a rule, or the id.
    pub(crate) fn of_rule(&self, id: AlertId) -> String {
        self.rules.get(&id).cloned().unwrap_or_else(|| id.to_string())
    }

    /// Fills in what every rule needs, and replaces the names of customers by their ids.
    pub(crate) fn complete(&mut self, name: &str, rule: &mut Map<String, Value>) {
        rule.entry("customerId").or_insert_with(|| TENANT.into());
        rule.entry("alertId").or_insert_with(|| self.alert_id(name).into());
        rule.entry("alertName").or_insert_with(|| name.into());
        for field in ["customerId", "bootstrapCustomerId"] {
            if let Some(customer) = rule.get_mut(field) {
                self.replace(customer);
            }
        }
        for field in ["include", "exclude"] {
            let list = rule.get_mut("scope").and_then(|scope| scope.get_mut(field));
            let list = list.and_then(Value::as_array_mut).into_iter().flatten();
            list.for_each(|customer| self.replace(customer));
        }
        let overrides = rule.get_mut("scope").and_then(|scope| scope.get_mut("overrides"));
        if let Some(overrides) = overrides.and_then(Value::as_object_mut) {
            let changes = std::mem::take(overrides).into_iter();
            overrides.extend(changes.map(|(name, change)| (self.customer(&name).to_string(), change)));
        }
    }

    fn replace(&mut self, customer: &mut Value) {
        if let Some(name) = customer.as_str() {
            *customer = self.customer(name).to_string().into();
        }
    }
}

fn derived(name: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("customer:{name}").as_bytes())
}
