//! Hits: what an event brings to a rule that it meets, read from its payload before any state is looked at.

use rules::{
    Aggregate, Amount, By, Change, Evaluation, EvidenceMode, Function, Met, Node, Part, Parts, Path, Pattern,
    Rule, Timestamp,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::group::{FanOut, Group, groups};
use crate::redact::redacted;
use crate::scalar::{self, Hash, canonical, scalar};
use crate::trail::Named;

/// The longest payload that is kept as evidence, in bytes of its JSON.
const PAYLOAD_BYTES_MAX: usize = 16 * 1024;
/// The most values or entities that one event brings to one rule.
const VALUES_PER_EVENT_MAX: usize = 1000;

/// An event that contributes to a rule.
#[derive(Debug, Clone)]
pub(crate) struct Hit {
    pub(crate) active: Arc<rules::ActiveRule>,
    /// The rule does not see the event if it happened before this.
    pub(crate) excepted_before: Option<Timestamp>,
    /// In fan-out order.
    pub(crate) groups: Vec<Group>,
    /// Whether the event had more groups than are looked at.
    pub(crate) groups_cut: bool,
    pub(crate) event_id: Option<String>,
    pub(crate) brought: Brought,
    pub(crate) entities: Vec<Named>,
    /// The payload as JSON, where the rule asks for it.
    pub(crate) payload: Option<String>,
}

/// What an event brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Brought {
    /// Nothing: it meets the rule, and that is all.
    Nothing,
    /// To a count or a sum.
    Change {
        /// What is added, then what is taken away.
        plus: Amount,
        minus: Amount,
    },
    /// To an extreme or a mean.
    Numbers { sum: Amount, count: u64, min: Amount, max: Amount },
    /// To a set: values, or entities that come and go.
    Members { added: Vec<Hash>, removed: Vec<Hash> },
    /// To a pattern.
    Step(StepEvent),
}

/// An event as a pattern sees it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct StepEvent {
    /// Which steps it serves, a bit each.
    pub(crate) steps: u32,
    /// Whether it voids what was before it.
    pub(crate) until: bool,
    /// The entities of the steps that count them, by step.
    pub(crate) entities: Vec<(u8, Vec<Hash>)>,
    /// How many it announces.
    pub(crate) expected: Option<u64>,
}

/// What an event brings to a rule; nothing if it does not contribute.
pub(crate) fn hit(met: &Met<'_>, root: &Node) -> Option<Hit> {
    let rule = &met.active.rule;
    let brought = match &rule.evaluation {
        Evaluation::Aggregate(aggregate) => {
            contribution(aggregate, met.parts, root).unwrap_or(Brought::Nothing)
        },
        Evaluation::Pattern(pattern) => Brought::Step(step_event(pattern, met.parts, root)?),
    };
    let FanOut { groups, is_cut } = groups(&rule.grouping, root);
    if groups.is_empty() {
        return None;
    }
    let exceptions = rule.exceptions.iter();
    let excepting =
        exceptions.filter(|exception| exception.condition.condition.holds(root, &rule.selections));
    let excepted_before =
        excepting.map(|exception| exception.expires_at.unwrap_or(Timestamp(i64::MAX))).max();
    Some(Hit {
        active: Arc::clone(met.active),
        excepted_before,
        groups,
        groups_cut: is_cut,
        event_id: event_id(rule, root),
        brought,
        entities: entities(rule, root),
        payload: payload(rule, root),
    })
}

/// The payload as evidence; longer ones are referred to alone, or a group's state would grow with them.
fn payload(rule: &Rule, root: &Node) -> Option<String> {
    let wanted = rule.evidence.mode == EvidenceMode::Full;
    let payload = wanted.then(|| redacted(root, &rule.evidence.redact))?;
    (payload.len() <= PAYLOAD_BYTES_MAX).then_some(payload)
}

fn event_id(rule: &Rule, root: &Node) -> Option<String> {
    let first = *rule.event_id.as_ref()?.path.select(root).first()?;
    scalar(first)
}

fn entities(rule: &Rule, root: &Node) -> Vec<Named> {
    let mut found = Vec::new();
    for entity in &rule.entities {
        // Those of one kind are one list, whichever path they come from.
        let of = rule.entities.iter().position(|first| first.kind == entity.kind);
        let Some(of) = of.and_then(|of| u8::try_from(of).ok()) else { continue };
        let ids: Vec<_> = entity.id_path.select(root).into_iter().filter_map(scalar).collect();
        let displays = entity.display_path.as_ref().map(|path| path.select(root)).unwrap_or_default();
        let displays: Vec<_> = displays.into_iter().filter_map(scalar).collect();
        found.extend((0..).zip(ids).map(|(index, id): (usize, _)| Named {
            of,
            id,
            display: displays.get(index).cloned(),
        }));
    }
    found.truncate(crate::trail::ENTITIES_MAX);
    found
}

