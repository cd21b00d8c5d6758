//! Reads the fields of one JSON object and collects what is wrong with them, instead of stopping at the first fault.

use std::collections::BTreeMap;

use super::{parse_customer, parse_path, problem};
use crate::amount::Amount;
use crate::book::RuleVersion;
use crate::condition::{Form, Scope, SelectionName, Selections, Stated, Used, read_structured};
use crate::document::{Node, Object};
use crate::id::{AlertId, CustomerId};
use crate::path::Path;
use crate::problem::{Invalid, Problem, ProblemCode, escape};
use crate::rule::{Limits, Severity};

/// The longest name, description or label, in bytes.
const TEXT_BYTES_MAX: usize = 4096;
/// The most labels of one rule.
const LABELS_MAX: usize = 64;
/// The most selections of one rule.
const SELECTIONS_MAX: usize = 64;

/// What a field reader answers: the value, or what is wrong at this pointer.
type Read<T> = fn(&str, &Node) -> Result<T, Problem>;

pub(super) struct Fields<'a> {
    members: &'a Object,
    form: &'static str,
    problems: Vec<Problem>,
}

impl<'a> Fields<'a> {
    /// Starts on an object of which exactly these fields are known.
    pub(super) fn new(members: &'a Object, known: &[&str], form: &'static str) -> Self {
        let unknown = members.iter().map(|(name, _)| name).filter(|name| !known.contains(name));
        let problems = unknown.map(|name| unknown_field(name, known, form)).collect();
        Self { members, form, problems }
    }

    /// Reads a field that may be absent or `null`.
    pub(super) fn optional<T>(&mut self, name: &str, read: Read<T>) -> Option<T> {
        let value = self.members.get(name).filter(|value| !value.is_null())?;
        match read(&format!("/{name}"), value) {
            Ok(value) => Some(value),
            Err(problem) => {
                self.problems.push(problem);
                None
            },
        }
    }

    /// Reads a field that must be there.
    pub(super) fn required<T>(&mut self, name: &str, read: Read<T>) -> Option<T> {
        if self.members.get(name).is_none_or(Node::is_null) {
            let expected = format!("`{name}`, which {} needs", self.form);
            self.problems.push(problem(
                ProblemCode::MissingField,
                "",
                format!("`{name}` is missing"),
                expected,
            ));
            return None;
        }
        self.optional(name, read)
    }

    /// Reads a condition in either form, which must be there.
    pub(super) fn condition(&mut self, name: &str, scope: &mut Scope<'_>) -> Option<Stated> {
        let value = self.required(name, |_, value| Ok(value.clone()))?;
        stated(&value, &format!("/{name}"), scope, &mut self.problems)
    }

    /// Reads the conditions that have names: the sound ones, all names that others may refer to, and what they use up.
    pub(super) fn selections(&mut self, name: &str) -> (Selections, Vec<SelectionName>, Used) {
        let Some(members) = self.optional(name, Self::members) else {
            return Default::default();
        };
        let pointer = format!("/{name}");
        if members.len() > SELECTIONS_MAX {
            let message = format!("there are {} selections", members.len());
            let expected = format!("at most {SELECTIONS_MAX}");
            self.problems.push(problem(ProblemCode::LimitPassed, &pointer, message, expected));
            return Default::default();
        }
        let mut scope = Scope::new(&[]);
        scope.in_selection = true;
        let (mut selections, mut names) = (Selections::new(), Vec::new());
        for (name, value) in members.iter() {
            let pointer = format!("{pointer}/{}", escape(name));
            match SelectionName::new(name) {
                Some(name) => {
                    names.push(name.clone());
                    let read = stated(value, &pointer, &mut scope, &mut self.problems);
                    selections.extend(read.map(|stated| (name, stated)));
                },
                None => self.problems.push(problem(
                    ProblemCode::BadSelectionName,
                    &pointer,
                    "this is no name for a selection".to_owned(),
                    "a letter or `_`, then letters, digits and `_`, and no keyword of conditions".to_owned(),
                )),
            }
        }
        (selections, names, scope.used)
    }

    fn members(pointer: &str, value: &Node) -> Result<Object, Problem> {
        match value {
            Node::Object(members) => Ok(members.clone()),
            other => Err(wrong_type(pointer, other, "an object of conditions")),
        }
    }

    /// Ends the reading; any problem refuses the document.
    pub(super) fn finish(self) -> Result<(), Invalid> {
        if self.problems.is_empty() { Ok(()) } else { Err(Invalid { problems: self.problems }) }
    }

