//! The rule book: the rules in force, as a fold over the control log.
//!
//! Every reader of the log applies the same commands in the same order and comes to the same book, so two API
//! servers, a worker and a producer that writes the topic directly cannot disagree. A command is applied, or rejected
//! as stale; a rejected one changes nothing.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::control::Command;
use crate::id::{AlertId, CustomerId, RuleKey};
use crate::rule::Rule;
use crate::suspension::{self, SUSPENDED_MAX, Suspend, Suspensions};
use crate::wire::{read_stored, write_rule};

/// Counts the accepted writes of one rule, from 1. As an expectation, 0 means "there is no such rule".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RuleVersion(pub u32);

/// Names one meaning of one rule; state is kept per generation. Never used twice within a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Generation(pub u64);

/// A rule in force.
#[derive(Debug, Clone, PartialEq)]
pub struct ActiveRule {
    /// The rule.
    pub rule: Rule,
    /// How often it was written.
    pub version: RuleVersion,
    /// Which meaning of it is in force: changes only with what is counted.
    pub generation: Generation,
    /// For whom it is not evaluated although its writer wants it.
    pub suspended: Suspensions,
    /// The version since which it judges as it does. What was judged under an earlier one is judged anew.
    pub judges_since: RuleVersion,
}

/// Why a well-formed command was not applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The writer expected another version than the one in force.
    #[error("version {} was expected, version {} is in force", expected.0, actual.0)]
    Stale {
        /// What the writer expected.
        expected: RuleVersion,
        /// What is in force; 0 if there is no rule.
        actual: RuleVersion,
    },
    /// The rule to be deleted is not there.
    #[error("there is no such rule")]
    NoSuchRule,
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// A rule is in force that was not there before.
    Created(Arc<ActiveRule>),
    /// A rule is in force in place of an earlier version, or for fewer customers than before.
    Replaced {
        /// The rule now in force.
        now: Arc<ActiveRule>,
        /// The rule before; of another generation if what is counted has changed.
        before: Arc<ActiveRule>,
    },
    /// The rule was written again as it stands; its version stays.
    Unchanged(Arc<ActiveRule>),
    /// The rule is no longer in force.
    Deleted(Arc<ActiveRule>),
    /// Nothing has changed.
    Rejected(Rejection),
}

/// A stored entry of a book that cannot be read back.
#[derive(Debug, thiserror::Error)]
#[error("stored rule {key}: {problem}")]
pub struct CorruptEntry {
    /// The key under which the entry stands.
    pub key: RuleKey,
    /// What is wrong with it.
    pub problem: String,
}

/// The rules in force.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleBook {
    rules: BTreeMap<RuleKey, Arc<ActiveRule>>,
    next_generation: Generation,
}

impl Default for RuleBook {
    fn default() -> Self {
        Self { rules: BTreeMap::new(), next_generation: Generation(1) }
    }
}

impl RuleBook {
    /// Applies a command, or says why not.
    pub fn apply(&mut self, command: Command) -> Outcome {
        let outcome = self.decide(command);
        match &outcome {
            Outcome::Created(now) | Outcome::Replaced { now, .. } => {
                self.next_generation = self.next_generation.max(Generation(now.generation.0 + 1));
                self.rules.insert(now.rule.key, Arc::clone(now));
            },
            Outcome::Deleted(before) => {
                self.rules.remove(&before.rule.key);
            },
            Outcome::Unchanged(_) | Outcome::Rejected(_) => {},
        }
        outcome
    }

    /// Puts a rule in force exactly as it stood elsewhere.
    pub fn carry(&mut self, active: Arc<ActiveRule>) -> Outcome {
        self.count_from(Generation(active.generation.0 + 1));
        match self.rules.insert(active.rule.key, Arc::clone(&active)) {
            None => Outcome::Created(active),
            Some(before) if before == active => Outcome::Unchanged(active),
            Some(before) => Outcome::Replaced { now: active, before },
        }
    }

    /// Gives no new meaning a generation before this one.
    pub fn count_from(&mut self, next: Generation) {
        self.next_generation = self.next_generation.max(next);
    }

    /// What applying the command would answer.
    pub fn decide(&self, command: Command) -> Outcome {
        let before = self.rules.get(&command.key());
        let actual = before.map_or(RuleVersion(0), |before| before.version);
        let expected = match &command {
            Command::Put { expected, .. } | Command::Delete { expected, .. } => *expected,
            Command::Suspend(suspend) => Some(suspend.version),
        };
        if let Some(expected) = expected.filter(|expected| *expected != actual) {
            return Outcome::Rejected(Rejection::Stale { expected, actual });
        }
        match (command, before) {
            (Command::Put { rule, .. }, None) => {
                Outcome::Created(Arc::new(ActiveRule::new(*rule, RuleVersion(1), self.next_generation)))
            },
            // To write a suspended rule again is how it is put in force again.
            (Command::Put { rule, .. }, Some(before))
                if *rule == before.rule && before.suspended.is_empty() =>
            {
                Outcome::Unchanged(Arc::clone(before))
            },
            (Command::Put { rule, .. }, Some(before)) => {
                let kept = rule.keeps_state_of(&before.rule);
                let generation = if kept { before.generation } else { self.next_generation };
                let mut now = ActiveRule::new(*rule, RuleVersion(actual.0 + 1), generation);
                if kept && before.suspended.is_empty() && now.rule.judges_as(&before.rule) {
                    now.judges_since = before.judges_since;
                }
                Outcome::Replaced { now: Arc::new(now), before: Arc::clone(before) }
            },
            (Command::Suspend(suspend), Some(before)) => suspended(before, &suspend),
            (Command::Suspend(_), None) => Outcome::Rejected(Rejection::NoSuchRule),
            (Command::Delete { .. }, Some(before)) => Outcome::Deleted(Arc::clone(before)),
            (Command::Delete { .. }, None) => Outcome::Rejected(Rejection::NoSuchRule),
        }
    }

