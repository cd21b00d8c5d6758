//! A single statement about the nodes at a path, checked when it is made.

use regex::Regex;

use super::fold;
use super::network::Network;
use super::op::{Measure, Op, Quantifier, Takes};
use super::selection::Scope;
use crate::document::Node;
use crate::path::{Path, PathError, compile_pattern};
use crate::problem::ProblemCode;

/// A statement about the nodes at a path.
#[derive(Debug, Clone)]
pub struct Test {
    path: Path,
    measure: Measure,
    quantifier: Quantifier,
    op: Op,
    values: Box<[Node]>,
    ignore_case: bool,
    /// The values as they are compared.
    pub(super) wanted: Wanted,
}

/// Values made ready when the test is made, so that no event pays for it.
#[derive(Debug, Clone)]
pub(super) enum Wanted {
    /// In lower case if case is ignored.
    Values(Box<[Node]>),
    Patterns(Box<[Regex]>),
    Networks(Box<[Network]>),
}

/// A test as it was written, before it is checked.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) path: Path,
    /// Whether `.length()` follows the path.
    pub(super) length: bool,
    pub(super) quantifier: Option<Quantifier>,
    pub(super) op: Op,
    pub(super) values: Vec<Node>,
    pub(super) ignore_case: bool,
}

/// Why a test is refused: where in it, what is wrong, and what was expected.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) part: Part,
    pub(super) code: ProblemCode,
    pub(super) message: String,
    pub(super) expected: String,
}

/// A part of a written test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Whole,
    Quantifier,
    IgnoreCase,
    /// The value of that position.
    Value(usize),
}

impl Refused {
    fn operand(part: Part, message: String, expected: &str) -> Self {
        Self { part, code: ProblemCode::BadOperand, message, expected: expected.to_owned() }
    }
}

impl Test {
    /// Checks a test, counts it, and makes its values ready.
    pub(super) fn new(written: Written, scope: &mut Scope<'_>) -> Result<Self, Refused> {
        let Written { path, length, quantifier, op, values, ignore_case } = written;
        if quantifier.is_some() && !op.takes_quantifier() {
            let message = format!("`{}` takes no quantifier", op.name());
            return Err(Refused::operand(
                Part::Quantifier,
                message,
                "the path alone, since it speaks of all nodes",
            ));
        }
        if ignore_case && !op.takes_ignore_case() {
            let message = format!("`{}` takes no `ignoreCase`", op.name());
            return Err(Refused::operand(
                Part::IgnoreCase,
                message,
                "it with eq, ne, in, notIn, contains, startsWith, endsWith or regex",
            ));
        }
        check(op, &values)?;
        let patterns = path.patterns() + if op == Op::Regex { values.len() } else { 0 };
        scope.count(patterns).map_err(|(message, expected)| Refused {
            part: Part::Whole,
            code: ProblemCode::LimitPassed,
            message,
            expected,
        })?;
        let wanted = Wanted::new(op, &values, ignore_case)?;
        let by_number = op.is_comparison() && matches!(values[..], [Node::Number(_)]);
        let (path, measure) = match path.without_last("length").filter(|_| by_number && !length) {
            Some(shorter) => (shorter, Measure::MemberOrLength),
            None => (path, if length { Measure::Length } else { Measure::Value }),
        };
        let quantifier = quantifier.unwrap_or_else(|| op.default_quantifier());
        Ok(Self { path, measure, quantifier, op, values: values.into(), ignore_case, wanted })
    }

    /// The meaning of the original control message: some node is not `null`, `""`, `[]` or `{}`.
    pub fn selects_content(path: Path) -> Self {
        Self {
            path,
            measure: Measure::Value,
            quantifier: Quantifier::Any,
            op: Op::NotEmpty,
            values: Box::default(),
            ignore_case: false,
            wanted: Wanted::Values(Box::default()),
        }
    }

    /// The path; without a final `.length` that is the measure.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What of the nodes is looked at.
    pub fn measure(&self) -> Measure {
        self.measure
    }

