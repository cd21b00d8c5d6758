//! Conditions with too many clauses: each is evaluated as it stands for every event, with what is known of the event
//! already, under a limit of steps.

use std::collections::HashMap;
use std::sync::Arc;

use super::seen::Seen;
use super::truth::Truth;
use crate::condition::{Condition, SelectionName, Selections, Test};
use crate::path::Steps;

/// A condition whose tests are numbers.
#[derive(Debug)]
pub(super) enum Alone {
    All(Box<[Alone]>),
    Any(Box<[Alone]>),
    Not(Box<Alone>),
    Test(u32),
    /// A selection, which may stand in many places.
    Selection(Arc<Alone>),
}

/// Turns conditions of one rule into numbers.
pub(super) struct Lowering<'a> {
    pub(super) selections: &'a Selections,
    pub(super) done: HashMap<SelectionName, Arc<Alone>>,
    pub(super) number: &'a mut dyn FnMut(&Arc<Test>) -> u32,
}

impl Lowering<'_> {
    pub(super) fn lower(&mut self, condition: &Condition) -> Alone {
        match condition {
            Condition::All(parts) => Alone::All(parts.iter().map(|part| self.lower(part)).collect()),
            Condition::Any(parts) => Alone::Any(parts.iter().map(|part| self.lower(part)).collect()),
            Condition::Not(inner) => Alone::Not(Box::new(self.lower(inner))),
            Condition::Test(test) => Alone::Test((self.number)(test)),
            Condition::Selection(name) => {
                if let Some(done) = self.done.get(name) {
                    return Alone::Selection(Arc::clone(done));
                }
                // As in the reference evaluation: what does not exist does not hold.
                let lowered = match self.selections.get(name) {
                    Some(stated) => Arc::new(self.lower(&stated.condition)),
                    None => Arc::new(Alone::Any(Box::default())),
                };
                self.done.insert(name.clone(), Arc::clone(&lowered));
                Alone::Selection(lowered)
            },
        }
    }
}

impl Alone {
    /// Whether it holds of the event; unknown if that takes too many steps.
    pub(super) fn truth(&self, seen: &mut Seen<'_, '_>) -> Truth {
        let mut steps = Steps::of_rule();
        let truth = self.truth_within(seen, &mut steps);
        if steps.are_passed() { Truth::Unknown } else { truth }
    }

    /// Every part of the condition is a step, and so is every node that a test has to look at, whoever looked at it before.
    fn truth_within(&self, seen: &mut Seen<'_, '_>, steps: &mut Steps) -> Truth {
        if !steps.take() {
            return Truth::Unknown;
        }
        match self {
            Self::All(parts) => Truth::all(parts.iter().map(|part| part.truth_within(seen, steps))),
            Self::Any(parts) => Truth::any(parts.iter().map(|part| part.truth_within(seen, steps))),
            Self::Not(inner) => inner.truth_within(seen, steps).not(),
            Self::Test(number) => {
                let truth = seen.truth(*number);
                steps.take_many(seen.count(*number) as u64);
                truth
            },
            Self::Selection(selection) => selection.truth_within(seen, steps),
        }
    }
}
