//! The structured form of conditions, read from JSON: every problem at once, each with a JSON pointer.

use super::selection::Scope;
use super::test::{Op, Part, Quantifier, Refused, Takes, Test, Written};
use super::text::{self, path_advice};
use super::{Condition, NESTING_MAX};
use crate::document::{Node, Object};
use crate::path::Path;
use crate::problem::{Problem, ProblemCode, escape};

const LEAF_FIELDS: [&str; 6] = ["jsonPath", "op", "value", "values", "ignoreCase", "quantifier"];
const FORMS: &str = "text, {\"all\": [..]}, {\"any\": [..]}, {\"not\": ..} or {\"jsonPath\": .., \"op\": ..}";

/// Reads a condition in either form: a string is text, an object is structured. Problems are added to the list.
pub(crate) fn read(
    node: &Node,
    pointer: &str,
    scope: &mut Scope<'_>,
    problems: &mut Vec<Problem>,
) -> Option<Condition> {
    let before = problems.len();
    let condition = Reader { scope, problems }.condition(node, pointer, 0)?;
    if condition.nesting() > NESTING_MAX && problems.len() == before {
        problems.push(too_deep(pointer, condition.nesting()));
        return None;
    }
    Some(condition)
}

struct Reader<'r, 's> {
    scope: &'r mut Scope<'s>,
    problems: &'r mut Vec<Problem>,
}

impl Reader<'_, '_> {
    fn report(
        &mut self,
        code: ProblemCode,
        pointer: &str,
        message: impl Into<String>,
        expected: impl Into<String>,
    ) {
        self.problems.push(Problem {
            code,
            pointer: pointer.to_owned(),
            place: None,
            message: message.into(),
            expected: expected.into(),
        });
    }

    fn condition(&mut self, node: &Node, pointer: &str, depth: usize) -> Option<Condition> {
        match node {
            Node::String(text) => self.text(text, pointer),
            Node::Object(members) => self.object(members, pointer, depth),
            Node::Null | Node::Bool(_) | Node::Number(_) | Node::Array(_) => {
                self.report(
                    ProblemCode::WrongType,
                    pointer,
                    format!("this is {}", node.kind()),
                    format!("a condition: {FORMS}"),
                );
                None
            },
        }
    }

    fn text(&mut self, text: &str, pointer: &str) -> Option<Condition> {
        let read = text::parse(text, self.scope);
        read.map_err(|error| {
            self.problems.push(Problem {
                code: error.code,
                pointer: pointer.to_owned(),
                place: Some((error.place.line, error.place.column)),
                message: error.message,
                expected: error.expected,
            });
        })
        .ok()
    }

    fn object(&mut self, members: &Object, pointer: &str, depth: usize) -> Option<Condition> {
        let group = ["all", "any", "not"]
            .into_iter()
            .find_map(|name| Some((name, members.get(name)?)));
        let Some((name, inner)) = group else {
            return self.leaf(members, pointer);
        };
        if depth >= NESTING_MAX {
            self.problems.push(too_deep(pointer, depth + 1));
            return None;
        }
        let others: Vec<_> = members
            .iter()
            .map(|(other, _)| other)
            .filter(|other| *other != name)
            .collect();
        for other in &others {
            let expected = format!("`{name}` alone; nest conditions to combine them");
            self.report(
                ProblemCode::UnknownField,
                &below(pointer, other),
                "unknown field",
                expected,
            );
        }
        let pointer = below(pointer, name);
        let read = if name == "not" {
            self.condition(inner, &pointer, depth + 1)
                .map(|inner| Condition::Not(Box::new(inner)))
        } else {
            let parts = self.parts(inner, &pointer, depth + 1)?;
            Some(if name == "all" {
                Condition::all(parts)
            } else {
                Condition::any(parts)
            })
        };
        read.filter(|_| others.is_empty())
    }

