//! The parser of paths: RFC 9535 by recursive descent, in time linear in the text, with the limits of rules on its way.
//!
//! Segments and selectors are here; what stands inside a filter is in `filter`.

use super::syntax::{Query, Segment, Selector};
use super::{
    DESCENDANTS_MAX, FILTER_NESTING_MAX, PATH_BYTES_MAX, Path, PathError, SEGMENTS_MAX, WAYS_MAX, filter,
    limit, literal,
};
use crate::cursor::Cursor;

/// The greatest index: integers that every JSON implementation holds exactly (RFC 9535 §2.1).
const INDEX_MAX: i64 = (1 << 53) - 1;

/// What is wrong, and at which byte.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) at: usize,
    pub(crate) error: PathError,
}

impl Fault {
    pub(crate) fn new(at: usize, error: PathError) -> Self {
        Self { at, error }
    }

    pub(crate) fn syntax(at: usize, message: &str) -> Self {
        Self::new(at, PathError::Syntax(message.to_owned()))
    }

    pub(crate) fn expected(cursor: &Cursor<'_>, expected: &str) -> Self {
        Self::syntax(cursor.at(), &format!("found {}, expected {expected}", cursor.found()))
    }
}

/// What has been counted of the whole path so far.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    descendants: usize,
    /// In how many ways the node is reached at which a filter stands; 0 outside of filters.
    ways: usize,
    pub(super) filters: usize,
    pub(super) functions: usize,
    pub(super) parentheses: usize,
    pub(super) patterns: usize,
}

/// Reads a text that is one path, with blanks wherever the RFC allows them.
pub(super) fn whole(cursor: &mut Cursor<'_>) -> Result<Path, Fault> {
    let (path, _) = path(cursor, Blanks::Skipped)?;
    if cursor.is_done() {
        Ok(path)
    } else {
        Err(Fault::expected(cursor, "`.`, `..`, `[` or the end of the path"))
    }
}

/// Reads a path inside of other text, where a blank outside of brackets ends it. Answers also whether `.length()` follows,
/// which is passed.
pub(crate) fn embedded(cursor: &mut Cursor<'_>) -> Result<(Path, bool), Fault> {
    path(cursor, Blanks::End)
}

/// What a blank between two segments means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Blanks {
    Skipped,
    End,
}

fn path(cursor: &mut Cursor<'_>, blanks: Blanks) -> Result<(Path, bool), Fault> {
    if !cursor.eat("$") {
        return Err(Fault::expected(cursor, "`$`, with which every path begins"));
    }
    let start = cursor.at();
    let mut text = "$".to_owned();
    let mut limits = Limits::default();
    let (segments, length) = segments(cursor, blanks, &mut limits, |segment| text.push_str(segment))?;
    limit("length in bytes", text.len(), PATH_BYTES_MAX).map_err(|error| Fault::new(start, error))?;
    Ok((Path { text: text.into(), query: Query { segments }, patterns: limits.patterns }, length))
}

/// Reads segments up to something that begins none. `.length()` ends them where blanks do, and is passed.
pub(super) fn segments<'a>(
    cursor: &mut Cursor<'a>,
    blanks: Blanks,
    limits: &mut Limits,
    mut written: impl FnMut(&'a str),
) -> Result<(Vec<Segment>, bool), Fault> {
    let outside = limits.ways;
    let (mut segments, mut ways) = (Vec::new(), outside.max(1));
    loop {
        let behind = cursor.at();
        if blanks == Blanks::Skipped {
            cursor.skip_blanks();
        }
        let start = cursor.at();
        if !matches!(cursor.peek(), b'.' | b'[') {
            cursor.return_to(behind);
            limits.ways = outside;
            return Ok((segments, false));
        }
        if blanks == Blanks::End && cursor.eat(".length()") {
            return Ok((segments, true));
        }
        limits.ways = ways;
        let segment = segment(cursor, limits)?;
        let (Segment::Child(selectors) | Segment::Descendant(selectors)) = &segment;
        ways = ways.saturating_mul(overlap(selectors));
        let passed = |error| Fault::new(start, error);
        limit("number of ways to select one node", ways, WAYS_MAX).map_err(passed)?;
        limit("number of segments", segments.len() + 1, SEGMENTS_MAX).map_err(passed)?;
        written(cursor.between(start, cursor.at()));
        segments.push(segment);
    }
}

/// How many of the selectors may select one and the same node. Different names never do, nor do different indexes that
/// count from the same end.
fn overlap(selectors: &[Selector]) -> usize {
    let (mut names, mut fronts, mut backs, mut broad) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for selector in selectors {
        match selector {
            Selector::Name(name) => names.push(name),
            Selector::Index(index) if *index < 0 => backs.push(*index),
            Selector::Index(index) => fronts.push(*index),
            Selector::Wildcard | Selector::Slice { .. } | Selector::Filter(_) => broad += 1,
        }
    }
    // An object has names, an array has indexes; a node is below one of them.
    broad + most_alike(names).max(most_alike(fronts) + most_alike(backs))
}