    /// Which of the nodes must meet it.
    pub fn quantifier(&self) -> Quantifier {
        self.quantifier
    }

    /// What is asked.
    pub fn op(&self) -> Op {
        self.op
    }

    /// What the nodes are compared with, as it was written.
    pub fn values(&self) -> &[Node] {
        &self.values
    }

    /// The values as they are compared, in lower case if case is ignored; none for patterns and networks.
    pub(crate) fn compared(&self) -> &[Node] {
        match &self.wanted {
            Wanted::Values(values) => values,
            Wanted::Patterns(_) | Wanted::Networks(_) => &[],
        }
    }

    /// Whether strings are compared in lower case.
    pub fn ignores_case(&self) -> bool {
        self.ignore_case
    }
}

/// What was made ready follows from the rest.
impl PartialEq for Test {
    fn eq(&self, other: &Self) -> bool {
        let plain = |test: &Self| (test.measure, test.quantifier, test.op, test.ignore_case);
        plain(self) == plain(other) && self.path == other.path && self.values == other.values
    }
}

fn check(op: Op, values: &[Node]) -> Result<(), Refused> {
    let takes = op.takes();
    let (sound_count, count) = match takes {
        Takes::Nothing => (values.is_empty(), "no value"),
        Takes::Value | Takes::Ordered => (values.len() == 1, "one value"),
        Takes::Scalars | Takes::Strings => (!values.is_empty(), "one value or more"),
    };
    if !sound_count {
        let message = format!("`{}` has {} values", op.name(), values.len());
        return Err(Refused::operand(Part::Whole, message, count));
    }
    for (position, value) in values.iter().enumerate() {
        let scalar = !matches!(value, Node::Array(_) | Node::Object(_));
        let (sound, expected) = match takes {
            Takes::Nothing => (false, "no value"),
            Takes::Value if !scalar && value.to_value().is_none() => {
                let message =
                    "a number in an array or object has more than 17 digits or an exponent beyond 308";
                return Err(Refused::operand(
                    Part::Value(position),
                    message.to_owned(),
                    "numbers of 64 bits there",
                ));
            },
            Takes::Value => (true, ""),
            Takes::Ordered => (matches!(value, Node::Number(_) | Node::String(_)), "a number or a string"),
            Takes::Scalars => (scalar, "a string, a number, true, false or null"),
            Takes::Strings => (value.as_str().is_some(), "a string"),
        };
        if !sound {
            let message = format!("`{}` has {}", op.name(), value.kind());
            return Err(Refused::operand(Part::Value(position), message, expected));
        }
    }
    Ok(())
}

impl Wanted {
    fn new(op: Op, values: &[Node], ignore_case: bool) -> Result<Self, Refused> {
        let texts = || values.iter().filter_map(Node::as_str).enumerate();
        Ok(match op {
            Op::Regex => {
                let compile = |(position, text)| {
                    compile_pattern(text, ignore_case).map_err(|error| bad_pattern(position, &error))
                };
                Self::Patterns(texts().map(compile).collect::<Result<_, _>>()?)
            },
            Op::Cidr => {
                let parse = |(position, text)| Network::parse(text).ok_or(position);
                let networks = texts().map(parse).collect::<Result<_, _>>();
                Self::Networks(networks.map_err(|position| Refused {
                    part: Part::Value(position),
                    code: ProblemCode::BadPattern,
                    message: "this is no network".to_owned(),
                    expected: "an address and a prefix, as in 10.0.0.0/8 or 2001:db8::/32".to_owned(),
                })?)
            },
            _ if ignore_case => Self::Values(values.iter().map(fold::node).collect()),
            _ => Self::Values(values.into()),
        })
    }
}

fn bad_pattern(position: usize, error: &PathError) -> Refused {
    let (code, expected) = match error {
        PathError::Limit { .. } => (ProblemCode::LimitPassed, "a shorter regular expression"),
        _ => (
            ProblemCode::BadPattern,
            "a regular expression in the syntax of RE2: no look-around, no back references",
        ),
    };
    Refused { part: Part::Value(position), code, message: error.to_string(), expected: expected.to_owned() }
}
