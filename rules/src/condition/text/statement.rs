//! Statements about the nodes at a path: `$.a`, `$.a == 1`, `every $.a in ["x", "y"] ignoreCase`.

use std::sync::Arc;

use super::super::Condition;
use super::super::op::{Op, Quantifier, Takes};
use super::super::test::{Part, Refused, Test, Written};
use super::{Fault, Parser, Read, hint};
use crate::document::{Node, number_literal};
use crate::path::{Path, embedded, string_literal, word_literal};
use crate::problem::ProblemCode;

/// Signs that are operators; a sign stands before the ones that it begins with.
const SIGNS: [(&str, Op); 7] = [
    ("==", Op::Eq),
    ("=~", Op::Regex),
    ("!=", Op::Ne),
    ("<=", Op::Lte),
    (">=", Op::Gte),
    ("<", Op::Lt),
    (">", Op::Gt),
];
/// Words that are operators, apart from those with `in`.
const WORDS: [(&str, Op); 8] = [
    ("contains", Op::Contains),
    ("startsWith", Op::StartsWith),
    ("endsWith", Op::EndsWith),
    ("regex", Op::Regex),
    ("exists", Op::Exists),
    ("missing", Op::Missing),
    ("empty", Op::Empty),
    ("notEmpty", Op::NotEmpty),
];

