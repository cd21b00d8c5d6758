//! Completions of sequence, all and atLeast among the step events of a group, and deadlines of absence.
//!
//! Reading: an `until` voids what stands before it in order, also what comes later; an event that is both counts as a step
//! after it.
//! Reading: an event without an id at a step's `entityPath` does not serve the step; an event whose announced count cannot be
//! read does not meet the step.
//! Reading: `min` has no meaning for absence. The first event of all and atLeast is the first step event in the trailing time.

use rules::{Node, Part, Pattern, PatternKind, PatternStep};

use crate::Event;
use crate::decimal::Decimal;

/// Where an event stands among the others: its time and position.
pub(crate) type Place = (i64, u64);

/// An event that meets steps of a pattern, or its `until`.
#[derive(Debug, Clone)]
pub(crate) struct StepEvent<'a> {
    /// The event.
    pub(crate) event: &'a Event,
    /// Its time.
    pub(crate) time: i64,
    /// Whether it voids what was before it.
    pub(crate) voids: bool,
    /// The steps that it serves.
    pub(crate) steps: Vec<Service>,
}

/// What an event does for a step.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    /// The step, by its place in the pattern.
    pub(crate) step: usize,
    /// The ids that count, if the step counts ids.
    ids: Option<Vec<Node>>,
    /// What it announces.
    announced: Option<u128>,
}

impl StepEvent<'_> {
    /// Where it stands.
    pub(crate) fn place(&self) -> Place {
        (self.time, self.event.position)
    }

    /// Whether it serves a step.
    pub(crate) fn serves(&self, step: usize) -> bool {
        self.steps.iter().any(|service| service.step == step)
    }
}

/// The event as the pattern sees it; nothing if it is none of its events.
pub(crate) fn step_event<'a>(
    pattern: &Pattern,
    met: &[Part],
    event: &'a Event,
    time: i64,
) -> Option<StepEvent<'a>> {
    let is_met = |index: usize| met.iter().any(|part| usize::from(part.0) == index);
    let steps = pattern.steps.iter().enumerate().filter(|(index, _)| is_met(*index));
    let steps: Vec<Service> =
        steps.filter_map(|(index, step)| service(index, step, &event.payload)).collect();
    let voids = is_met(pattern.steps.len());
    (voids || !steps.is_empty()).then_some(StepEvent { event, time, voids, steps })
}

fn service(index: usize, step: &PatternStep, payload: &Node) -> Option<Service> {
    let ids = step.entity_path.as_ref().map(|path| {
        path.select(payload).into_iter().filter(|node| !node.is_null()).cloned().collect::<Vec<_>>()
    });
    let announced = match &step.expected_count_path {
        None => None,
        Some(path) => match path.select(payload)[..] {
            [Node::Number(number)] => Some(Decimal::of_number(&number.to_string())?.natural()?),
            _ => return None,
        },
    };
    (ids.as_ref().is_none_or(|ids| !ids.is_empty())).then_some(Service { step: index, ids, announced })
}

/// What is left in order: after what was consumed, not voided, and serving a step.
pub(crate) fn alive<'e, 'a>(all: &'e [StepEvent<'a>], consumed: Option<Place>) -> Vec<&'e StepEvent<'a>> {
    let void = all.iter().filter(|event| event.voids).map(StepEvent::place).max();
    let left = |event: &&StepEvent<'_>| {
        Some(event.place()) > consumed && Some(event.place()) >= void && !event.steps.is_empty()
    };
    let mut alive: Vec<_> = all.iter().filter(left).collect();
    alive.sort_by_key(|event| event.place());
    alive
}

/// The events of the first completion, in order; the last one completes it.
pub(crate) fn completion<'e, 'a>(
    pattern: &Pattern,
    alive: &[&'e StepEvent<'a>],
) -> Option<Vec<&'e StepEvent<'a>>> {
    (1..=alive.len()).find_map(|count| {
        let so_far = alive.get(..count)?;
        match pattern.kind {
            PatternKind::Sequence => sequence(pattern, so_far),
            PatternKind::All => together(pattern, so_far, pattern.steps.len()),
            PatternKind::AtLeast(n) => together(pattern, so_far, usize::from(n)),
            PatternKind::Absence => None,
        }
    })
}

/// The sequence that ends with the last of these events and starts latest.
fn sequence<'e, 'a>(pattern: &Pattern, events: &[&'e StepEvent<'a>]) -> Option<Vec<&'e StepEvent<'a>>> {
    // From the end backwards, each place is taken by the latest event that can: no other choice starts later.
    let mut before = events.iter().rev();
    let mut taken = Vec::new();
    for (index, step) in pattern.steps.iter().enumerate().rev() {
        for _ in 0..step.min.unwrap_or(1) {
            let event = if taken.is_empty() {
                before.next().filter(|event| event.serves(index))?
            } else {
                before.find(|event| event.serves(index))?
            };
            taken.push(*event);
        }
    }
    taken.reverse();
    let (first, last) = (taken.first()?.time, taken.last()?.time);
    pattern.within.is_none_or(|within| last - first < within.as_i64()).then_some(taken)
}

/// The events of the trailing time, if so many steps are reached among them.
fn together<'e, 'a>(
    pattern: &Pattern,
    events: &[&'e StepEvent<'a>],
    wanted: usize,
) -> Option<Vec<&'e StepEvent<'a>>> {
    let last = events.last()?.time;
    let near =
        |event: &&&StepEvent<'_>| pattern.within.is_none_or(|within| last - event.time < within.as_i64());
    let trailing: Vec<_> = events.iter().filter(near).copied().collect();
    let services = || trailing.iter().flat_map(|event| &event.steps);
    let announcer = pattern.steps.iter().position(|step| step.expected_count_path.is_some());
    let announced = services().filter_map(|service| service.announced).next_back();
    let reached = |index: usize, step: &PatternStep| {
        let mut ids: Vec<&Node> = Vec::new();
        let mut count = 0_u128;
        for service in services().filter(|service| service.step == index) {
            match &service.ids {
                None => count += 1,
                Some(all) => {
                    for id in all {
                        if !ids.contains(&id) {
                            ids.push(id);
                            count += 1;
                        }
                    }
                },
            }
        }
        let needed = match (step.min, announcer) {
            (Some(min), _) => Some(u128::from(min)),
            (None, Some(announcer)) if announcer != index => announced,
            (None, _) => Some(1),
        };
        needed.is_some_and(|needed| count >= needed)
    };
    let count = pattern.steps.iter().enumerate().filter(|(index, step)| reached(*index, step)).count();
    (count >= wanted).then_some(trailing)
}

/// The start of the first deadline that nothing prevents, by going through the events in order.
///
/// Reading: what has been concluded is not looked at again. Events before a deadline that has passed belong to it.
pub(crate) fn open_start<'e, 'a>(
    pattern: &Pattern,
    all: &'e [StepEvent<'a>],
    concluded: Option<i64>,
) -> Option<&'e StepEvent<'a>> {
    let within = pattern.within?.as_i64();
    let mut ordered: Vec<_> = all.iter().filter(|event| Some(event.time) >= concluded).collect();
    ordered.sort_by_key(|event| event.place());
    let mut open: Option<&StepEvent<'_>> = None;
    for event in ordered {
        if let Some(start) = open
            && start.time + within <= event.time
        {
            return Some(start);
        }
        if event.voids || event.serves(1) {
            open = None;
        }
        if open.is_none() && event.serves(0) {
            open = Some(event);
        }
    }
    open
}
