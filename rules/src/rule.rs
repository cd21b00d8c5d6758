//! A checked rule. Whatever holds a [`Rule`] holds one that can be evaluated.

use std::collections::BTreeMap;

use crate::condition::{Selections, Stated};
use crate::document::Node;
use crate::id::{CustomerId, RuleKey};

/// How much an alert matters to the customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Severity {
    /// For the record.
    Informational,
    /// Look when there is time.
    Low,
    /// The default.
    #[default]
    Medium,
    /// Look soon.
    High,
    /// Look now.
    Critical,
}

impl Severity {
    /// All of them, from the least on.
    pub const ALL: [Self; 5] = [Self::Informational, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Informational => "informational",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// The severity of that name on the wire.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.name() == name)
    }
}

/// What the counted value must reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threshold {
    /// The rule fires when the value is at least this.
    pub gte: i64,
}

impl Threshold {
    /// Whether a value satisfies it.
    pub fn holds(self, value: u64) -> bool {
        i64::try_from(value).map_or(true, |value| value >= self.gte)
    }
}

impl Default for Threshold {
    fn default() -> Self {
        Self { gte: 1 }
    }
}

/// A rule as a tenant means it, free of how it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Whose rule, and which.
    pub key: RuleKey,
    /// What alerts call it.
    pub name: String,
    /// For people.
    pub description: String,
    /// How much its alerts matter.
    pub severity: Severity,
    /// Passed on into alerts.
    pub labels: BTreeMap<String, String>,
    /// Which events count.
    pub condition: Stated,
    /// Conditions with names, for the others to refer to.
    pub selections: Selections,
    /// How many of them make an alert.
    pub threshold: Threshold,
    /// The one customer for whom a global rule is filled from history.
    pub bootstrap_customer: Option<CustomerId>,
}

impl Rule {
    /// Whether state that was collected under `other` can be kept: what is counted has not changed, however it is written.
    pub fn counts_the_same_as(&self, other: &Self) -> bool {
        let meaning = |rule: &Self, name| rule.selections.get(name).map(|stated| stated.condition.clone());
        let condition = &self.condition.condition;
        *condition == other.condition.condition
            && condition.named().into_iter().all(|name| meaning(self, name) == meaning(other, name))
    }

    /// Whether an event with this payload counts.
    pub fn matches(&self, root: &Node) -> bool {
        self.condition.condition.holds(root, &self.selections)
    }

    /// Whether the condition is evaluated on its own, because it has too many clauses for the shared evaluation.
    pub fn needs_fallback(&self) -> bool {
        self.condition.condition.needs_fallback(&self.selections)
    }

    /// Whether the rule applies to events of this customer.
    pub fn applies_to(&self, customer: CustomerId) -> bool {
        self.key.customer.is_global() || self.key.customer == customer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_is_a_lower_bound() {
        assert!(Threshold { gte: 2 }.holds(2));
        assert!(!Threshold { gte: 2 }.holds(1));
        assert!(Threshold { gte: -1 }.holds(0));
        assert!(Threshold { gte: i64::MAX }.holds(u64::MAX));
    }

    #[test]
    fn severities_have_names_that_read_back() {
        for severity in Severity::ALL {
            assert_eq!(Severity::from_name(severity.name()), Some(severity));
        }
        assert_eq!(Severity::from_name("High"), None);
    }
}
