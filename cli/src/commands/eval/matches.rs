//! `tocsin eval --matches`: which conditions of which rules an event meets, before anything is counted.

use std::io::Write;
use std::sync::Arc;

use rules::{ActiveRule, Matcher, Matches, Node, Rule, RuleBook, Snapshot, Stated, Timestamp};
use serde_json::json;

use super::Tally;
use super::line::Line;
use crate::failure::Failure;

/// Rules compiled for matching.
pub(super) struct Matching {
    rules: Vec<Arc<ActiveRule>>,
    snapshot: Snapshot,
}

impl Matching {
    pub(super) fn new(book: &RuleBook) -> Self {
        let mut rules: Vec<_> = book.iter().cloned().collect();
        rules.sort_by_key(|active| (active.rule.key.alert, active.rule.key.customer));
        Self { rules, snapshot: Matcher::compile(book) }
    }

    /// Writes a line for everything that holds; answers how many.
    pub(super) fn write(&self, line: &Line, tally: &mut Tally, out: &mut impl Write) -> Result<u64, Failure> {
        let mut told = 0;
        let Matches { met, cut } = self.snapshot.evaluate(line.customer, &line.payload);
        cut.iter().for_each(|active| tally.cut(line, active));
        for active in &self.rules {
            let rule = &active.rule;
            // Selections may hold where no condition does.
            let is_met = met.iter().any(|met| met.active.rule.key == rule.key);
            if !is_met && (rule.selections.is_empty() || !rule.applies_to(line.customer)) {
                continue;
            }
            for selection in holding(rule, line) {
                let mut told_line = json!({
                    "line": line.number, "customerId": line.customer, "alertId": rule.key.alert,
                });
                if let Some(selection) = selection {
                    told_line["selection"] = selection.into();
                }
                super::write_line(told_line.to_string().as_bytes(), out)?;
                told += 1;
            }
        }
        Ok(told)
    }
}

/// The names of what holds: of the rule's selections, else of its conditions; a plain `match` has none.
fn holding(rule: &Rule, line: &Line) -> Vec<Option<String>> {
    let root = line.payload.root();
    let holds = |stated: &Stated| stated.condition.holds(root, &rule.selections);
    let time = event_time(rule, root).unwrap_or(line.timestamp);
    let in_force = |expires_at: Option<Timestamp>| expires_at.is_none_or(|expires_at| time < expires_at);
    let is_excepted =
        rule.exceptions.iter().any(|exception| in_force(exception.expires_at) && holds(&exception.condition));
    if is_excepted {
        return Vec::new();
    }
    if !rule.selections.is_empty() {
        let holding = rule.selections.iter().filter(|(_, stated)| holds(stated));
        return holding.map(|(name, _)| Some(name.to_string())).collect();
    }
    let is_plain = rule.is_plain_match();
    let parts = rule.parts();
    let holding = parts.iter().filter(|(_, _, stated)| holds(stated));
    holding.map(|(_, name, _)| (!is_plain).then(|| (*name).to_owned())).collect()
}

/// When the rule says that the event happened.
fn event_time(rule: &Rule, root: &Node) -> Option<Timestamp> {
    let event_time = rule.timing.event_time.as_ref()?;
    let first = event_time.path.select(root).into_iter().next()?;
    engine::read_time(first, event_time.format)
}
