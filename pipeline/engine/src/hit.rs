//! Hits: what an event brings to a rule that it meets, read from its payload before any state is looked at.

use rules::{
    Aggregate, Amount, By, Change, Evaluation, EvidenceMode, Function, Met, Node, Part, Parts, Path, Pattern,
    Rule, Timestamp, TooManyNodes,
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
///
/// # Errors
/// A path or an exception of the rule looks at too much of the event.
pub(crate) fn hit(met: &Met<'_>, root: &Node) -> Result<Option<Hit>, TooManyNodes> {
    let rule = &met.active.rule;
    let brought = match &rule.evaluation {
        Evaluation::Aggregate(aggregate) => {
            contribution(aggregate, met.parts, root)?.unwrap_or(Brought::Nothing)
        },
        Evaluation::Pattern(pattern) => match step_event(pattern, met.parts, root)? {
            Some(step) => Brought::Step(step),
            None => return Ok(None),
        },
    };
    let FanOut { groups, is_cut } = groups(&rule.grouping, root)?;
    if groups.is_empty() {
        return Ok(None);
    }
    let mut excepted_before = None;
    for exception in &rule.exceptions {
        if exception.condition.condition.holds_bounded(root, &rule.selections)? {
            excepted_before = excepted_before.max(exception.expires_at.or(Some(Timestamp(i64::MAX))));
        }
    }
    Ok(Some(Hit {
        active: Arc::clone(met.active),
        excepted_before,
        groups,
        groups_cut: is_cut,
        event_id: event_id(rule, root)?,
        brought,
        entities: entities(rule, root)?,
        payload: payload(rule, root)?,
    }))
}

/// The payload as evidence; longer ones are referred to alone, or a group's state would grow with them.
fn payload(rule: &Rule, root: &Node) -> Result<Option<String>, TooManyNodes> {
    if rule.evidence.mode != EvidenceMode::Full {
        return Ok(None);
    }
    let payload = redacted(root, &rule.evidence.redact)?;
    Ok((payload.len() <= PAYLOAD_BYTES_MAX).then_some(payload))
}

fn event_id(rule: &Rule, root: &Node) -> Result<Option<String>, TooManyNodes> {
    let Some(event_id) = &rule.event_id else { return Ok(None) };
    Ok(event_id.path.select_bounded(root)?.first().and_then(|first| scalar(first)))
}

fn entities(rule: &Rule, root: &Node) -> Result<Vec<Named>, TooManyNodes> {
    let mut found = Vec::new();
    for entity in &rule.entities {
        // Those of one kind are one list, whichever path they come from.
        let of = rule.entities.iter().position(|first| first.kind == entity.kind);
        let Some(of) = of.and_then(|of| u8::try_from(of).ok()) else { continue };
        let scalars = |path: &Path| -> Result<Vec<String>, TooManyNodes> {
            Ok(path.select_bounded(root)?.into_iter().filter_map(scalar).collect())
        };
        let ids = scalars(&entity.id_path)?;
        let displays = entity.display_path.as_ref().map(scalars).transpose()?.unwrap_or_default();
        found.extend((0..).zip(ids).map(|(index, id): (usize, _)| Named {
            of,
            id,
            display: displays.get(index).cloned(),
        }));
    }
    found.truncate(crate::trail::ENTITIES_MAX);
    Ok(found)
}

fn contribution(aggregate: &Aggregate, parts: Parts, root: &Node) -> Result<Option<Brought>, TooManyNodes> {
    let increments = parts.contains(Part::INCREMENT);
    let decrements = parts.contains(Part::DECREMENT);
    let decrement = aggregate.decrement.as_ref().filter(|_| decrements);
    if let Some(path) = &aggregate.entity_path {
        let members = members(path, root)?;
        let added = if increments { members.clone() } else { Vec::new() };
        let removed = if decrement.is_some() { members } else { Vec::new() };
        return Ok((!added.is_empty() || !removed.is_empty()).then_some(Brought::Members { added, removed }));
    }
    Ok(match (aggregate.function, &aggregate.path) {
        (Function::Count | Function::Sum, _) => {
            let plus = if increments { amount(aggregate, &aggregate.increment, root)? } else { None };
            let minus = decrement.map(|change| amount(aggregate, change, root)).transpose()?.flatten();
            (plus.is_some() || minus.is_some())
                .then(|| Brought::Change { plus: plus.unwrap_or_default(), minus: minus.unwrap_or_default() })
        },
        (Function::Min | Function::Max | Function::Avg, Some(path)) => {
            let numbers = numbers(path, root)?;
            let extremes = numbers.iter().min().copied().zip(numbers.iter().max().copied());
            extremes.map(|(min, max)| {
                let sum = numbers.iter().fold(Amount::ZERO, |sum, number| sum.plus(*number));
                Brought::Numbers { sum, count: numbers.len() as u64, min, max }
            })
        },
        (Function::Distinct, Some(path)) => {
            let added = members(path, root)?;
            (!added.is_empty()).then_some(Brought::Members { added, removed: Vec::new() })
        },
        // Refused when the rule was read.
        (Function::Min | Function::Max | Function::Avg | Function::Distinct, None) => None,
    })
}

/// By how much an event changes a count or a sum.
fn amount(aggregate: &Aggregate, change: &Change, root: &Node) -> Result<Option<Amount>, TooManyNodes> {
    Ok(match (&change.by, &aggregate.path, aggregate.function) {
        (Some(By::Amount(amount)), _, _) => Some(*amount),
        (Some(By::Path(path)), _, _) => match path.select_bounded(root)?[..] {
            [Node::Number(number)] => Amount::contribution(number).filter(|amount| *amount >= Amount::ZERO),
            _ => None,
        },
        (None, None, _) => Some(Amount::ONE),
        (None, Some(path), Function::Sum) => {
            let numbers = numbers(path, root)?;
            (!numbers.is_empty()).then(|| numbers.into_iter().fold(Amount::ZERO, Amount::plus))
        },
        (None, Some(path), _) => {
            let count = path.select_bounded(root)?.into_iter().filter(|node| !node.is_null()).count();
            (count > 0).then(|| Amount::from(count as u64))
        },
    })
}

/// The numbers at a path that contribute.
fn numbers(path: &Path, root: &Node) -> Result<Vec<Amount>, TooManyNodes> {
    let numbers = path.select_bounded(root)?.into_iter().filter_map(Node::as_number);
    Ok(numbers.filter_map(Amount::contribution).collect())
}

/// The hashes of the values at a path that are not null, each once.
fn members(path: &Path, root: &Node) -> Result<Vec<Hash>, TooManyNodes> {
    let nodes = path.select_bounded(root)?.into_iter().filter(|node| !node.is_null());
    let mut hashes: Vec<Hash> =
        nodes.take(VALUES_PER_EVENT_MAX).map(|node| scalar::hash(&canonical(node))).collect();
    hashes.sort_unstable();
    hashes.dedup();
    Ok(hashes)
}

fn step_event(pattern: &Pattern, parts: Parts, root: &Node) -> Result<Option<StepEvent>, TooManyNodes> {
    let mut event = StepEvent::default();
    for part in parts.iter() {
        let Some(step) = pattern.steps.get(usize::from(part.0)) else {
            event.until = true;
            continue;
        };
        if let Some(path) = &step.expected_count_path {
            let nodes = path.select_bounded(root)?;
            let [Node::Number(number)] = nodes.as_slice() else { continue };
            let Some(expected) = number.as_natural() else { continue };
            event.expected = Some(expected);
        }
        if let Some(path) = &step.entity_path {
            let entities = members(path, root)?;
            if entities.is_empty() {
                continue;
            }
            event.entities.push((part.0, entities));
        }
        event.steps |= 1 << part.0;
    }
    let matters = event.steps != 0 || event.until;
    Ok(matters.then_some(event))
}

#[cfg(test)]
mod tests;
