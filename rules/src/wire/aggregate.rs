//! `match`, `aggregate`, `threshold`: a value that events change, and what it must reach.

use super::fields::Fields;
use super::form::{Field, Form, Kind};
use super::print::{self, Members, number, other};
use super::values::{self, Read, problem, wrong_type};
use super::{limits, window};
use crate::amount::Amount;
use crate::condition::{Scope, Stated};
use crate::document::Node;
use crate::problem::ProblemCode;
use crate::rule::{Aggregate, By, Change, Function, Limits, Window};

pub(super) static AGGREGATE: Form = Form {
    name: "an aggregate",
    fields: &[
        Field::new(
            "function",
            Kind::OneOf(Function::NAMES),
            "What is made of the contributions. Default count.",
        ),
        Field::new(
            "jsonPath",
            Kind::Path,
            "What is contributed: the numbers there, for distinct all that is not null, for count how many of those there are. Needed for all functions but count.",
        ),
        Field::new(
            "increment",
            Kind::Object(&CHANGE),
            "Which events add, and how much; in place of the rule's `match`.",
        ),
        Field::new(
            "decrement",
            Kind::Object(&CHANGE),
            "Which events take away, and how much. Only with count and sum.",
        ),
        Field::new(
            "floor",
            Kind::Number,
            "The value never falls below this. Only with count and sum over total and tumbling windows.",
        ),
        Field::new(
            "entityPath",
            Kind::Path,
            "Makes the value the size of a live set: events add and remove the entity at this path, each once.",
        ),
    ],
};

static CHANGE: Form = Form {
    name: "a change",
    fields: &[
        Field::needed("match", Kind::Condition, "Which events change the value."),
        Field::new(
            "by",
            Kind::By,
            "By how much: a number that is not negative, or the path of one. Default 1; for sum what stands at the aggregate's `jsonPath`.",
        ),
    ],
};

/// Reads an aggregate from the fields of a rule.
pub(super) fn read(fields: &mut Fields<'_, '_>, scope: &mut Scope<'_>) -> Option<Aggregate> {
    let condition = fields.condition("match", scope);
    let read = fields.object("aggregate", |fields| Some(Parts::read(fields, scope)));
    let window = fields.object("window", window::read);
    let threshold = fields.threshold("threshold");
    let given = read.is_some() || !fields.has("aggregate");
    let parts = read.unwrap_or_default();
    let increment = match (fields.has("match"), parts.has_increment) {
        (true, true) => {
            let message = "`match` and `aggregate.increment` both say which events count";
            fields.conflict("match", message, "one of them");
            None
        },
        (false, false) => {
            if given {
                let message = "nothing says which events are meant: there is no `match`, no `aggregate.increment` and no `pattern`";
                fields.refuse(ProblemCode::MissingField, message, "one of them");
            }
            None
        },
        (true, false) => condition.map(|condition| Change { condition, by: None }),
        (false, true) => parts.increment,
    };
    let window = if fields.has("window") { window } else { Some(Window::Total) };
    if let (Some(_), Some(window)) = (&parts.floor, window)
        && !matches!(window, Window::Total | Window::Tumbling(_))
    {
        let message = format!("`aggregate.floor` does not go with a window of type `{}`", window.name());
        fields.conflict("window", message, "a window of type `total` or `tumbling`, or no `floor`");
    }
    if let (true, Some(Window::Session(_))) = (parts.has_entity_path, window) {
        let message = "`aggregate.entityPath` does not go with a window of type `session`";
        fields.conflict("window", message, "another type of window, or no `entityPath`");
    }
    let threshold = match parts.function {
        _ if fields.has("threshold") => threshold,
        Function::Count | Function::Distinct => Some(Limits::at_least(Amount::ONE)),
        function => {
            fields.missing("threshold", &format!("`aggregate.function` `{}`", function.name()));
            None
        },
    };
    Some(Aggregate {
        function: parts.function,
        path: parts.path,
        increment: increment?,
        decrement: parts.decrement,
        floor: parts.floor,
        entity_path: parts.entity_path,
        window: window?,
        threshold: threshold?,
    })
}

/// What stands in `aggregate`.
#[derive(Default)]
struct Parts {
    function: Function,
    path: Option<crate::path::Path>,
    increment: Option<Change>,
    has_increment: bool,
    decrement: Option<Change>,
    floor: Option<Amount>,
    entity_path: Option<crate::path::Path>,
    has_entity_path: bool,
}

impl Parts {
    fn read(fields: &mut Fields<'_, '_>, scope: &mut Scope<'_>) -> Self {
        let function = fields.one_of("function", Function::from_name);
        let path = fields.path("jsonPath");
        let increment = fields.object("increment", |fields| read_change(fields, scope));
        let decrement = fields.object("decrement", |fields| read_change(fields, scope));
        let floor = fields.number("floor");
        let entity_path = fields.path("entityPath");
        if fields.has("entityPath") {
            let expected = "`entityPath` alone, which says what is counted";
            fields.only_without("jsonPath", "entityPath", expected);
        }
        // What an unknown function goes with is not known either.
        let function = function.or_else(|| (!fields.has("function")).then(Function::default));
        if let Some(function) = function {
            fits_function(fields, function);
        }
        let mut parts = Self {
            function: function.unwrap_or_default(),
            path,
            increment,
            has_increment: fields.has("increment"),
            decrement,
            floor,
            entity_path,
            has_entity_path: fields.has("entityPath"),
        };
        parts.leave_out_defaults();
        parts
    }

