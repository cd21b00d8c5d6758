//! Walks a condition and explains each part; groups are explained whole, where evaluation stops at the first answer.

use std::collections::BTreeMap;

use super::{Explanation, Limits, Why, statement};
use crate::condition::{Condition, SelectionName, Selections};
use crate::document::Node;

pub(super) struct Explainer<'a> {
    root: &'a Node,
    selections: &'a Selections,
    limits: Limits,
    /// Selections explained so far: a condition may name one thousands of times.
    known: BTreeMap<&'a SelectionName, bool>,
}

impl<'a> Explainer<'a> {
    pub(super) fn new(root: &'a Node, selections: &'a Selections, limits: Limits) -> Self {
        Self { root, selections, limits, known: BTreeMap::new() }
    }

    pub(super) fn condition(&mut self, condition: &'a Condition) -> Explanation {
        match condition {
            Condition::All(parts) => {
                let parts = self.parts(parts);
                let failing = parts.iter().filter(|part| !part.holds).count();
                let reason = match failing {
                    0 => format!("all {} hold", parts.len()),
                    1 => format!("1 of {} does not hold", parts.len()),
                    more => format!("{more} of {} do not hold", parts.len()),
                };
                Explanation { holds: failing == 0, reason, why: Why::All { parts } }
            },
            Condition::Any(parts) => {
                let parts = self.parts(parts);
                let holding = parts.iter().filter(|part| part.holds).count();
                let reason = match holding {
                    0 => format!("none of {} holds", parts.len()),
                    1 => format!("1 of {} holds", parts.len()),
                    more => format!("{more} of {} hold", parts.len()),
                };
                Explanation { holds: holding > 0, reason, why: Why::Any { parts } }
            },
            Condition::Not(inner) => {
                let part = Box::new(self.condition(inner));
                let reason =
                    if part.holds { "what is negated holds" } else { "what is negated does not hold" };
                Explanation { holds: !part.holds, reason: reason.to_owned(), why: Why::Not { part } }
            },
            Condition::Test(test) => statement::explain(test, self.root, self.limits),
            Condition::Selection(name) => self.selection(name),
        }
    }

    fn parts(&mut self, parts: &'a [Condition]) -> Vec<Explanation> {
        parts.iter().map(|part| self.condition(part)).collect()
    }

    fn selection(&mut self, name: &'a SelectionName) -> Explanation {
        let known = self.known.get(name).copied();
        let part = match (known, self.selections.get(name)) {
            (None, Some(stated)) => Some(Box::new(self.condition(&stated.condition))),
            // Explained before; or a name that the rule does not have, which no checked rule has.
            (Some(_), _) | (None, None) => None,
        };
        let holds = known.unwrap_or_else(|| part.as_ref().is_some_and(|part| part.holds));
        self.known.insert(name, holds);
        let verb = if holds { "holds" } else { "does not hold" };
        let explained = if known.is_some() { ", as explained above" } else { "" };
        let reason = format!("the selection {verb}{explained}");
        Explanation { holds, reason, why: Why::Selection { selection: name.to_string(), part } }
    }
}