fn contribution(aggregate: &Aggregate, parts: Parts, root: &Node) -> Option<Brought> {
    let increments = parts.contains(Part::INCREMENT);
    let decrements = parts.contains(Part::DECREMENT);
    let decrement = aggregate.decrement.as_ref().filter(|_| decrements);
    if let Some(path) = &aggregate.entity_path {
        let added = if increments { members(path, root) } else { Vec::new() };
        let removed = if decrement.is_some() { members(path, root) } else { Vec::new() };
        return (!added.is_empty() || !removed.is_empty()).then_some(Brought::Members { added, removed });
    }
    match aggregate.function {
        Function::Count | Function::Sum => {
            let plus = if increments { amount(aggregate, &aggregate.increment, root) } else { None };
            let minus = decrement.and_then(|change| amount(aggregate, change, root));
            (plus.is_some() || minus.is_some())
                .then(|| Brought::Change { plus: plus.unwrap_or_default(), minus: minus.unwrap_or_default() })
        },
        Function::Min | Function::Max | Function::Avg => {
            let numbers = numbers(aggregate.path.as_ref()?, root);
            let (min, max) = (*numbers.iter().min()?, *numbers.iter().max()?);
            let sum = numbers.iter().fold(Amount::ZERO, |sum, number| sum.plus(*number));
            Some(Brought::Numbers { sum, count: numbers.len() as u64, min, max })
        },
        Function::Distinct => {
            let added = members(aggregate.path.as_ref()?, root);
            (!added.is_empty()).then_some(Brought::Members { added, removed: Vec::new() })
        },
    }
}

/// By how much an event changes a count or a sum.
fn amount(aggregate: &Aggregate, change: &Change, root: &Node) -> Option<Amount> {
    match (&change.by, &aggregate.path, aggregate.function) {
        (Some(By::Amount(amount)), _, _) => Some(*amount),
        (Some(By::Path(path)), _, _) => {
            let nodes = path.select(root);
            let [Node::Number(number)] = nodes.as_slice() else { return None };
            Amount::contribution(number).filter(|amount| *amount >= Amount::ZERO)
        },
        (None, None, _) => Some(Amount::ONE),
        (None, Some(path), Function::Sum) => {
            let numbers = numbers(path, root);
            if numbers.is_empty() {
                return None;
            }
            Some(numbers.into_iter().fold(Amount::ZERO, Amount::plus))
        },
        (None, Some(path), _) => {
            let count = path.select(root).into_iter().filter(|node| !node.is_null()).count();
            (count > 0).then(|| Amount::from(count as u64))
        },
    }
}

/// The numbers at a path that contribute.
fn numbers(path: &Path, root: &Node) -> Vec<Amount> {
    let numbers = path.select(root).into_iter().filter_map(Node::as_number);
    numbers.filter_map(Amount::contribution).collect()
}

/// The hashes of the values at a path that are not null, each once.
fn members(path: &Path, root: &Node) -> Vec<Hash> {
    let nodes = path.select(root).into_iter().filter(|node| !node.is_null());
    let mut hashes: Vec<Hash> =
        nodes.take(VALUES_PER_EVENT_MAX).map(|node| scalar::hash(&canonical(node))).collect();
    hashes.sort_unstable();
    hashes.dedup();
    hashes
}

fn step_event(pattern: &Pattern, parts: Parts, root: &Node) -> Option<StepEvent> {
    let mut event = StepEvent::default();
    for part in parts.iter() {
        let Some(step) = pattern.steps.get(usize::from(part.0)) else {
            event.until = true;
            continue;
        };
        if let Some(path) = &step.expected_count_path {
            let nodes = path.select(root);
            let [Node::Number(number)] = nodes.as_slice() else { continue };
            let Some(expected) = number.as_natural() else { continue };
            event.expected = Some(expected);
        }
        if let Some(path) = &step.entity_path {
            let entities = members(path, root);
            if entities.is_empty() {
                continue;
            }
            event.entities.push((part.0, entities));
        }
        event.steps |= 1 << part.0;
    }
    let matters = event.steps != 0 || event.until;
    matters.then_some(event)
}