    /// The rule of that key.
    pub fn get(&self, key: &RuleKey) -> Option<&Arc<ActiveRule>> {
        self.rules.get(key)
    }

    /// All rules, by customer and id.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<ActiveRule>> {
        self.rules.values()
    }

    /// The rules of one customer, or the global ones, by id.
    pub fn of(&self, customer: CustomerId) -> impl Iterator<Item = &Arc<ActiveRule>> {
        let key = |alert| RuleKey { customer, alert };
        let (first, last) = (key(AlertId::from_bytes([0; 16])), key(AlertId::from_bytes([0xFF; 16])));
        self.rules.range(first..=last).map(|(_, active)| active)
    }

    /// The rules behind this key, by customer and id; all of them without one.
    pub fn after(&self, key: Option<RuleKey>) -> impl Iterator<Item = &Arc<ActiveRule>> {
        let from = key.map_or(Bound::Unbounded, Bound::Excluded);
        self.rules.range((from, Bound::Unbounded)).map(|(_, active)| active)
    }

    /// How many rules are in force.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether no rule is in force.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The generation that the next new meaning will get.
    pub fn next_generation(&self) -> Generation {
        self.next_generation
    }

    /// Puts a book together from stored entries, as [`ActiveRule::to_bytes`] wrote them.
    ///
    /// # Errors
    /// The first entry that cannot be read: the book would be another one without it.
    pub fn restore(
        entries: impl IntoIterator<Item = (RuleKey, Vec<u8>)>,
        next_generation: Generation,
    ) -> Result<Self, CorruptEntry> {
        let read =
            |(key, bytes): (RuleKey, Vec<u8>)| Ok((key, Arc::new(ActiveRule::from_bytes(key, &bytes)?)));
        let rules = entries.into_iter().map(read).collect::<Result<_, _>>()?;
        Ok(Self { rules, next_generation })
    }
}

/// What suspending this version of the rule answers.
fn suspended(before: &Arc<ActiveRule>, suspend: &Suspend) -> Outcome {
    let is_known = before.is_suspended_for(suspend.customer);
    if suspend.generation != before.generation || is_known || before.suspended.len() >= SUSPENDED_MAX {
        return Outcome::Unchanged(Arc::clone(before));
    }
    let mut now = ActiveRule::clone(before);
    now.suspended.insert(suspend.customer, suspend.suspension);
    Outcome::Replaced { now: Arc::new(now), before: Arc::clone(before) }
}

/// A book of these rules alone.
impl FromIterator<Arc<ActiveRule>> for RuleBook {
    fn from_iter<I: IntoIterator<Item = Arc<ActiveRule>>>(rules: I) -> Self {
        let rules: BTreeMap<_, _> = rules.into_iter().map(|active| (active.rule.key, active)).collect();
        let last = rules.values().map(|active| active.generation.0).max();
        Self { rules, next_generation: Generation(last.map_or(1, |last| last + 1)) }
    }
}

impl ActiveRule {
    /// A rule that is suspended for nobody.
    pub fn new(rule: Rule, version: RuleVersion, generation: Generation) -> Self {
        Self { rule, version, generation, suspended: Suspensions::new(), judges_since: version }
    }

    /// The rule as it is answered: as [`write_rule`] writes it, with `suspended` if it is that for anybody. Reads back to
    /// the same rule.
    pub fn to_json(&self) -> Value {
        let mut rule = write_rule(&self.rule, self.version);
        if !self.suspended.is_empty() {
            rule["suspended"] = suspension::write(&self.suspended);
        }
        rule
    }

    /// The stored form: JSON `{"rule", "version", "generation", "judgesSince"}`, and `suspended` if it is that for anybody.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut entry = json!({
            "rule": write_rule(&self.rule, self.version), "version": self.version, "generation": self.generation,
            "judgesSince": self.judges_since,
        });
        if !self.suspended.is_empty() {
            entry["suspended"] = suspension::write(&self.suspended);
        }
        entry.to_string().into_bytes()
    }

    /// Reads the stored form back.
    ///
    /// # Errors
    /// Another key inside than outside, a part that is missing, or a rule that this version refuses.
    pub fn from_bytes(key: RuleKey, bytes: &[u8]) -> Result<Self, CorruptEntry> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Entry<'a> {
            #[serde(borrow)]
            rule: &'a RawValue,
            version: RuleVersion,
            generation: Generation,
            #[serde(default)]
            suspended: Option<Value>,
            /// Entries of earlier versions have none.
            judges_since: Option<RuleVersion>,
        }
        let corrupt = |problem: String| CorruptEntry { key, problem };
        let entry: Entry<'_> = serde_json::from_slice(bytes).map_err(|error| corrupt(error.to_string()))?;
        let rule = read_stored(entry.rule.get()).map_err(|invalid| corrupt(invalid.to_string()))?;
        if rule.key != key {
            return Err(corrupt(format!("it holds {}", rule.key)));
        }
        let suspended = entry.suspended.map(suspension::read).transpose();
        let suspended = suspended.map_err(|error| corrupt(error.to_string()))?.unwrap_or_default();
        let Entry { version, generation, judges_since, .. } = entry;
        Ok(Self { rule, version, generation, suspended, judges_since: judges_since.unwrap_or(version) })
    }
}

#[cfg(test)]
mod tests;
