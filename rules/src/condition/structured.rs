//! The structured form of conditions, read from JSON: every problem at once, each with a JSON pointer.

mod leaf;

use super::selection::Scope;
use super::text;
use super::{Condition, NESTING_MAX};
use crate::document::{Node, Object};
use crate::problem::{Problem, ProblemCode, escape};

/// After so many problems, those of further conditions are not looked for.
const PROBLEMS_MAX: usize = 100;
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
        if self.problems.len() >= PROBLEMS_MAX {
            return None;
        }
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
        let group = ["all", "any", "not"].into_iter().find_map(|name| Some((name, members.get(name)?)));
        let Some((name, inner)) = group else {
            return self.leaf(members, pointer);
        };
        if depth >= NESTING_MAX {
            self.problems.push(too_deep(pointer, depth + 1));
            return None;
        }
        let others: Vec<_> = members.iter().map(|(other, _)| other).filter(|other| *other != name).collect();
        for other in &others {
            let expected = format!("`{name}` alone; nest conditions to combine them");
            self.report(ProblemCode::UnknownField, &below(pointer, other), "unknown field", expected);
        }
        let pointer = below(pointer, name);
        let read = if name == "not" {
            self.condition(inner, &pointer, depth + 1).map(|inner| Condition::Not(Box::new(inner)))
        } else {
            let parts = self.parts(inner, &pointer, depth + 1)?;
            Some(if name == "all" { Condition::all(parts) } else { Condition::any(parts) })
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
            self.report(ProblemCode::OutOfRange, pointer, "the array is empty", "one condition or more");
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