impl Parser<'_, '_, '_> {
    /// A path and what is said of it; a path alone exists.
    pub(super) fn statement(&mut self, quantifier: Option<(Quantifier, usize)>) -> Read<Condition> {
        let start = self.cursor.at();
        let (path, length) = self.path()?;
        let behind_path = self.cursor.at();
        self.cursor.skip_blanks();
        let Some(op) = self.operator()? else {
            if quantifier.is_some() {
                return Err(
                    self.unexpected_behind("an operator, since a quantifier says which nodes meet it")
                );
            }
            if self.is_unknown_word() {
                return Err(self.unexpected_behind("an operator, `&&`, `||` or the end"));
            }
            self.cursor.return_to(behind_path);
            return self.made(exists(path, length), &Places { start, ..Places::default() });
        };
        let mut places =
            Places { start, quantifier: quantifier.map_or(start, |(_, at)| at), ..Places::default() };
        let values = self.values(op, &mut places.values)?;
        let ignore_case = self.ignore_case(&mut places);
        let quantifier = quantifier.map(|(quantifier, _)| quantifier);
        self.made(Written { path, length, quantifier, op, values, ignore_case }, &places)
    }

    /// A path behind `!`, to which nothing may be compared: `!$.a == 1` could be read in two ways.
    pub(super) fn bare_path(&mut self, negation: usize) -> Read<Condition> {
        let start = self.cursor.at();
        let (path, length) = self.path()?;
        let text = path.text().to_owned();
        if self.operator_follows() {
            let message = "`!` stands before a comparison without parentheses".to_owned();
            let expected = format!("!({text} ...) with the whole comparison in parentheses");
            return Err(Fault::new(negation, ProblemCode::BadCondition, message, &expected));
        }
        self.made(exists(path, length), &Places { start, ..Places::default() })
    }

    fn path(&mut self) -> Read<(Path, bool)> {
        Ok(embedded(&mut self.cursor)?)
    }

    fn made(&mut self, written: Written, places: &Places) -> Read<Condition> {
        let test = Test::new(written, self.scope).map_err(|refused| places.fault(refused))?;
        Ok(Condition::Test(Arc::new(test)))
    }

    /// Passes an operator with the blanks behind it, if one comes next.
    fn operator(&mut self) -> Read<Option<Op>> {
        let wrong_sign = ["===", "<>"].into_iter().any(|sign| self.cursor.rest().starts_with(sign));
        let sign = SIGNS.into_iter().find(|(sign, _)| !wrong_sign && self.cursor.eat(sign));
        let op = match sign {
            Some((_, op)) => Some(op),
            None => self.word_operator()?,
        };
        self.cursor.skip_blanks();
        Ok(op)
    }

    fn word_operator(&mut self) -> Read<Option<Op>> {
        let start = self.cursor.at();
        let word = self.eat_word();
        if let Some((_, op)) = WORDS.into_iter().find(|(own, _)| *own == word) {
            return Ok(Some(op));
        }
        match word {
            "not" => {
                self.cursor.skip_blanks();
                if self.peek_word() != "in" {
                    return Err(
                        self.unexpected("`in` behind `not`; other operators are negated as in !($.a == 1)")
                    );
                }
                self.eat_word();
                self.cursor.skip_blanks();
                if self.peek_word() == "cidr" {
                    return Err(
                        self.unexpected("a list; `in cidr` is negated as in !($.a in cidr \"10.0.0.0/8\")")
                    );
                }
                Ok(Some(Op::NotIn))
            },
            "in" => {
                self.cursor.skip_blanks();
                let cidr = self.peek_word() == "cidr";
                if cidr {
                    self.eat_word();
                }
                Ok(Some(if cidr { Op::Cidr } else { Op::In }))
            },
            _ => {
                self.cursor.return_to(start);
                Ok(None)
            },
        }
    }

    /// Whether something comes next that compares, rightly spelt or nearly so. Passes nothing but blanks.
    pub(super) fn operator_follows(&mut self) -> bool {
        self.cursor.skip_blanks();
        let start = self.cursor.at();
        let follows = self.operator().map_or(true, |op| op.is_some());
        self.cursor.return_to(start);
        let rest = self.cursor.rest();
        follows || ["=", "<>"].into_iter().any(|sign| rest.starts_with(sign))
    }

    /// Whether a word comes next, where only an operator or the end may.
    fn is_unknown_word(&self) -> bool {
        !self.peek_word().is_empty() || hint::instead_of_operator(self.cursor.rest(), "").is_some()
    }

    /// The values of an operator, and where each one stands.
    fn values(&mut self, op: Op, places: &mut Vec<usize>) -> Read<Vec<Node>> {
        let mut values = Vec::new();
        match op.takes() {
            Takes::Nothing => {},
            Takes::Value | Takes::Ordered => {
                places.push(self.cursor.at());
                values.push(self.literal()?);
            },
            Takes::Scalars | Takes::Strings if self.cursor.eat("[") => loop {
                self.cursor.skip_blanks();
                places.push(self.cursor.at());
                values.push(self.literal()?);
                self.cursor.skip_blanks();
                if self.cursor.eat("]") {
                    break;
                }
                if !self.cursor.eat(",") {
                    return Err(self.unexpected("`,` or `]`"));
                }
            },
            Takes::Scalars if matches!(op, Op::In | Op::NotIn) => {
                return Err(self.unexpected("a list, as in [1, 2]"));
            },
            Takes::Scalars | Takes::Strings => {
                places.push(self.cursor.at());
                values.push(self.literal()?);
            },
        }
        Ok(values)
    }

    fn literal(&mut self) -> Read<Node> {
        let any = "a string in quotes, a number, true, false or null";
        match self.cursor.peek() {
            b'"' | b'\'' => {
                let text = string_literal(&mut self.cursor).map_err(|fault| Fault {
                    code: ProblemCode::BadCondition,
                    expected: "a string in quotes, with the escapes of JSON".to_owned(),
                    message: fault.error.to_string().replace("not a JSONPath: ", ""),
                    at: fault.at,
                })?;
                Ok(Node::String(text))
            },
            b'-' | b'+' | b'.' | b'0'..=b'9' => {
                let number = number_literal(&mut self.cursor);
                number.map(Node::Number).ok_or_else(|| self.unexpected("a number as JSON writes it"))
            },
            b'$' | b'@' => Err(self.unexpected(&format!("{any}; two paths cannot be compared"))),
            b'[' | b'{' => {
                Err(self
                    .unexpected(&format!("{any}; arrays and objects are compared in the structured form")))
            },
            _ => match word_literal(&mut self.cursor) {
                Some(literal) => Ok(literal),
                None if self.peek_word().is_empty() => Err(self.unexpected(any)),
                None => Err(self.unexpected(&format!("{any}; a string needs quotes"))),
            },
        }
    }

    fn ignore_case(&mut self, places: &mut Places) -> bool {
        let behind = self.cursor.at();
        self.cursor.skip_blanks();
        places.ignore_case = self.cursor.at();
        let found = self.eat_word() == "ignoreCase";
        if !found {
            self.cursor.return_to(behind);
        }
        found
    }
}

fn exists(path: Path, length: bool) -> Written {
    Written { path, length, quantifier: None, op: Op::Exists, values: Vec::new(), ignore_case: false }
}

/// Where the parts of a test stand.
#[derive(Default)]
struct Places {
    start: usize,
    quantifier: usize,
    ignore_case: usize,
    values: Vec<usize>,
}

impl Places {
    fn fault(&self, refused: Refused) -> Fault {
        let at = match refused.part {
            Part::Whole => self.start,
            Part::Quantifier => self.quantifier,
            Part::IgnoreCase => self.ignore_case,
            Part::Value(position) => self.values.get(position).copied().unwrap_or(self.start),
        };
        Fault { at, code: refused.code, message: refused.message, expected: refused.expected }
    }
}
