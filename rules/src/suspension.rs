//! Suspensions: a rule that asked too much of an event is not evaluated any more for the event's customer, until somebody
//! writes the rule again.
//!
//! A suspension is a fact about one version of a rule, and no write of it: the rule stays as its writer left it, and
//! suspensions for several customers do not disturb each other. It travels as a control record whose key is
//! `!suspend/{customerId}/{alertId}`: keys that begin with `!` are no tenant's.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::book::{ActiveRule, Generation, RuleVersion};
use crate::id::{CustomerId, RuleKey};
use crate::problem::{Invalid, Problem, ProblemCode};
use crate::timestamp::Timestamp;

/// With what the key of a record begins that asks for a suspension; behind it stands the key of the rule.
pub(crate) const KEY_PREFIX: &str = "!suspend/";

/// For so many customers one rule can be suspended; for others it stays in force.
pub const SUSPENDED_MAX: usize = 1_000;

/// Why a rule is suspended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SuspensionReason {
    /// It looks at more nodes of an event than it may.
    StepBudget,
}

impl SuspensionReason {
    /// The names of all reasons.
    pub(crate) const NAMES: &'static [&'static str] = &["stepBudget"];
}

/// What is noted of a suspension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspension {
    /// Why.
    pub reason: SuspensionReason,
    /// When that was noticed.
    pub since: Timestamp,
    /// The partition of the event that showed it.
    pub partition: u32,
    /// The offset of that event.
    pub offset: u64,
}

/// For which customers a rule is suspended.
pub type Suspensions = BTreeMap<CustomerId, Suspension>;

/// The wish to suspend a rule for a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspend {
    /// Which rule.
    pub key: RuleKey,
    /// Only if this is the version in force: what was written since may be better.
    pub version: RuleVersion,
    /// And only if it is of this generation, since a rule that is deleted and made again has the same versions.
    pub generation: Generation,
    /// For whom.
    pub customer: CustomerId,
    /// Why.
    pub suspension: Suspension,
}

/// The value of the record.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    version: RuleVersion,
    generation: Generation,
    #[serde(flatten)]
    entry: Entry,
}

/// A suspension with its customer, as it is stored and shown.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    customer_id: CustomerId,
    #[serde(flatten)]
    suspension: Suspension,
}

impl Suspend {
    /// The key of the control record that asks for it.
    pub fn record_key(&self) -> String {
        format!("{KEY_PREFIX}{}", self.key)
    }

    /// The value of that record.
    pub fn to_bytes(&self) -> Vec<u8> {
        let entry = Entry { customer_id: self.customer, suspension: self.suspension };
        let body = Body { version: self.version, generation: self.generation, entry };
        serde_json::to_vec(&body).expect("numbers and names can be written")
    }

    /// Reads the value of a control record.
    pub(crate) fn read(key: RuleKey, value: &[u8]) -> Result<Self, Invalid> {
        let Body { version, generation, entry } = serde_json::from_slice(value).map_err(|error| Problem {
            code: ProblemCode::NotJson,
            pointer: String::new(),
            place: Some((error.line(), error.column())),
            message: format!("the suspension cannot be read: {error}"),
            expected: "what a worker writes".to_owned(),
        })?;
        let Entry { customer_id: customer, suspension } = entry;
        Ok(Self { key, version, generation, customer, suspension })
    }
}

impl ActiveRule {
    /// Whether the rule is evaluated for events of this customer.
    pub fn applies_to(&self, customer: CustomerId) -> bool {
        self.rule.applies_to(customer) && !self.is_suspended_for(customer)
    }

    /// Whether the rule is suspended for this customer.
    pub fn is_suspended_for(&self, customer: CustomerId) -> bool {
        // Hardly any rule is suspended, and this is asked for every match.
        !self.suspended.is_empty() && self.suspended.contains_key(&customer)
    }
}

/// Suspensions as JSON, by customer.
pub(crate) fn write(suspended: &Suspensions) -> Value {
    let entry = |(customer, suspension): (&CustomerId, &Suspension)| {
        serde_json::to_value(Entry { customer_id: *customer, suspension: *suspension })
            .expect("numbers and names can be written")
    };
    suspended.iter().map(entry).collect()
}

/// Reads what [`write`] has made.
pub(crate) fn read(value: Value) -> Result<Suspensions, serde_json::Error> {
    let entries: Vec<Entry> = serde_json::from_value(value)?;
    Ok(entries.into_iter().map(|entry| (entry.customer_id, entry.suspension)).collect())
}
