//! The JSON forms of a rule: the original control message and the plain form. Reading reports every problem at once.
//!
//! An object with a top-level `jsonPath` is the original control message; anything else is the plain form. Each group of
//! fields has a file with its table of fields ([`form`]), its reader and its printer.

use serde_json::Value;

use crate::book::RuleVersion;
use crate::cursor::Place;
use crate::document::{Document, DocumentError, Node, Object};
use crate::id::AlertId;
use crate::problem::{Invalid, Problem, ProblemCode};
use crate::rule::Rule;
use fields::Fields;
use form::Form;
use values::{problem, wrong_type};

mod aggregate;
mod bootstrap;
mod fields;
mod form;
mod grouping;
mod limits;
mod original;
mod output;
mod pattern;
mod plain;
mod policy;
mod print;
mod schema;
mod scope;
mod selections;
mod suggest;
mod tests_field;
mod timing;
mod values;
mod window;

pub use schema::rule_schema;

/// The largest rule, in bytes of its JSON.
pub const RULE_BYTES_MAX: usize = 64 * 1024;

/// How deep a rule's JSON may nest: conditions nest 32 deep, with an object and an array each.
const RULE_DEPTH_MAX: usize = 100;
/// The same of a stored rule, whose texts may have become JSON.
const STORED_DEPTH_MAX: usize = 200;
/// Of more problems than this, only the first are told.
const PROBLEMS_MAX: usize = 100;

/// Reads a rule that somebody posted. `fresh_id` names the rule if the plain form does not.
///
/// # Errors
/// All problems of the document, each with a JSON pointer or with line and column.
pub fn read_rule(text: &[u8], fresh_id: Option<AlertId>) -> Result<(Rule, Option<RuleVersion>), Invalid> {
    if text.len() > RULE_BYTES_MAX {
        let message = format!("the rule has {} bytes", text.len());
        return Err(
            problem(ProblemCode::LimitPassed, "", message, format!("at most {RULE_BYTES_MAX}")).into()
        );
    }
    match document(text, RULE_DEPTH_MAX)? {
        Node::Object(members) if members.get("jsonPath").is_some() => Ok((original::read(&members)?, None)),
        Node::Object(members) => plain::read(&members, fresh_id),
        other => Err(wrong_type("", &other, "a rule: a JSON object").into()),
    }
}

/// Reads what [`write_rule`] wrote, now or in an earlier version.
pub(crate) fn read_stored(text: &str) -> Result<Rule, Invalid> {
    match document(text.as_bytes(), STORED_DEPTH_MAX)? {
        Node::Object(members) if members.get("jsonPath").is_some() => original::read_stored(&members),
        Node::Object(members) => Ok(plain::read(&members, None)?.0),
        other => Err(wrong_type("", &other, "a rule: a JSON object").into()),
    }
}

/// A rule in force as JSON: an original control message in its own form with the version, another rule in the plain one.
/// Both read back to the same rule.
pub fn write_rule(rule: &Rule, version: RuleVersion) -> Value {
    original::write(rule, version).unwrap_or_else(|| plain::write(rule, version))
}

/// Reads a whole document of a form; any problem refuses it.
fn complete<T>(
    form: &'static Form,
    members: &Object,
    read: impl FnOnce(&mut Fields<'_, '_>) -> Option<T>,
) -> Result<T, Invalid> {
    let mut problems = Vec::new();
    let read = read(&mut Fields::new(form, members, String::new(), &mut problems));
    problems.truncate(PROBLEMS_MAX);
    match read {
        Some(read) if problems.is_empty() => Ok(read),
        _ => Err(Invalid { problems }),
    }
}

fn document(text: &[u8], depth_max: usize) -> Result<Node, Problem> {
    let unreadable = |place: Place, expected: &str| Problem {
        place: Some((place.line, place.column)),
        ..problem(ProblemCode::NotJson, "", "the rule is not JSON that can be read", expected)
    };
    let text = std::str::from_utf8(text).map_err(|error| {
        let sound = text.get(..error.valid_up_to()).and_then(|sound| std::str::from_utf8(sound).ok());
        let sound = sound.unwrap_or_default();
        unreadable(Place::of(sound, sound.len()), "UTF-8")
    })?;
    match Document::parse(text, depth_max) {
        // A rule with another character than was meant would match other events than were meant.
        Ok(Document { replaced: Some(place), .. }) => {
            Err(unreadable(place, "both halves of a surrogate pair"))
        },
        Ok(document) => Ok(document.root),
        Err(DocumentError::Syntax { place, expected }) => Err(unreadable(place, expected)),
        Err(DocumentError::TooDeep { place, .. }) => {
            Err(unreadable(place, &format!("at most {depth_max} arrays and objects within each other")))
        },
    }
}

#[cfg(test)]
mod tests;
