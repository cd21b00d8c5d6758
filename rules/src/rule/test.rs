//! Tests that a rule carries: events with times, and the alerts that must come of them.

use crate::amount::Amount;
use crate::document::Node;
use crate::id::CustomerId;
use crate::timestamp::Timestamp;

/// A test of a rule.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleTest {
    /// For people.
    pub name: String,
    /// What happens, in this order.
    pub events: Vec<TestEvent>,
    /// Until when time goes on after the last event.
    pub advance_to: Option<Timestamp>,
    /// The alerts that come, in number and order.
    pub expect: Vec<Expectation>,
}

/// An event of a test.
#[derive(Debug, Clone, PartialEq)]
pub struct TestEvent {
    /// Its record timestamp.
    pub at: Timestamp,
    /// What it says.
    pub payload: Node,
    /// Whose it is; by default the rule's customer.
    pub customer: Option<CustomerId>,
}

/// An alert that must come; it agrees in the fields that are given.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Expectation {
    /// Its event time.
    pub at: Option<Timestamp>,
    /// Its group: exactly these keys.
    pub group: Option<Node>,
    /// Its state.
    pub state: Option<String>,
    /// Its value; the inner one is absent for `null`.
    pub value: Option<Option<Amount>>,
    /// Whose it is.
    pub customer: Option<CustomerId>,
}
