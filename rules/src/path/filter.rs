//! The parser of what stands inside a filter: logic, comparisons, tests and the five functions of RFC 9535.

use super::parser::{Blanks, Fault, Limits, segments};
use super::pattern::Pattern;
use super::syntax::{Comparison, Filter, Operand, Query};
use super::{FUNCTION_NESTING_MAX, PARENTHESES_MAX, PATTERNS_MAX, PathError, limit, literal};
use crate::cursor::Cursor;
use crate::document::{Node, number_literal};

/// Alternatives between `||`, each of parts between `&&`.
pub(super) fn expression(cursor: &mut Cursor<'_>, limits: &mut Limits) -> Result<Filter, Fault> {
    let alternatives = parts(cursor, "||", |cursor| {
        let parts = parts(cursor, "&&", |cursor| basic(cursor, limits))?;
        Ok(single(parts).unwrap_or_else(Filter::And))
    })?;
    Ok(single(alternatives).unwrap_or_else(Filter::Or))
}

fn single(mut parts: Vec<Filter>) -> Result<Filter, Vec<Filter>> {
    match parts.pop() {
        Some(only) if parts.is_empty() => Ok(only),
        last => {
            parts.extend(last);
            Err(parts)
        },
    }
}

fn parts(
    cursor: &mut Cursor<'_>,
    sign: &str,
    mut part: impl FnMut(&mut Cursor<'_>) -> Result<Filter, Fault>,
) -> Result<Vec<Filter>, Fault> {
    let mut parts = vec![part(cursor)?];
    loop {
        let behind = cursor.at();
        cursor.skip_blanks();
        if !cursor.eat(sign) {
            cursor.return_to(behind);
            return Ok(parts);
        }
        cursor.skip_blanks();
        parts.push(part(cursor)?);
    }
}

/// What stands between two operators of logic.
fn basic(cursor: &mut Cursor<'_>, limits: &mut Limits) -> Result<Filter, Fault> {
    let negated = cursor.eat("!");
    if negated {
        cursor.skip_blanks();
    }
    let filter =
        if cursor.peek() == b'(' { parenthesis(cursor, limits)? } else { test(cursor, limits, negated)? };
    Ok(if negated { Filter::Not(Box::new(filter)) } else { filter })
}

fn parenthesis(cursor: &mut Cursor<'_>, limits: &mut Limits) -> Result<Filter, Fault> {
    let start = cursor.at();
    cursor.eat("(");
    limits.parentheses += 1;
    limit("nesting of parentheses", limits.parentheses, PARENTHESES_MAX)
        .map_err(|error| Fault::new(start, error))?;
    cursor.skip_blanks();
    let inner = expression(cursor, limits)?;
    close(cursor)?;
    limits.parentheses -= 1;
    Ok(inner)
}

fn close(cursor: &mut Cursor<'_>) -> Result<(), Fault> {
    cursor.skip_blanks();
    if cursor.eat(")") { Ok(()) } else { Err(Fault::expected(cursor, "`)`")) }
}

/// What an expression may be before it is known whether a comparison follows.
enum Term {
    Operand(Operand),
    /// A query that is no operand, because it may select several nodes.
    Nodes(Query),
    /// `match()` or `search()`.
    Logical(Filter),
}

/// A comparison, an existence test, or a function that is true or false.
fn test(cursor: &mut Cursor<'_>, limits: &mut Limits, negated: bool) -> Result<Filter, Fault> {
    let start = cursor.at();
    let left = term(cursor, limits)?;
    let behind = cursor.at();
    cursor.skip_blanks();
    let sign = Comparison::SIGNS.into_iter().find(|(sign, _)| cursor.eat(sign));
    let Some((_, comparison)) = sign else {
        cursor.return_to(behind);
        return match left {
            Term::Operand(Operand::Query(query)) | Term::Nodes(query) => Ok(Filter::Exists(query)),
            Term::Logical(filter) => Ok(filter),
            Term::Operand(_) => {
                cursor.skip_blanks();
                Err(Fault::expected(cursor, "a comparison such as `==`"))
            },
        };
    };
    if negated {
        return Err(Fault::syntax(start, "`!` takes no comparison; put parentheses around it"));
    }
    let left = operand(left, start)?;
    cursor.skip_blanks();
    let start = cursor.at();
    let right = operand(term(cursor, limits)?, start)?;
    Ok(Filter::Compare(left, comparison, right))
}

fn operand(term: Term, start: usize) -> Result<Operand, Fault> {
    match term {
        Term::Operand(operand) => Ok(operand),
        Term::Nodes(_) => {
            Err(Fault::syntax(start, "a query that may select several nodes cannot be compared"))
        },
        Term::Logical(_) => {
            Err(Fault::syntax(start, "match() and search() are true or false and cannot be compared"))
        },
    }
}

fn term(cursor: &mut Cursor<'_>, limits: &mut Limits) -> Result<Term, Fault> {
    let start = cursor.at();
    match cursor.peek() {
        b'@' => {
            cursor.eat("@");
            let (segments, _) = segments(cursor, Blanks::Skipped, limits, |_| {})?;
            let query = Query { segments };
            Ok(if query.is_singular() { Term::Operand(Operand::Query(query)) } else { Term::Nodes(query) })
        },
        b'$' => Err(Fault::new(start, PathError::RootInFilter)),
        b'\'' | b'"' => Ok(Term::Operand(Operand::Literal(Node::String(literal::string(cursor)?)))),
        b'-' | b'0'..=b'9' => {
            let number =
                number_literal(cursor).ok_or_else(|| Fault::syntax(start, "this is no number of JSON"))?;
            Ok(Term::Operand(Operand::Literal(Node::Number(number))))
        },
        _ => match literal::word(cursor) {
            Some(literal) => Ok(Term::Operand(Operand::Literal(literal))),
            None => function(cursor, limits),
        },
    }
}

fn function(cursor: &mut Cursor<'_>, limits: &mut Limits) -> Result<Term, Fault> {
    let start = cursor.at();
    let name = cursor.eat_while(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if name.is_empty() || !cursor.eat("(") {
        cursor.return_to(start);
        return Err(Fault::expected(cursor, "`@`, a literal or a function"));
    }
    limits.functions += 1;
    limit("nesting of functions", limits.functions, FUNCTION_NESTING_MAX)
        .map_err(|error| Fault::new(start, error))?;
    cursor.skip_blanks();
    let term = match name {
        "length" => Term::Operand(Operand::Length(Box::new(value(cursor, limits)?))),
        "count" => Term::Operand(Operand::Count(nodes(cursor, limits)?)),
        "value" => Term::Operand(Operand::Value(nodes(cursor, limits)?)),
        "match" | "search" => {
            let text = value(cursor, limits)?;
            cursor.skip_blanks();
            if !cursor.eat(",") {
                return Err(Fault::expected(cursor, "`,` and a pattern"));
            }
            cursor.skip_blanks();
            Term::Logical(Filter::Matches(text, pattern(cursor, limits, name == "match")?))
        },
        _ => {
            let message =
                format!("`{name}` is not a function of RFC 9535: length, count, value, match, search");
            return Err(Fault::syntax(start, &message));
        },
    };
    close(cursor)?;
    limits.functions -= 1;
    Ok(term)
}

/// An argument that is one value or nothing.
fn value(cursor: &mut Cursor<'_>, limits: &mut Limits) -> Result<Operand, Fault> {
    let start = cursor.at();
    operand(term(cursor, limits)?, start)
}

/// An argument that is a list of nodes.
fn nodes(cursor: &mut Cursor<'_>, limits: &mut Limits) -> Result<Query, Fault> {
    let start = cursor.at();
    match term(cursor, limits)? {
        Term::Operand(Operand::Query(query)) | Term::Nodes(query) => Ok(query),
        Term::Operand(_) | Term::Logical(_) => {
            Err(Fault::syntax(start, "the function takes a query such as @.*"))
        },
    }
}

fn pattern(cursor: &mut Cursor<'_>, limits: &mut Limits, whole: bool) -> Result<Pattern, Fault> {
    let start = cursor.at();
    match value(cursor, limits)? {
        Operand::Literal(Node::String(text)) => {
            limits.patterns += 1;
            limit("number of regular expressions", limits.patterns, PATTERNS_MAX)
                .map_err(|error| Fault::new(start, error))?;
            Pattern::new(&text, whole).map_err(|error| Fault::new(start, error))
        },
        Operand::Literal(other) => Ok(Pattern::of_no_string(other.to_string(), whole)),
        Operand::Query(_) | Operand::Length(_) | Operand::Count(_) | Operand::Value(_) => {
            Err(Fault::new(start, PathError::PatternNotLiteral))
        },
    }
}
