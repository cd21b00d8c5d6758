//! What an event brings to an aggregate, and the value of contributions.
//!
//! Reading: `by` goes before the values at `jsonPath`; a decrement takes away by the same rule by which an increment adds.
//! Reading: an amount of zero is a contribution; so is an event of which only the increment or only the decrement brings something.
//! Reading: a live set is of the non-null nodes at `entityPath`, whatever their kind, and has no floor; an event that is
//! both adds first, so it removes.
//! Reading: an empty window is worth 0 also where the floor is higher.

use rules::{Aggregate, Amount, By, Change, Function, Node, Number, Path};

use crate::Event;

/// A matching event that brought something.
#[derive(Debug, Clone)]
pub(crate) struct Contribution<'a> {
    /// The event.
    pub(crate) event: &'a Event,
    /// Its time.
    pub(crate) time: i64,
    /// What it brought.
    pub(crate) brings: Brings,
}

/// What an event brings.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Brings {
    /// To count and sum: what is added, then what is taken away.
    Change(Amount, Amount),
    /// To min, max and avg.
    Numbers(Vec<Amount>),
    /// To distinct.
    Values(Vec<Node>),
    /// To a live set: entities, and whether each is added.
    Operations(Vec<(Node, bool)>),
}

/// What an event brings that meets the increment's condition, the decrement's or both; nothing if it is no contribution.
pub(crate) fn brings(aggregate: &Aggregate, adds: bool, takes: bool, payload: &Node) -> Option<Brings> {
    if let Some(path) = &aggregate.entity_path {
        let entities: Vec<Node> = non_null(path, payload);
        let operations = |wanted: bool, added: bool| {
            entities.iter().filter(move |_| wanted).map(move |entity| (entity.clone(), added))
        };
        let all: Vec<_> = operations(adds, true).chain(operations(takes, false)).collect();
        return (!all.is_empty()).then_some(Brings::Operations(all));
    }
    let path = aggregate.path.as_ref();
    match aggregate.function {
        Function::Count | Function::Sum => {
            let plus = Some(&aggregate.increment).filter(|_| adds);
            let minus = aggregate.decrement.as_ref().filter(|_| takes);
            let plus = plus.and_then(|change| amount(aggregate, change, payload));
            let minus = minus.and_then(|change| amount(aggregate, change, payload));
            let some = plus.is_some() || minus.is_some();
            some.then(|| Brings::Change(plus.unwrap_or(Amount::ZERO), minus.unwrap_or(Amount::ZERO)))
        },
        Function::Min | Function::Max | Function::Avg => {
            let numbers = numbers(path?, payload);
            (adds && !numbers.is_empty()).then_some(Brings::Numbers(numbers))
        },
        Function::Distinct => {
            let values = non_null(path?, payload);
            (adds && !values.is_empty()).then_some(Brings::Values(values))
        },
    }
}

/// By how much an event changes a count or a sum.
fn amount(aggregate: &Aggregate, change: &Change, payload: &Node) -> Option<Amount> {
    match (&change.by, &aggregate.path, aggregate.function) {
        (Some(By::Amount(amount)), ..) => Some(*amount),
        (Some(By::Path(path)), ..) => match path.select(payload)[..] {
            [Node::Number(number)] if *number >= Number::from(0_i64) => Amount::contribution(number),
            _ => None,
        },
        (None, None, _) => Some(Amount::ONE),
        (None, Some(path), Function::Count) => {
            let count = non_null(path, payload).len() as u64;
            (count > 0).then(|| Amount::from(count))
        },
        (None, Some(path), _) => {
            let numbers = numbers(path, payload);
            (!numbers.is_empty()).then(|| total(&numbers))
        },
    }
}

fn non_null(path: &Path, payload: &Node) -> Vec<Node> {
    path.select(payload).into_iter().filter(|node| !node.is_null()).cloned().collect()
}

/// Every numeric node that is not out of range.
fn numbers(path: &Path, payload: &Node) -> Vec<Amount> {
    path.select(payload).into_iter().filter_map(Node::as_number).filter_map(Amount::contribution).collect()
}

fn total(numbers: &[Amount]) -> Amount {
    numbers.iter().fold(Amount::ZERO, |sum, number| sum.plus(*number))
}

/// The value of a window, of its contributions in order of arrival.
pub(crate) fn value(aggregate: &Aggregate, contents: &[&Contribution<'_>]) -> Option<Amount> {
    if aggregate.entity_path.is_some() {
        return Some(Amount::from(members(contents).len() as u64));
    }
    let numbers: Vec<Amount> = contents
        .iter()
        .flat_map(|contribution| match &contribution.brings {
            Brings::Numbers(numbers) => numbers.as_slice(),
            Brings::Change(..) | Brings::Values(_) | Brings::Operations(_) => &[],
        })
        .copied()
        .collect();
    match aggregate.function {
        Function::Count | Function::Sum => Some(contents.iter().fold(Amount::ZERO, |value, contribution| {
            let Brings::Change(plus, minus) = contribution.brings else { return value };
            let changed = value.plus(plus).minus(minus);
            aggregate.floor.map_or(changed, |floor| changed.max(floor))
        })),
        Function::Min => numbers.into_iter().min(),
        Function::Max => numbers.into_iter().max(),
        Function::Avg => total(&numbers).divided_by(numbers.len() as u64),
        Function::Distinct => {
            let mut different: Vec<&Node> = Vec::new();
            for contribution in contents {
                let Brings::Values(values) = &contribution.brings else { continue };
                for value in values {
                    if !different.contains(&value) {
                        different.push(value);
                    }
                }
            }
            Some(Amount::from(different.len() as u64))
        },
    }
}

/// The entities of a live set, sorted by their text, each with the contribution that added it last.
pub(crate) fn members<'c, 'a>(contents: &[&'c Contribution<'a>]) -> Vec<(Node, &'c Contribution<'a>)> {
    // Per entity the operation with the greatest (time, position) wins; within one event the later one.
    let mut ordered: Vec<&'c Contribution<'a>> = contents.to_vec();
    ordered.sort_by_key(|contribution| (contribution.time, contribution.event.position));
    let mut members: Vec<(Node, &'c Contribution<'a>)> = Vec::new();
    for contribution in ordered {
        let Brings::Operations(operations) = &contribution.brings else { continue };
        for (entity, added) in operations {
            members.retain(|(member, _)| member != entity);
            if *added {
                members.push((entity.clone(), contribution));
            }
        }
    }
    members.sort_by_key(|(member, _)| member.to_string());
    members
}

/// The contributions behind a value, by (time, position): all of the window, of a live set those that added its members last.
pub(crate) fn behind<'c, 'a>(
    aggregate: &Aggregate,
    contents: &[&'c Contribution<'a>],
) -> Vec<&'c Contribution<'a>> {
    let mut all: Vec<&'c Contribution<'a>> = match &aggregate.entity_path {
        Some(_) => members(contents).into_iter().map(|(_, contribution)| contribution).collect(),
        None => contents.to_vec(),
    };
    all.sort_by_key(|contribution| (contribution.time, contribution.event.position));
    all.dedup_by_key(|contribution| contribution.event.position);
    all
}