    /// A count goes by one unless something else is said.
    fn leave_out_defaults(&mut self) {
        if self.function == Function::Count && self.path.is_none() {
            for change in [&mut self.increment, &mut self.decrement].into_iter().flatten() {
                change.by.take_if(|by| *by == By::Amount(Amount::ONE));
            }
        }
    }
}

/// Refuses what does not go with the function.
fn fits_function(fields: &mut Fields<'_, '_>, function: Function) {
    let name = function.name();
    let by_of = |fields: &Fields<'_, '_>, change: &str| {
        fields.given(change).and_then(|change| change.member("by")).is_some_and(|by| !by.is_null())
    };
    let changes: Vec<_> = ["increment", "decrement"].into_iter().filter(|each| fields.has(each)).collect();
    let is_set = fields.has("entityPath");
    let counts = matches!(function, Function::Count | Function::Sum);
    if !counts {
        let only = format!("functions `count` and `sum`, not with `{name}`");
        fields.only_with("decrement", &only, "no `decrement`, or another function");
        fields.only_with("floor", &only, "no `floor`, or another function");
    }
    for change in &changes {
        if !by_of(fields, change) {
            continue;
        }
        let pointer = format!("{}/by", fields.pointer_to(change));
        if !counts {
            let message = format!("`by` goes only with functions `count` and `sum`, not with `{name}`");
            fields.report(ProblemCode::Conflict, pointer, message, "no `by`, or another function");
        } else if is_set {
            let message = "`by` does not go with `entityPath`: an entity is in the set or not";
            fields.report(ProblemCode::Conflict, pointer, message, "one of them");
        }
    }
    if is_set && !matches!(function, Function::Count | Function::Distinct) {
        let message = format!(
            "`entityPath` does not go with function `{name}`: the value is how many entities there are"
        );
        fields.conflict("entityPath", message, "function `count`, or no `entityPath`");
    }
    // A sum whose changes all say by how much looks at no path.
    let says_by = function == Function::Sum
        && fields.has("increment")
        && changes.iter().all(|change| by_of(fields, change));
    if function != Function::Count && !is_set && !says_by && !fields.has("jsonPath") {
        fields.missing("jsonPath", &format!("function `{name}`"));
    }
}

fn read_change(fields: &mut Fields<'_, '_>, scope: &mut Scope<'_>) -> Option<Change> {
    let condition = fields.condition("match", scope);
    let by = fields.value("by", read_by);
    Some(Change { condition: condition?, by })
}

fn read_by(pointer: &str, value: &Node) -> Read<By> {
    match value {
        Node::String(_) => values::path(pointer, value).map(By::Path),
        Node::Number(number) => {
            let amount = values::number(pointer, value)?;
            if amount < Amount::ZERO || Amount::contribution(number).is_none() {
                let message =
                    if amount < Amount::ZERO { "the number is negative" } else { "the number is too large" };
                let expected = "a number from 0 on and below 10^18";
                return Err(problem(ProblemCode::OutOfRange, pointer, message, expected));
            }
            Ok(By::Amount(amount))
        },
        other => Err(wrong_type(pointer, other, "a number that is not negative, or the path of one")),
    }
}

pub(super) fn write(members: &mut Members, aggregate: &Aggregate) {
    let mut inside = Members::default();
    inside.put_some("function", other(aggregate.function, Function::name));
    inside.put_some("jsonPath", aggregate.path.as_ref().map(print::path));
    // Where events also take away, both changes stand side by side.
    if aggregate.increment.by.is_some() || aggregate.decrement.is_some() {
        inside.put("increment", write_change(&aggregate.increment));
    } else {
        members.put("match", write_condition(&aggregate.increment.condition));
    }
    inside.put_some("decrement", aggregate.decrement.as_ref().map(write_change));
    inside.put_some("floor", aggregate.floor.map(number));
    inside.put_some("entityPath", aggregate.entity_path.as_ref().map(print::path));
    members.put_group("aggregate", inside);
    members.put_some("window", window::write(aggregate.window));
    members.put("threshold", limits::write(&aggregate.threshold));
}

fn write_change(change: &Change) -> Members {
    let mut members = Members::default();
    members.put("match", write_condition(&change.condition));
    members.put_some(
        "by",
        change.by.as_ref().map(|by| match by {
            By::Amount(amount) => number(*amount),
            By::Path(path) => print::path(path),
        }),
    );
    members
}

fn write_condition(stated: &Stated) -> serde_json::Value {
    stated.to_value()
}