    pub(super) fn text(pointer: &str, value: &Node) -> Result<String, Problem> {
        let text = string(pointer, value)?;
        if text.len() > TEXT_BYTES_MAX {
            let message = format!("the text has {} bytes", text.len());
            return Err(problem(
                ProblemCode::LimitPassed,
                pointer,
                message,
                format!("at most {TEXT_BYTES_MAX}"),
            ));
        }
        Ok(text.to_owned())
    }

    pub(super) fn customer(pointer: &str, value: &Node) -> Result<CustomerId, Problem> {
        parse_customer(pointer, string(pointer, value)?)
    }

    pub(super) fn alert(pointer: &str, value: &Node) -> Result<AlertId, Problem> {
        string(pointer, value)?.parse().map_err(|error: crate::id::IdError| {
            problem(ProblemCode::OutOfRange, pointer, error.to_string(), "the rule's UUID".to_owned())
        })
    }

    pub(super) fn path(pointer: &str, value: &Node) -> Result<Path, Problem> {
        parse_path(pointer, string(pointer, value)?)
    }

    pub(super) fn integer(pointer: &str, value: &Node) -> Result<i64, Problem> {
        integer(value).ok_or_else(|| wrong_type(pointer, value, "an integer of 64 bits"))
    }

    pub(super) fn version(pointer: &str, value: &Node) -> Result<RuleVersion, Problem> {
        let version = integer(value).and_then(|version| u32::try_from(version).ok());
        version
            .map(RuleVersion)
            .ok_or_else(|| wrong_type(pointer, value, "a version: 0 for `no rule yet`, or the last one seen"))
    }

    pub(super) fn severity(pointer: &str, value: &Node) -> Result<Severity, Problem> {
        let name = string(pointer, value)?;
        Severity::from_name(name).ok_or_else(|| {
            let names: Vec<_> = Severity::ALL.iter().map(|severity| severity.name()).collect();
            let names = names.join(", ");
            problem(
                ProblemCode::OutOfRange,
                pointer,
                "no such severity".to_owned(),
                format!("one of {names}"),
            )
        })
    }

    pub(super) fn threshold(pointer: &str, value: &Node) -> Result<Limits, Problem> {
        let expected = "an integer, or an object {\"gte\": integer}";
        let gte = match value {
            Node::Object(limits) if limits.len() == 1 => limits.get("gte").and_then(integer),
            other => integer(other),
        };
        gte.map(|gte| Limits::at_least(Amount::from(gte))).ok_or_else(|| wrong_type(pointer, value, expected))
    }

    pub(super) fn labels(pointer: &str, value: &Node) -> Result<BTreeMap<String, String>, Problem> {
        let Node::Object(members) = value else {
            return Err(wrong_type(pointer, value, "an object of strings"));
        };
        if members.len() > LABELS_MAX {
            let message = format!("there are {} labels", members.len());
            return Err(problem(ProblemCode::LimitPassed, pointer, message, format!("at most {LABELS_MAX}")));
        }
        let read = |(name, value): (&str, &Node)| {
            Ok((name.to_owned(), Self::text(&format!("{pointer}/{}", escape(name)), value)?))
        };
        members.iter().map(read).collect()
    }
}

/// The integer of 64 bits, if the value is one.
fn integer(value: &Node) -> Option<i64> {
    value.as_number()?.as_i64()
}

fn stated(value: &Node, pointer: &str, scope: &mut Scope<'_>, problems: &mut Vec<Problem>) -> Option<Stated> {
    let form = if value.as_str().is_some() { Form::Text } else { Form::Structured };
    read_structured(value, pointer, scope, problems).map(|condition| Stated { condition, form })
}

fn string<'a>(pointer: &str, value: &'a Node) -> Result<&'a str, Problem> {
    value.as_str().ok_or_else(|| wrong_type(pointer, value, "a string"))
}

fn wrong_type(pointer: &str, value: &Node, expected: &str) -> Problem {
    problem(ProblemCode::WrongType, pointer, format!("this is {}", value.kind()), expected.to_owned())
}

fn unknown_field(name: &str, known: &[&str], form: &str) -> Problem {
    let expected = match known.iter().min_by_key(|candidate| distance(name, candidate)) {
        Some(nearest) if distance(name, nearest) <= 3 => {
            format!("a field of {form}; did you mean `{nearest}`?")
        },
        _ => format!("a field of {form}: {}", known.join(", ")),
    };
    problem(ProblemCode::UnknownField, &format!("/{}", escape(name)), "unknown field".to_owned(), expected)
}

/// Levenshtein distance without regard to case; names are short, and longer ones are not looked at.
fn distance(left: &str, right: &str) -> usize {
    if left.len() > 64 {
        return usize::MAX;
    }
    let right: Vec<char> = right.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.to_lowercase().chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let substituted = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}
