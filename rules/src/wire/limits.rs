//! Limits: an object of one or two comparisons. A threshold may also be an integer, which means `gte`.

use serde_json::Value;

use super::fields::{Fields, object};
use super::form::{Field, Form, Kind};
use super::print::{Members, number};
use super::values::{integer, wrong_type};
use crate::amount::Amount;
use crate::document::Node;
use crate::problem::{Problem, ProblemCode};
use crate::rule::{Comparator, Limits};

pub(super) const GT: Field = Field::new("gt", Kind::Number, "The value is greater.");
pub(super) const GTE: Field = Field::new("gte", Kind::Number, "The value is greater or equal.");
pub(super) const LT: Field = Field::new("lt", Kind::Number, "The value is less.");
pub(super) const LTE: Field = Field::new("lte", Kind::Number, "The value is less or equal.");
pub(super) const EQ: Field = Field::new("eq", Kind::Number, "The value is equal.");
pub(super) const NE: Field = Field::new("ne", Kind::Number, "The value is not equal.");

/// One or two comparisons, which must both hold.
pub(super) static LIMITS: Form = Form { name: "limits", fields: &[GT, GTE, LT, LTE, EQ, NE] };

/// Reads an object of comparisons alone.
pub(super) fn read(fields: &mut Fields<'_, '_>) -> Option<Limits> {
    if !any_given(fields) {
        let names = Comparator::ALL.map(Comparator::name).join(", ");
        let expected = format!("one or two of {names}");
        fields.refuse(ProblemCode::OutOfRange, "there is no comparison", expected);
    }
    comparisons(fields)
}

/// Reads the comparisons among the fields; nothing if there are none.
pub(super) fn comparisons(fields: &mut Fields<'_, '_>) -> Option<Limits> {
    let given = Comparator::ALL.into_iter().filter(|comparator| fields.has(comparator.name())).count();
    if given > 2 {
        let message = format!("there are {given} comparisons");
        fields.refuse(ProblemCode::OutOfRange, message, "one or two; both must hold");
    }
    let read = Comparator::ALL.into_iter();
    let read: Vec<_> = read.filter_map(|each| Some((each, fields.number(each.name())?))).collect();
    if read.len() == given { Limits::new(read) } else { None }
}

/// Whether there is any comparison among the fields.
pub(super) fn any_given(fields: &Fields<'_, '_>) -> bool {
    Comparator::ALL.into_iter().any(|comparator| fields.has(comparator.name()))
}

/// Reads limits, or an integer.
pub(super) fn read_threshold(value: &Node, pointer: String, problems: &mut Vec<Problem>) -> Option<Limits> {
    match value {
        Node::Object(_) => object(&LIMITS, value, pointer, problems, read),
        Node::Number(_) => integer(&pointer, value)
            .map(|bound| Limits::at_least(Amount::from(bound)))
            .map_err(|mut problem| {
                "an integer of 64 bits, or an object as {\"gt\": 1.5}".clone_into(&mut problem.expected);
                problems.push(problem);
            })
            .ok(),
        other => {
            problems.push(wrong_type(&pointer, other, "an integer, or an object as {\"gte\": 3}"));
            None
        },
    }
}

/// The comparisons as members of an object.
pub(super) fn write_into(members: &mut Members, limits: &Limits) {
    for (comparator, bound) in limits.iter() {
        members.put(comparator.name(), number(bound));
    }
}

pub(super) fn write(limits: &Limits) -> Value {
    let mut members = Members::default();
    write_into(&mut members, limits);
    members.into()
}
