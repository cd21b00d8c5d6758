//! Why a rule meets a payload or does not: the tree of each of its conditions with the truth of every part, the nodes
//! that each path selected, and the reason in plain words.
//!
//! The truth comes from the same evaluation that events meet; what is added here is words. An explanation quotes the
//! payload, shortened, and is for whoever may read the event: it goes into no log, so its debug form is a mask.

mod print;
mod reason;
mod shorten;
mod statement;
mod stopped;
mod tree;

use std::fmt;

use serde::Serialize;

use crate::condition::{Condition, Selections, Stated};
use crate::document::Node;
use crate::id::{AlertId, CustomerId};
use crate::payload::Payload;
use crate::rule::{Evaluation, Rule};

pub use print::Marks;

/// How much of the payload an explanation quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most nodes listed for one test; all are counted.
    pub nodes_max: usize,
    /// The most characters of one value.
    pub value_chars_max: usize,
    /// The most characters of one location.
    pub location_chars_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { nodes_max: 10, value_chars_max: 120, location_chars_max: 400 }
    }
}

/// Why a condition, or a part of one, holds or does not.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// Whether it holds.
    pub holds: bool,
    /// Why, in words.
    pub reason: String,
    /// What it is made of.
    #[serde(flatten)]
    pub why: Why,
}

/// What a part of a condition is, with what it is made of.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Why {
    /// All of several.
    All {
        /// The parts in the order of the condition.
        parts: Vec<Explanation>,
    },
    /// At least one of several.
    Any {
        /// The parts in the order of the condition.
        parts: Vec<Explanation>,
    },
    /// Not this one.
    Not {
        /// What is negated.
        part: Box<Explanation>,
    },
    /// What the rule's selections say under a name.
    Selection {
        /// The name.
        selection: String,
        /// Its condition; absent where the same tree has explained it before.
        #[serde(skip_serializing_if = "Option::is_none")]
        part: Option<Box<Explanation>>,
    },
    /// A statement about the nodes at a path.
    Test {
        /// The test as text.
        text: String,
        /// Its path, with its measure.
        path: String,
        /// What is asked, by its name in JSON.
        op: &'static str,
        /// Which of the nodes must meet it; absent where the question is whether there are nodes.
        #[serde(skip_serializing_if = "Option::is_none")]
        quantifier: Option<&'static str>,
        /// Nodes that the path selected: those that decided first, as many as the limits allow, in their order.
        nodes: Vec<Selected>,
        /// How many nodes there are to look at.
        nodes_total: usize,
        /// How many of them meet the test.
        nodes_met: usize,
    },
}

/// A node that a path selected.
#[derive(Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Selected {
    /// Where it stands: a normalized path (RFC 9535 §2.7), or the beginning of one that is very long.
    pub path: String,
    /// What is compared, as JSON: the node, or its length if the test asks for that. A long one is cut and ends in `…`.
    pub value: String,
    /// Whether the value is the node's length.
    #[serde(skip_serializing_if = "is_false")]
    pub is_length: bool,
    /// Whether it meets the test.
    pub meets: bool,
    /// Why not, where that is not plain from the value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// Values are a payload's, so the debug form shows the verdict alone.
impl fmt::Debug for Selected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Selected({})", if self.meets { "meets" } else { "does not meet" })
    }
}

/// One condition of a rule, explained.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConditionExplanation {
    /// Which condition of the rule: `match`; `increment` and `decrement` of an aggregate that has both; the id of a
    /// step and `until` of a pattern; `exceptions/0` and so on, of which one that holds hides the event from the rule.
    pub name: String,
    /// Why it holds or does not.
    pub explanation: Explanation,
}

/// A rule, explained on one payload.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleExplanation {
    /// Whose rule it is.
    pub customer_id: CustomerId,
    /// Which rule.
    pub alert_id: AlertId,
    /// What alerts call it.
    pub alert_name: String,
    /// Whether the rule is evaluated for the event's customer, by its owner, scope and status; absent if there is a
    /// payload alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applies: Option<bool>,
    /// Its conditions.
    pub conditions: Vec<ConditionExplanation>,
}

impl Condition {
    /// Why the condition holds of the document or does not.
    pub fn explain(&self, root: &Node, selections: &Selections, limits: Limits) -> Explanation {
        tree::Explainer::new(root, selections, limits).condition(self)
    }
}

impl RuleExplanation {
    /// Explains every condition of the rule on a payload, which is one of this customer's if that is known.
    pub fn new(rule: &Rule, customer: Option<CustomerId>, payload: &Payload, limits: Limits) -> Self {
        let explain = |(name, stated): (String, &Stated)| ConditionExplanation {
            name,
            explanation: stated.condition.explain(payload.root(), &rule.selections, limits),
        };
        Self {
            customer_id: rule.key.customer,
            alert_id: rule.key.alert,
            alert_name: rule.name.clone(),
            applies: customer.map(|customer| rule.applies_to(customer)),
            conditions: conditions(rule).into_iter().map(explain).collect(),
        }
    }
}

/// The conditions of a rule by name.
fn conditions(rule: &Rule) -> Vec<(String, &Stated)> {
    let parts = rule.parts();
    // The only condition of a rule is what its author wrote as `match`.
    let is_single = matches!((&parts[..], &rule.evaluation), ([_], Evaluation::Aggregate(_)));
    let name = |name: &str| if is_single { "match".to_owned() } else { name.to_owned() };
    let parts = parts.into_iter().map(|(_, own, stated)| (name(own), stated));
    let exceptions = rule.exceptions.iter().enumerate();
    let exceptions =
        exceptions.map(|(index, exception)| (format!("exceptions/{index}"), &exception.condition));
    parts.chain(exceptions).collect()
}

#[cfg(test)]
mod tests;
