//! The text form of conditions: a parser by recursive descent, in time linear in the text.
//!
//! ```text
//! cond  = and { "||" and }           and = unary { "&&" unary }
//! unary = [ "!" ] ( "(" cond ")" | path | NAME ) | test
//! ```
//!
//! Logic is here; what a single test says is in `statement`. A path inside of a condition ends at the first blank outside
//! of its brackets.

mod hint;
mod statement;

use std::fmt;

use super::selection::Scope;
use super::{Condition, NESTING_MAX};
use crate::cursor::{Cursor, Place};
use crate::path::{Fault as PathFault, PathError};
use crate::problem::ProblemCode;

/// Words that mean something in the text form, so that no selection has them as its name.
pub(super) const KEYWORDS: [&str; 18] = [
    "any",
    "every",
    "none",
    "not",
    "in",
    "cidr",
    "contains",
    "startsWith",
    "endsWith",
    "regex",
    "exists",
    "missing",
    "empty",
    "notEmpty",
    "ignoreCase",
    "true",
    "false",
    "null",
];

/// The longest text of a condition, in bytes. A rule may have 64 KiB when it is posted, and print to somewhat more.
const TEXT_BYTES_MAX: usize = 256 * 1024;

/// Why a text is no condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConditionError {
    /// Which kind of problem.
    pub code: ProblemCode,
    /// Where in the text.
    pub place: Place,
    /// What is wrong, in lower case and without a full stop.
    pub message: String,
    /// What was expected there, or what to do.
    pub expected: String,
}

impl fmt::Display for ConditionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { line, column } = self.place;
        write!(f, "line {line} column {column}: {}; expected {}", self.message, self.expected)
    }
}

impl std::error::Error for ConditionError {}

/// Reads a condition; `scope` has the selections that it may name.
pub(crate) fn parse(text: &str, scope: &mut Scope<'_>) -> Result<Condition, ConditionError> {
    let mut parser = Parser { cursor: Cursor::new(text), depth: 0, scope };
    parser.whole().map_err(|fault| ConditionError {
        code: fault.code,
        place: Place::of(text, fault.at),
        message: fault.message,
        expected: fault.expected,
    })
}

struct Parser<'a, 's, 'n> {
    cursor: Cursor<'a>,
    /// How many groups are open.
    depth: usize,
    scope: &'s mut Scope<'n>,
}

/// What is wrong, and at which byte.
#[derive(Debug)]
struct Fault {
    at: usize,
    code: ProblemCode,
    message: String,
    expected: String,
}

type Read<T> = Result<T, Fault>;

impl Fault {
    fn new(at: usize, code: ProblemCode, message: String, expected: &str) -> Self {
        Self { at, code, message, expected: expected.to_owned() }
    }

    fn limit(at: usize, what: &str, found: usize, limit: usize) -> Self {
        Self::new(at, ProblemCode::LimitPassed, format!("{what} is {found}"), &format!("at most {limit}"))
    }
}

impl From<PathFault> for Fault {
    fn from(PathFault { at, error }: PathFault) -> Self {
        let (code, expected) = path_advice(&error);
        Self::new(at, code, error.to_string(), expected)
    }
}

/// The kind of problem that a faulty path is, and what to do about it.
pub(crate) fn path_advice(error: &PathError) -> (ProblemCode, &'static str) {
    match error {
        PathError::Syntax(_) => {
            (ProblemCode::BadPath, "an RFC 9535 path such as $.acl[?(@.scope == 'anyone')]")
        },
        PathError::Limit { .. } => (ProblemCode::LimitPassed, "a path within the limits of docs/rules.md"),
        PathError::RootInFilter => (ProblemCode::BadPath, "filters that start at `@`"),
        PathError::PatternNotLiteral => (ProblemCode::BadPath, "a literal such as match(@.name, 'a.*')"),
        PathError::Pattern(_) => (
            ProblemCode::BadPattern,
            "a regular expression in the syntax of RE2: no look-around, no back references",
        ),
    }
}

impl<'a> Parser<'a, '_, '_> {
    fn whole(&mut self) -> Read<Condition> {
        let length = self.cursor.rest().len();
        if length > TEXT_BYTES_MAX {
            return Err(Fault::limit(0, "the length in bytes", length, TEXT_BYTES_MAX));
        }
        let condition = self.alternatives()?;
        if !self.cursor.is_done() {
            return Err(self.unexpected_behind("`&&`, `||` or the end"));
        }
        let nesting = condition.nesting();
        if nesting > NESTING_MAX {
            return Err(Fault::limit(0, "the nesting of groups", nesting, NESTING_MAX));
        }
        Ok(condition)
    }

