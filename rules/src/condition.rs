//! Conditions: what must hold of an event's payload.
//!
//! There is one form inside, [`Condition`], and two outside: text, as people write it ([`Condition::parse`],
//! [`Condition::to_text`]), and JSON, as programs write it ([`Condition::to_value`]). `docs/rules.md` has the language.

mod evaluate;
mod fold;
mod network;
mod op;
mod print;
mod schema;
mod selection;
mod structured;
mod test;
mod text;

use std::sync::Arc;

use crate::document::Node;
use crate::path::{Steps, TooManyNodes};
use crate::problem::Invalid;

pub(crate) use evaluate::measured;
pub(crate) use fold::text as folded_text;
pub(crate) use schema::schema as condition_schema;
pub(crate) use selection::{Scope, Used};
pub(crate) use structured::read as read_structured;
pub(crate) use text::{parse as parse_text, path_advice};

pub use op::{Measure, Op, Quantifier};
pub use selection::{SelectionName, Selections};
pub use test::Test;
pub use text::ConditionError;

/// How deep conditions nest, in groups of text and in `all`, `any` and `not`.
pub const NESTING_MAX: usize = 32;
/// The most clauses of the disjunctive normal form with which a condition takes part in the shared evaluation.
pub const CLAUSES_MAX: u64 = 64;

/// What must hold of a payload. Made by its constructors, it is in the one form that both outer forms read back to.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// All of several; none of them is an `All`.
    All(Vec<Condition>),
    /// At least one of several; none of them is an `Any`.
    Any(Vec<Condition>),
    /// Not this one.
    Not(Box<Condition>),
    /// A statement about the nodes at a path.
    Test(Arc<Test>),
    /// What the rule's `selections` say under this name.
    Selection(SelectionName),
}

/// The form in which a condition was posted, and is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The `jsonPath` of the original control message: some node is not `null`, `""`, `[]` or `{}`.
    Original,
    /// Text.
    Text,
    /// JSON.
    Structured,
}

/// A condition and how it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Stated {
    /// The condition.
    pub condition: Condition,
    /// How it was written.
    pub form: Form,
}

impl Condition {
    /// All of them, without groups inside of groups; one alone is itself.
    pub fn all(parts: Vec<Self>) -> Self {
        let flat = parts.into_iter().flat_map(|part| match part {
            Self::All(inner) => inner,
            other => vec![other],
        });
        single(flat.collect()).unwrap_or_else(Self::All)
    }

    /// At least one of them, without groups inside of groups; one alone is itself.
    pub fn any(parts: Vec<Self>) -> Self {
        let flat = parts.into_iter().flat_map(|part| match part {
            Self::Any(inner) => inner,
            other => vec![other],
        });
        single(flat.collect()).unwrap_or_else(Self::Any)
    }

    /// Reads the text form; `names` are the selections that it may refer to.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place.
    pub fn parse(text: &str, names: &[SelectionName]) -> Result<Self, ConditionError> {
        parse_text(text, &mut Scope::new(names))
    }

    /// Reads either form: a string is text, an object is structured.
    ///
    /// # Errors
    /// All problems, with JSON pointers from this node on.
    pub fn read(node: &Node, names: &[SelectionName]) -> Result<Self, Invalid> {
        let mut problems = Vec::new();
        let condition = read_structured(node, "", &mut Scope::new(names), &mut problems);
        match condition {
            Some(condition) if problems.is_empty() => Ok(condition),
            _ => Err(Invalid { problems }),
        }
    }

    /// Whether the condition holds of the document.
    pub fn holds(&self, root: &Node, selections: &Selections) -> bool {
        self.holds_within(root, selections, &mut Steps::unlimited())
    }

    /// The same, for a condition of a rule and any event.
    ///
    /// # Errors
    /// [`TooManyNodes`] if it looks at more than 100,000 nodes.
    pub fn holds_bounded(&self, root: &Node, selections: &Selections) -> Result<bool, TooManyNodes> {
        let mut steps = Steps::of_rule();
        let holds = self.holds_within(root, selections, &mut steps);
        steps.enough_for(holds)
    }

