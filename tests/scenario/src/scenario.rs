//! What a scenario is.

use rules::{CustomerId, RuleKey, Timestamp};

use crate::expectation::Expectation;
use crate::lines::Malformed;
use crate::names::Names;
use crate::read;

/// Rules, what happens, and what must come of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// What happens, in this order.
    pub steps: Vec<Step>,
    pub(crate) names: Names,
}

/// Something that happens.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Its line, from 1.
    pub line: usize,
    /// When. Also the timestamp of an event's record, so it may lie before the step before.
    pub at: Timestamp,
    /// What.
    pub action: Action,
    /// What must come of it, in this order.
    pub expected: Vec<Expectation>,
}

/// What happens at a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// A customer's event; the payload is JSON, or whatever the scenario says in its place.
    Event(CustomerId, String),
    /// A rule is put in force: the text that is posted.
    Rule(RuleKey, String),
    /// A rule is deleted.
    Delete(RuleKey),
    /// Nothing comes up to that time.
    Silence,
}

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// The first line that is wrong, with what was expected.
    pub fn read(text: &str) -> Result<Self, Malformed> {
        read::read(text)
    }

    /// How many alerts and other records are expected.
    pub fn expected(&self) -> usize {
        self.steps.iter().map(|step| step.expected.len()).sum()
    }
}
