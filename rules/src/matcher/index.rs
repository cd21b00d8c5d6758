//! The index over the rules of one owner: from what an event has at the places that matter to the rules that it meets.
//!
//! Every clause of every condition is found by one access, the one that the fewest events will have; clauses without an
//! access are candidates of every event. Candidates are checked in full, so the index decides what is looked at and
//! never what matches. Equal conditions are one, with many rules behind it.

mod build;

use std::collections::HashMap;
use std::hash::Hasher;
use std::sync::Arc;

use super::check::Check;
use super::parts::Parts;
use super::ranges::Ranges;
use super::trie::{ProbeId, Trie};
use super::value::{fingerprint, text_fingerprint};
use crate::book::ActiveRule;
use crate::condition::{folded_text, measured};
use crate::document::{Interest, Node, Number};
use crate::mixer::{Mixer, Mixing};
use crate::rule::Part;

/// The rules of one owner, compiled.
#[derive(Debug, Default)]
pub(super) struct Index {
    trie: Trie,
    /// By number.
    probes: Vec<Probe>,
    /// The clauses that are found by an equal value, as a span of `by_value`.
    values: HashMap<u64, Span, Mixing>,
    by_value: Vec<ClauseId>,
    /// The clauses that are candidates of every event.
    always: Vec<ClauseId>,
    clauses: Vec<Clause>,
    checks: Vec<Check>,
    /// The rules that have a condition, as spans of `subscribers`.
    conditions: Vec<Span>,
    subscribers: Vec<Subscriber>,
    /// Conditions that are evaluated one by one.
    alone: Vec<Subscriber>,
    rules: usize,
    /// What of a document any rule looks at.
    interest: Interest,
}

/// A rule, and which of its conditions it is that others may share.
type Subscriber = (Arc<ActiveRule>, Part);

/// The number of a clause.
type ClauseId = u32;

/// From and up to, in another list.
#[derive(Debug, Clone, Copy, Default)]
struct Span {
    from: u32,
    to: u32,
}

impl Span {
    fn of<T>(self, list: &[T]) -> &[T] {
        &list[self.from as usize..self.to as usize]
    }
}

#[derive(Debug)]
struct Clause {
    checks: Span,
    condition: u32,
}

/// What is sought at one place.
#[derive(Debug, Default)]
struct Probe {
    /// Whether values are sought as they are, and strings in lower case.
    by_value: bool,
    by_folded: bool,
    numbers: Ranges<Number>,
    texts: Ranges<Box<str>>,
    parts: Option<Parts>,
    folded_parts: Option<Parts>,
    exists: Vec<ClauseId>,
}

impl Index {
    /// The rules and those of their conditions that the document meets, in no order.
    pub(super) fn matches<'a>(&'a self, root: &Node, met: &mut dyn FnMut(&'a Arc<ActiveRule>, Part)) {
        let mut candidates = self.always.clone();
        self.trie.walk(root, &mut |measure, probe, node| {
            if let Some(node) = measured(measure, node) {
                self.probe(probe, &node, &mut candidates);
            }
        });
        let mut conditions: Vec<u32> = candidates
            .into_iter()
            .map(|candidate| &self.clauses[candidate as usize])
            .filter(|clause| clause.checks.of(&self.checks).iter().all(|check| check.holds(root)))
            .map(|clause| clause.condition)
            .collect();
        // A condition may have several clauses, and a clause may be found several times.
        conditions.sort_unstable();
        conditions.dedup();
        for condition in conditions {
            let subscribers = self.conditions[condition as usize].of(&self.subscribers);
            subscribers.iter().for_each(|(active, part)| met(active, *part));
        }
        for (active, part) in &self.alone {
            let parts = active.rule.parts();
            let stated = parts.iter().find(|(other, _, _)| other == part);
            if stated.is_some_and(|(_, _, stated)| stated.condition.holds(root, &active.rule.selections)) {
                met(active, *part);
            }
        }
    }

    /// How many rules there are.
    pub(super) fn len(&self) -> usize {
        self.rules
    }

    /// What of a document the rules look at.
    pub(super) fn interest(&self) -> &Interest {
        &self.interest
    }

    fn probe(&self, id: ProbeId, node: &Node, candidates: &mut Vec<ClauseId>) {
        let probe = &self.probes[id as usize];
        candidates.extend(&probe.exists);
        if probe.by_value {
            self.find(value_key(id, false, fingerprint(node)), candidates);
        }
        match node {
            Node::String(text) => {
                if !probe.texts.is_empty() {
                    probe.texts.find::<str>(text, candidates);
                }
                if let Some(parts) = &probe.parts {
                    parts.find(text, candidates);
                }
                if probe.by_folded || probe.folded_parts.is_some() {
                    let folded = folded_text(text);
                    if probe.by_folded {
                        self.find(value_key(id, true, text_fingerprint(&folded)), candidates);
                    }
                    if let Some(parts) = &probe.folded_parts {
                        parts.find(&folded, candidates);
                    }
                }
            },
            Node::Null | Node::Bool(_) | Node::Number(_) | Node::Array(_) | Node::Object(_) => {
                if let Node::Number(number) = node {
                    probe.numbers.find(number, candidates);
                }
                if probe.by_folded {
                    self.find(value_key(id, true, fingerprint(node)), candidates);
                }
            },
        }
    }

    fn find(&self, key: u64, candidates: &mut Vec<ClauseId>) {
        if let Some(span) = self.values.get(&key) {
            candidates.extend(span.of(&self.by_value));
        }
    }
}

/// The key in the table of values.
fn value_key(probe: ProbeId, folded: bool, fingerprint: u64) -> u64 {
    let mut mixer = Mixer::default();
    mixer.write_u64(fingerprint ^ u64::from(folded));
    mixer.write_u32(probe);
    mixer.finish()
}