    fn parts(&mut self, node: &Node, pointer: &str, depth: usize) -> Option<Vec<Condition>> {
        let Node::Array(elements) = node else {
            self.report(
                ProblemCode::WrongType,
                pointer,
                format!("this is {}", node.kind()),
                "an array of conditions",
            );
            return None;
        };
        if elements.is_empty() {
            self.report(
                ProblemCode::OutOfRange,
                pointer,
                "the array is empty",
                "one condition or more",
            );
            return None;
        }
        // Every element is read before the first fault counts, so that all of them are reported.
        let read: Vec<_> = elements
            .iter()
            .enumerate()
            .map(|(index, element)| self.condition(element, &format!("{pointer}/{index}"), depth))
            .collect();
        read.into_iter().collect()
    }

    fn leaf(&mut self, members: &Object, pointer: &str) -> Option<Condition> {
        let before = self.problems.len();
        if members.get("jsonPath").is_none() && members.get("op").is_none() {
            self.report(
                ProblemCode::MissingField,
                pointer,
                "this object is no condition",
                FORMS,
            );
            return None;
        }
        for (name, _) in members.iter().filter(|(name, _)| !LEAF_FIELDS.contains(name)) {
            let expected = format!("a field of a test: {}", LEAF_FIELDS.join(", "));
            self.report(
                ProblemCode::UnknownField,
                &below(pointer, name),
                "unknown field",
                expected,
            );
        }
        let path = self.required(members, "jsonPath", pointer, Self::path);
        let op = self.required(members, "op", pointer, Self::op);
        let ignore_case = self
            .optional(members, "ignoreCase", pointer, Self::boolean)
            .unwrap_or(false);
        let quantifier = self.optional(members, "quantifier", pointer, Self::quantifier);
        let values = op.and_then(|op| self.values(members, op, pointer));
        let (Some((path, length)), Some(op), Some(values)) = (path, op, values) else {
            return None;
        };
        if self.problems.len() > before {
            return None;
        }
        let written = Written {
            path,
            length,
            quantifier,
            op,
            values,
            ignore_case,
        };
        let made = Test::new(written, self.scope);
        made.map_err(|refused| self.refused(&refused, members, pointer))
            .ok()
            .map(|test| Condition::Test(Box::new(test)))
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
            self.report(
                ProblemCode::MissingField,
                pointer,
                message,
                format!("`{name}`, which a test needs"),
            );
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
        let (shorter, length) = text
            .trim_end()
            .strip_suffix(".length()")
            .map_or((text, false), |shorter| (shorter, true));
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
            self.report(
                ProblemCode::OutOfRange,
                pointer,
                "no such operator",
                format!("one of {names}"),
            );
        }
        found.map(|(_, op)| op)
    }

    fn quantifier(&mut self, node: &Node, pointer: &str) -> Option<Quantifier> {
        let name = self.string(node, pointer)?;
        let found = Quantifier::NAMES.into_iter().find(|(own, _)| *own == name);
        if found.is_none() {
            self.report(
                ProblemCode::OutOfRange,
                pointer,
                "no such quantifier",
                "any, every or none",
            );
        }
        found.map(|(_, quantifier)| quantifier)
    }

    fn boolean(&mut self, node: &Node, pointer: &str) -> Option<bool> {
        if let Node::Bool(value) = node {
            return Some(*value);
        }
        self.report(
            ProblemCode::WrongType,
            pointer,
            format!("this is {}", node.kind()),
            "true or false",
        );
        None
    }

    fn string<'n>(&mut self, node: &'n Node, pointer: &str) -> Option<&'n str> {
        let text = node.as_str();
        if text.is_none() {
            self.report(
                ProblemCode::WrongType,
                pointer,
                format!("this is {}", node.kind()),
                "a string",
            );
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

/// The pointer to a member of the object at `pointer`.
fn below(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", escape(name))
}

fn too_deep(pointer: &str, found: usize) -> Problem {
    Problem {
        code: ProblemCode::LimitPassed,
        pointer: pointer.to_owned(),
        place: None,
        message: format!("the nesting of groups is {found}"),
        expected: format!("at most {NESTING_MAX}"),
    }
}

#[cfg(test)]
mod tests;
