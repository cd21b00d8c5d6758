//! What is wrong with a rule that somebody posted: every problem at once, each with its place and the way out.

use std::fmt;

/// A stable code of one kind of problem; `docs/errors.md` has an entry for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProblemCode {
    /// The text is not JSON.
    NotJson,
    /// A field that rules do not have.
    UnknownField,
    /// A field that this form of rule needs is absent.
    MissingField,
    /// A field holds a value of another type than its own.
    WrongType,
    /// A value of the right type outside of its range or set.
    OutOfRange,
    /// A JSONPath expression that cannot be parsed or is not supported.
    BadPath,
    /// A limit on size or nesting is passed.
    LimitPassed,
    /// The control record's key does not name the rule that its value holds.
    KeyMismatch,
    /// The text of a condition that cannot be parsed.
    BadCondition,
    /// A test's operator does not go with its values, its quantifier or `ignoreCase`.
    BadOperand,
    /// A regular expression or a network that cannot be read, or is too costly.
    BadPattern,
    /// A condition names a selection that the rule does not have.
    UnknownSelection,
    /// A selection's name is none.
    BadSelectionName,
    /// Fields that are sound by themselves and do not go together.
    Conflict,
}

impl ProblemCode {
    /// Every code, for tables and tests.
    pub const ALL: [Self; 14] = [
        Self::NotJson,
        Self::UnknownField,
        Self::MissingField,
        Self::WrongType,
        Self::OutOfRange,
        Self::BadPath,
        Self::LimitPassed,
        Self::KeyMismatch,
        Self::BadCondition,
        Self::BadOperand,
        Self::BadPattern,
        Self::UnknownSelection,
        Self::BadSelectionName,
        Self::Conflict,
    ];

    /// The code as it is written, for instance `TOC-1002`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotJson => "TOC-1001",
            Self::UnknownField => "TOC-1002",
            Self::MissingField => "TOC-1003",
            Self::WrongType => "TOC-1004",
            Self::OutOfRange => "TOC-1005",
            Self::BadPath => "TOC-1006",
            Self::LimitPassed => "TOC-1007",
            Self::KeyMismatch => "TOC-1008",
            Self::BadCondition => "TOC-1009",
            Self::BadOperand => "TOC-1010",
            Self::BadPattern => "TOC-1011",
            Self::UnknownSelection => "TOC-1012",
            Self::BadSelectionName => "TOC-1013",
            Self::Conflict => "TOC-1014",
        }
    }
}

/// One thing wrong with a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which kind of problem.
    pub code: ProblemCode,
    /// JSON pointer (RFC 6901) to the place in the posted document; empty for the document itself.
    pub pointer: String,
    /// Line and column, both from 1, where text could not be read: the posted document, or the string at `pointer`.
    pub place: Option<(usize, usize)>,
    /// What is wrong, in lower case and without a full stop.
    pub message: String,
    /// What was expected there, or what to do.
    pub expected: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.code.code())?;
        match (self.place, self.pointer.as_str()) {
            (Some((line, column)), "") => write!(f, "at line {line} column {column}: ")?,
            (Some((line, column)), pointer) => write!(f, "at {pointer}, line {line} column {column}: ")?,
            (None, "") => {},
            (None, pointer) => write!(f, "at {pointer}: ")?,
        }
        write!(f, "{}; expected {}", self.message, self.expected)
    }
}

/// All that is wrong with a rule; never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n"))]
pub struct Invalid {
    /// The problems: of each object unknown and missing fields first, then its fields one by one.
    pub problems: Vec<Problem>,
}

impl From<Problem> for Invalid {
    fn from(problem: Problem) -> Self {
        Self { problems: vec![problem] }
    }
}

/// Escapes a member's name for a JSON pointer (RFC 6901 §3).
pub(crate) fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_stable() {
        let codes: Vec<_> = ProblemCode::ALL.iter().map(|code| code.code()).collect();
        let expected: Vec<_> = (1001..=1014).map(|number| format!("TOC-{number}")).collect();
        assert_eq!(codes, expected);
    }
}