    /// Alternatives between `||`, each of parts between `&&`, with the blanks around them.
    fn alternatives(&mut self) -> Read<Condition> {
        let mut alternatives = Vec::new();
        loop {
            let mut parts = Vec::new();
            loop {
                parts.push(self.unary()?);
                self.cursor.skip_blanks();
                if !self.cursor.eat("&&") {
                    break;
                }
            }
            alternatives.push(Condition::all(parts));
            if !self.cursor.eat("||") {
                return Ok(Condition::any(alternatives));
            }
        }
    }

    fn unary(&mut self) -> Read<Condition> {
        self.cursor.skip_blanks();
        match self.cursor.peek() {
            b'!' => self.negated(),
            b'(' => self.group(),
            b'$' => self.statement(None),
            byte if byte.is_ascii_alphabetic() || byte == b'_' => self.word(),
            _ => Err(self.unexpected("a path such as $.a, the name of a selection, `!` or `(`")),
        }
    }

    fn negated(&mut self) -> Read<Condition> {
        let at = self.cursor.at();
        self.cursor.eat("!");
        self.cursor.skip_blanks();
        let inner = match self.cursor.peek() {
            b'(' => self.group()?,
            b'$' => self.bare_path(at)?,
            byte if byte.is_ascii_alphabetic() || byte == b'_' => self.name()?,
            _ => return Err(self.unexpected("`(`, a path or the name of a selection behind `!`")),
        };
        Ok(Condition::Not(Box::new(inner)))
    }

    fn group(&mut self) -> Read<Condition> {
        let at = self.cursor.at();
        self.cursor.eat("(");
        self.depth += 1;
        if self.depth > NESTING_MAX {
            return Err(Fault::limit(at, "the nesting of groups", self.depth, NESTING_MAX));
        }
        let inner = self.alternatives()?;
        if !self.cursor.eat(")") {
            return Err(self.unexpected_behind("`&&`, `||` or `)`"));
        }
        self.depth -= 1;
        Ok(inner)
    }

    /// A quantifier before a test, or the name of a selection.
    fn word(&mut self) -> Read<Condition> {
        let start = self.cursor.at();
        let word = self.eat_word();
        let quantifier = super::Quantifier::NAMES.into_iter().find(|(name, _)| *name == word);
        let Some((_, quantifier)) = quantifier else {
            self.cursor.return_to(start);
            return self.name();
        };
        self.cursor.skip_blanks();
        if self.cursor.peek() != b'$' {
            return Err(self.unexpected(&format!("a path behind `{word}`")));
        }
        self.statement(Some((quantifier, start)))
    }

    /// The name of a selection, with nothing compared to it.
    fn name(&mut self) -> Read<Condition> {
        let at = self.cursor.at();
        let word = self.eat_word();
        let known = self.scope.has(word);
        if let Some(expected) = hint::not_a_name(word).filter(|_| !known) {
            return Err(Fault::new(at, ProblemCode::BadCondition, format!("found `{word}`"), &expected));
        }
        if self.operator_follows() {
            let message = format!("`{word}` is not a path");
            return Err(Fault::new(
                at,
                ProblemCode::BadCondition,
                message,
                &format!("a path, as in $.{word}"),
            ));
        }
        let selection = self.scope.selection(word);
        selection
            .map(Condition::Selection)
            .map_err(|(message, expected)| Fault::new(at, ProblemCode::UnknownSelection, message, &expected))
    }

    /// Letters, digits and `_`.
    fn eat_word(&mut self) -> &'a str {
        self.cursor.eat_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    }

    /// The word that comes next, which is not passed.
    fn peek_word(&self) -> String {
        self.cursor.clone().eat_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_').to_owned()
    }

    /// A fault at the cursor's place.
    fn unexpected(&self, expected: &str) -> Fault {
        let word = self.peek_word();
        let found = if word.is_empty() { self.cursor.found() } else { format!("`{word}`") };
        Fault::new(self.cursor.at(), ProblemCode::BadCondition, format!("found {found}"), expected)
    }

    /// A fault behind a complete condition, with the operator that was probably meant.
    fn unexpected_behind(&self, expected: &str) -> Fault {
        let word = self.peek_word();
        match hint::instead_of_operator(self.cursor.rest(), &word) {
            Some(hint) => self.unexpected(&hint),
            None => self.unexpected(expected),
        }
    }
}

#[cfg(test)]
mod tests;
