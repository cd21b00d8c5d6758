//! Conditions printed: as text with no more parentheses than it needs, and as JSON. Both read back to the same condition.

use std::fmt::{self, Display, Write};

use serde_json::{Map, Value};

use super::op::Takes;
use super::{Condition, Form, Measure, Op, Stated, Test};
use crate::document::Node;

impl Stated {
    /// The condition as JSON, in the form in which it was posted.
    pub fn to_value(&self) -> Value {
        match self.form {
            Form::Structured => self.condition.to_value(),
            // The original form has no value of its own; its caller writes the path.
            Form::Text | Form::Original => {
                self.condition.to_text().map_or_else(|| self.condition.to_value(), Value::from)
            },
        }
    }
}

impl Condition {
    /// The text form; nothing if a value is compared with an array or object, which only JSON can say.
    pub fn to_text(&self) -> Option<String> {
        self.has_text().then(|| Text(self, Strength::Or).to_string())
    }

    fn has_text(&self) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().all(Self::has_text),
            Self::Not(inner) => inner.has_text(),
            Self::Test(test) => {
                test.values().iter().all(|value| !matches!(value, Node::Array(_) | Node::Object(_)))
            },
            Self::Selection(_) => true,
        }
    }

    /// The structured form. A name, and a number that `serde_json` cannot hold, are text in it.
    pub fn to_value(&self) -> Value {
        let group = |name: &str, value: Value| Value::Object(Map::from_iter([(name.to_owned(), value)]));
        match self {
            Self::All(parts) => group("all", parts.iter().map(Self::to_value).collect()),
            Self::Any(parts) => group("any", parts.iter().map(Self::to_value).collect()),
            Self::Not(inner) => group("not", inner.to_value()),
            Self::Selection(name) => name.as_str().into(),
            Self::Test(test) => test.to_value().unwrap_or_else(|| test.to_string().into()),
        }
    }
}

/// How strongly what stands around binds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Strength {
    Or,
    And,
    Not,
}

struct Text<'a>(&'a Condition, Strength);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (parts, sign, own) = match self.0 {
            Condition::All(parts) => (parts, " && ", Strength::And),
            Condition::Any(parts) => (parts, " || ", Strength::Or),
            Condition::Not(inner) => {
                let bare = match &**inner {
                    Condition::Test(test) => test.op() == Op::Exists,
                    Condition::Selection(_) => true,
                    Condition::All(_) | Condition::Any(_) | Condition::Not(_) => false,
                };
                let inner = Text(inner, Strength::Or);
                return if bare { write!(f, "!{inner}") } else { write!(f, "!({inner})") };
            },
            Condition::Test(test) => return write!(f, "{test}"),
            Condition::Selection(name) => return write!(f, "{name}"),
        };
        let grouped = self.1 > own;
        f.write_str(if grouped { "(" } else { "" })?;
        for (index, part) in parts.iter().enumerate() {
            let inside = if own == Strength::And { Strength::Not } else { Strength::And };
            write!(f, "{}{}", if index == 0 { "" } else { sign }, Text(part, inside))?;
        }
        f.write_str(if grouped { ")" } else { "" })
    }
}

/// The text form of a test. A comparison with an array or object is printed too, but does not read back.
impl Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let op = self.op();
        if op.takes_quantifier() && self.quantifier() != op.default_quantifier() {
            write!(f, "{} ", self.quantifier().name())?;
        }
        write!(f, "{}", self.full_path())?;
        let sign = match op {
            Op::Exists => return Ok(()),
            Op::Eq => "==",
            Op::Ne => "!=",
            Op::Gt => ">",
            Op::Gte => ">=",
            Op::Lt => "<",
            Op::Lte => "<=",
            Op::NotIn => "not in",
            Op::Cidr => "in cidr",
            Op::In
            | Op::Missing
            | Op::Empty
            | Op::NotEmpty
            | Op::Contains
            | Op::StartsWith
            | Op::EndsWith
            | Op::Regex => op.name(),
        };
        write!(f, " {sign}")?;
        match self.values() {
            [] => {},
            [only] if !matches!(op, Op::In | Op::NotIn) => write!(f, " {only}")?,
            values => {
                for (index, value) in values.iter().enumerate() {
                    write!(f, "{}{value}", if index == 0 { " [" } else { ", " })?;
                }
                f.write_char(']')?;
            },
        }
        f.write_str(if self.ignores_case() { " ignoreCase" } else { "" })
    }
}

impl Test {
    /// The path with its measure.
    pub(crate) fn full_path(&self) -> String {
        let measure = match self.measure() {
            Measure::Value => "",
            Measure::Length => ".length()",
            Measure::MemberOrLength => ".length",
        };
        format!("{}{measure}", self.path().text())
    }

    /// The structured form; nothing if `serde_json` cannot hold a number.
    fn to_value(&self) -> Option<Value> {
        let mut members = Map::new();
        let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
        put("jsonPath", self.full_path().into());
        put("op", self.op().name().into());
        let values: Vec<Value> = self.values().iter().map(Node::to_value).collect::<Option<_>>()?;
        let listed = matches!(self.op(), Op::In | Op::NotIn) || values.len() > 1;
        match (self.op().takes(), listed) {
            (Takes::Nothing, _) => None,
            (_, true) => put("values", values.into()),
            (_, false) => put("value", values.into_iter().next()?),
        };
        if self.ignores_case() {
            put("ignoreCase", true.into());
        }
        if self.op().takes_quantifier() && self.quantifier() != self.op().default_quantifier() {
            put("quantifier", self.quantifier().name().into());
        }
        Some(Value::Object(members))
    }
}
