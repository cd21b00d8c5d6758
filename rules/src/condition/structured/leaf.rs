//! One test of the structured form: `{"jsonPath", "op", "value" or "values", "ignoreCase", "quantifier"}`.

use std::sync::Arc;

use super::super::Condition;
use super::super::op::{Op, Quantifier, Takes};
use super::super::test::{Part, Refused, Test, Written};
use super::super::text::path_advice;
use super::{FORMS, Reader, below};
use crate::document::{Node, Object};
use crate::path::Path;
use crate::problem::ProblemCode;

const LEAF_FIELDS: [&str; 6] = ["jsonPath", "op", "value", "values", "ignoreCase", "quantifier"];

impl Reader<'_, '_> {
    pub(super) fn leaf(&mut self, members: &Object, pointer: &str) -> Option<Condition> {
        let before = self.problems.len();
        if members.get("jsonPath").is_none() && members.get("op").is_none() {
            self.report(ProblemCode::MissingField, pointer, "this object is no condition", FORMS);
            return None;
        }
        for (name, _) in members.iter().filter(|(name, _)| !LEAF_FIELDS.contains(name)) {
            let expected = format!("a field of a test: {}", LEAF_FIELDS.join(", "));
            self.report(ProblemCode::UnknownField, &below(pointer, name), "unknown field", expected);
        }
        let path = self.required(members, "jsonPath", pointer, Self::path);
        let op = self.required(members, "op", pointer, Self::op);
        let ignore_case = self.optional(members, "ignoreCase", pointer, Self::boolean).unwrap_or(false);
        let quantifier = self.optional(members, "quantifier", pointer, Self::quantifier);
        let values = op.and_then(|op| self.values(members, op, pointer));
        let (Some((path, length)), Some(op), Some(values)) = (path, op, values) else {
            return None;
        };
        if self.problems.len() > before {
            return None;
        }
        let written = Written { path, length, quantifier, op, values, ignore_case };
        let made = Test::new(written, self.scope);
        made.map_err(|refused| self.refused(&refused, members, pointer))
            .ok()
            .map(|test| Condition::Test(Arc::new(test)))
    }

    fn refused(&mut self, refused: &Refused, members: &Object, pointer: &str) {
        let pointer = match refused.part {
            Part::Whole => pointer.to_owned(),
            Part::Quantifier => below(pointer, "quantifier"),
            Part::IgnoreCase => below(pointer, "ignoreCase"),
            Part::Value(_) if members.get("value").is_some() => below(pointer, "value"),
            Part::Value(position) => format!("{}/{position}", below(pointer, "values")),
        };
        self.report(refused.code, &pointer, &refused.message, &refused.expected);
    }

    fn required<T>(
        &mut self,
        members: &Object,
        name: &str,
        pointer: &str,
        read: fn(&mut Self, &Node, &str) -> Option<T>,
    ) -> Option<T> {
        if members.get(name).is_none() {
            let message = format!("`{name}` is missing");
            self.report(ProblemCode::MissingField, pointer, message, format!("`{name}`, which a test needs"));
        }
        self.optional(members, name, pointer, read)
    }

    fn optional<T>(
        &mut self,
        members: &Object,
        name: &str,
        pointer: &str,
        read: fn(&mut Self, &Node, &str) -> Option<T>,
    ) -> Option<T> {
        read(self, members.get(name)?, &below(pointer, name))
    }

    fn path(&mut self, node: &Node, pointer: &str) -> Option<(Path, bool)> {
        let text = self.string(node, pointer)?;
        let (shorter, length) =
            text.strip_suffix(".length()").map_or((text, false), |shorter| (shorter, true));
        match Path::parse(shorter) {
            Ok(path) => Some((path, length)),
            Err(error) => {
                let (code, expected) = path_advice(&error);
                self.report(code, pointer, error.to_string(), expected);
                None
            },
        }
    }

    fn op(&mut self, node: &Node, pointer: &str) -> Option<Op> {
        let name = self.string(node, pointer)?;
        let found = Op::NAMES.into_iter().find(|(own, _)| *own == name);
        if found.is_none() {
            let names = Op::NAMES.map(|(name, _)| name).join(", ");
            self.report(ProblemCode::OutOfRange, pointer, "no such operator", format!("one of {names}"));
        }
        found.map(|(_, op)| op)
    }

    fn quantifier(&mut self, node: &Node, pointer: &str) -> Option<Quantifier> {
        let name = self.string(node, pointer)?;
        let found = Quantifier::NAMES.into_iter().find(|(own, _)| *own == name);
        if found.is_none() {
            self.report(ProblemCode::OutOfRange, pointer, "no such quantifier", "any, every or none");
        }
        found.map(|(_, quantifier)| quantifier)
    }

    fn boolean(&mut self, node: &Node, pointer: &str) -> Option<bool> {
        if let Node::Bool(value) = node {
            return Some(*value);
        }
        self.report(ProblemCode::WrongType, pointer, format!("this is {}", node.kind()), "true or false");
        None
    }

    fn string<'n>(&mut self, node: &'n Node, pointer: &str) -> Option<&'n str> {
        let text = node.as_str();
        if text.is_none() {
            self.report(ProblemCode::WrongType, pointer, format!("this is {}", node.kind()), "a string");
        }
        text
    }

    /// The values that the operator takes, from `value` or `values`.
    fn values(&mut self, members: &Object, op: Op, pointer: &str) -> Option<Vec<Node>> {
        let (value, values) = (members.get("value"), members.get("values"));
        let (one, several) = match op.takes() {
            Takes::Nothing => (false, false),
            Takes::Value | Takes::Ordered => (true, false),
            Takes::Scalars | Takes::Strings => (!matches!(op, Op::In | Op::NotIn), true),
        };
        let expected = match (one, several) {
            (false, false) => "neither `value` nor `values`",
            (true, false) => "`value`",
            (false, true) => "`values`, an array",
            (true, true) => "`value`, or `values`, an array",
        };
        match (value, values) {
            (None, None) if !one && !several => Some(Vec::new()),
            (Some(value), None) if one => Some(vec![value.clone()]),
            (None, Some(Node::Array(values))) if several => Some(values.clone()),
            (None, Some(other)) if several => {
                let pointer = below(pointer, "values");
                self.report(
                    ProblemCode::WrongType,
                    &pointer,
                    format!("this is {}", other.kind()),
                    "an array",
                );
                None
            },
            (value, values) => {
                let given = match (value, values) {
                    (Some(_), Some(_)) => "`value` and `values`",
                    (Some(_), None) => "`value`",
                    (None, Some(_)) => "`values`",
                    (None, None) => "no value",
                };
                self.report(
                    ProblemCode::BadOperand,
                    pointer,
                    format!("`{}` has {given}", op.name()),
                    expected,
                );
                None
            },
        }
    }
}