    /// Whether it holds; worth nothing if the steps are passed. Every part is a step.
    fn holds_within(&self, root: &Node, selections: &Selections, steps: &mut Steps) -> bool {
        if !steps.take() {
            return false;
        }
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds_within(root, selections, steps)),
            Self::Any(parts) => parts.iter().any(|part| part.holds_within(root, selections, steps)),
            Self::Not(inner) => !inner.holds_within(root, selections, steps),
            Self::Test(test) => test.holds_within(root, steps),
            // A rule is refused if it names a selection that it does not have, and selections name none.
            Self::Selection(name) => selections
                .get(name)
                .is_some_and(|stated| stated.condition.holds_within(root, selections, steps)),
        }
    }

    /// The condition with its selections in place of their names.
    #[must_use]
    pub fn inlined(&self, selections: &Selections) -> Self {
        let parts = |parts: &[Self]| parts.iter().map(|part| part.inlined(selections)).collect();
        match self {
            Self::All(inner) => Self::all(parts(inner)),
            Self::Any(inner) => Self::any(parts(inner)),
            Self::Not(inner) => Self::Not(Box::new(inner.inlined(selections))),
            Self::Test(_) => self.clone(),
            Self::Selection(name) => {
                selections.get(name).map_or_else(|| self.clone(), |stated| stated.condition.clone())
            },
        }
    }

    /// How deep groups stand within groups; 0 for a single test.
    pub fn nesting(&self) -> usize {
        match self {
            Self::All(parts) | Self::Any(parts) => 1 + parts.iter().map(Self::nesting).max().unwrap_or(0),
            Self::Not(inner) => 1 + inner.nesting(),
            Self::Test(_) | Self::Selection(_) => 0,
        }
    }

    /// How many clauses the disjunctive normal form would have, without writing it out; saturating.
    pub fn clauses(&self, selections: &Selections) -> u64 {
        self.clauses_of_both(selections).0
    }

    /// Whether the condition has too many clauses for the shared evaluation and is evaluated on its own.
    pub fn needs_fallback(&self, selections: &Selections) -> bool {
        self.clauses(selections) > CLAUSES_MAX
    }

    /// The clauses of the condition and those of its negation.
    fn clauses_of_both(&self, selections: &Selections) -> (u64, u64) {
        let product = |left: u64, right: u64| left.saturating_mul(right);
        let sum = |left: u64, right: u64| left.saturating_add(right);
        match self {
            Self::All(parts) => parts.iter().map(|part| part.clauses_of_both(selections)).fold(
                (1, 0),
                |(holds, fails), (part_holds, part_fails)| {
                    (product(holds, part_holds), sum(fails, part_fails))
                },
            ),
            Self::Any(parts) => parts.iter().map(|part| part.clauses_of_both(selections)).fold(
                (0, 1),
                |(holds, fails), (part_holds, part_fails)| {
                    (sum(holds, part_holds), product(fails, part_fails))
                },
            ),
            Self::Not(inner) => {
                let (holds, fails) = inner.clauses_of_both(selections);
                (fails, holds)
            },
            Self::Test(_) => (1, 1),
            Self::Selection(name) => {
                selections.get(name).map_or((1, 1), |stated| stated.condition.clauses_of_both(selections))
            },
        }
    }

    /// The selections that are named, in the order of the condition.
    pub fn named(&self) -> Vec<&SelectionName> {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::named).collect(),
            Self::Not(inner) => inner.named(),
            Self::Test(_) => Vec::new(),
            Self::Selection(name) => vec![name],
        }
    }
}

fn single(mut parts: Vec<Condition>) -> Result<Condition, Vec<Condition>> {
    match parts.pop() {
        Some(only) if parts.is_empty() => Ok(only),
        last => {
            parts.extend(last);
            Err(parts)
        },
    }
}

#[cfg(test)]
mod round_trip;
#[cfg(test)]
mod tests;