/// How often the most frequent one is there.
fn most_alike<T: Ord>(mut all: Vec<T>) -> usize {
    all.sort_unstable();
    all.chunk_by(|left, right| left == right).map(<[T]>::len).max().unwrap_or(0)
}

fn segment(cursor: &mut Cursor<'_>, limits: &mut Limits) -> Result<Segment, Fault> {
    let start = cursor.at();
    if cursor.eat("..") {
        limits.descendants += 1;
        limit("number of descendant segments", limits.descendants, DESCENDANTS_MAX)
            .map_err(|error| Fault::new(start, error))?;
        let selectors = if cursor.peek() == b'[' { bracketed(cursor, limits)? } else { shorthand(cursor)? };
        return Ok(Segment::Descendant(selectors));
    }
    let selectors = if cursor.eat(".") { shorthand(cursor)? } else { bracketed(cursor, limits)? };
    Ok(Segment::Child(selectors))
}

/// `*` or a name, behind a dot.
fn shorthand(cursor: &mut Cursor<'_>) -> Result<Box<[Selector]>, Fault> {
    if cursor.eat("*") {
        return Ok(Box::new([Selector::Wildcard]));
    }
    let start = cursor.at();
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80;
    if cursor.peek().is_ascii_digit() || cursor.eat_while(is_name).is_empty() {
        return Err(Fault::expected(
            cursor,
            "a name or `*`; other names go in brackets and quotes, as in $['a-b']",
        ));
    }
    Ok(Box::new([Selector::Name(cursor.between(start, cursor.at()).into())]))
}

/// One or more selectors in square brackets.
fn bracketed(cursor: &mut Cursor<'_>, limits: &mut Limits) -> Result<Box<[Selector]>, Fault> {
    cursor.eat("[");
    let mut selectors = Vec::new();
    loop {
        cursor.skip_blanks();
        selectors.push(selector(cursor, limits)?);
        cursor.skip_blanks();
        if cursor.eat("]") {
            return Ok(selectors.into());
        }
        if !cursor.eat(",") {
            return Err(Fault::expected(cursor, "`,` or `]`"));
        }
    }
}

fn selector(cursor: &mut Cursor<'_>, limits: &mut Limits) -> Result<Selector, Fault> {
    let start = cursor.at();
    match cursor.peek() {
        b'\'' | b'"' => literal::string(cursor).map(Selector::Name),
        b'*' => {
            cursor.eat("*");
            Ok(Selector::Wildcard)
        },
        b'?' => {
            cursor.eat("?");
            limits.filters += 1;
            limit("nesting of filters", limits.filters, FILTER_NESTING_MAX)
                .map_err(|error| Fault::new(start, error))?;
            cursor.skip_blanks();
            let filter = filter::expression(cursor, limits)?;
            limits.filters -= 1;
            Ok(Selector::Filter(Box::new(filter)))
        },
        b'-' | b':' | b'0'..=b'9' => index_or_slice(cursor),
        _ => Err(Fault::expected(cursor, "a name in quotes, an index, a slice, `*` or a filter `?`")),
    }
}

fn index_or_slice(cursor: &mut Cursor<'_>) -> Result<Selector, Fault> {
    let start = optional_integer(cursor)?;
    let behind = cursor.at();
    cursor.skip_blanks();
    if !cursor.eat(":") {
        cursor.return_to(behind);
        let index = start.ok_or_else(|| Fault::expected(cursor, "an integer"))?;
        return Ok(Selector::Index(index));
    }
    cursor.skip_blanks();
    let end = optional_integer(cursor)?;
    let behind = cursor.at();
    cursor.skip_blanks();
    let mut step = 1;
    if cursor.eat(":") {
        let behind = cursor.at();
        cursor.skip_blanks();
        match optional_integer(cursor)? {
            Some(written) => step = written,
            None => cursor.return_to(behind),
        }
    } else {
        cursor.return_to(behind);
    }
    Ok(Selector::Slice { start, end, step })
}

/// An integer of the RFC, if one comes next: no `+`, no zeros in front, no `-0`, within ±(2^53 - 1).
fn optional_integer(cursor: &mut Cursor<'_>) -> Result<Option<i64>, Fault> {
    let start = cursor.at();
    let negative = cursor.eat("-");
    let digits = cursor.eat_while(|byte| byte.is_ascii_digit());
    if digits.is_empty() {
        return if negative { Err(Fault::expected(cursor, "a digit")) } else { Ok(None) };
    }
    if digits.starts_with('0') && (negative || digits.len() > 1) {
        return Err(Fault::syntax(start, "an integer begins with no zero"));
    }
    let value = digits.parse().ok().filter(|value| *value <= INDEX_MAX);
    let value: i64 = value.ok_or_else(|| Fault::syntax(start, "the integer is beyond 2^53 - 1"))?;
    Ok(Some(if negative { -value } else { value }))
}
