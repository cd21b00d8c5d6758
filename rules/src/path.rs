//! JSONPath expressions (RFC 9535): parsed once, checked against the limits of rules, evaluated on a document.
//!
//! Parser and evaluator are ours (`docs/decisions/0006-own-paths.md`): literals stay exact, parsing takes linear time,
//! every error has a column, and every limit is checked while the parser is at the place.

mod evaluate;
mod filter;
mod literal;
mod locate;
mod parser;
mod pattern;
mod steps;
mod syntax;

use std::fmt;

use crate::cursor::{Cursor, Place};
use crate::document::Node;

pub(crate) use literal::string as string_literal;
pub(crate) use literal::word as word_literal;
pub(crate) use locate::{Location, Step};
pub(crate) use parser::{Fault, embedded};
pub(crate) use pattern::compile as compile_pattern;

pub(crate) use steps::Steps;
pub use steps::TooManyNodes;
pub(crate) use syntax::{Comparison, Filter, Operand, Query, Segment, Selector};

/// The longest path, in bytes.
pub(crate) const PATH_BYTES_MAX: usize = 4096;
/// The most segments in one path, and in each path of its filters.
pub(crate) const SEGMENTS_MAX: usize = 16;
/// The most descendant segments (`..`) in one path.
pub(crate) const DESCENDANTS_MAX: usize = 1;
/// How deep filters may stand within filters.
pub(crate) const FILTER_NESTING_MAX: usize = 2;
/// How deep functions may stand within functions.
pub(crate) const FUNCTION_NESTING_MAX: usize = 3;
/// How deep round brackets of filters may nest.
pub(crate) const PARENTHESES_MAX: usize = 16;
/// The most regular expressions in one path.
pub(crate) const PATTERNS_MAX: usize = 4;
/// The most ways in which a path may select one and the same node: by selectors that overlap, multiplied over the segments.
pub(crate) const WAYS_MAX: usize = 16;

/// Why a text is no path for a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Not RFC 9535.
    #[error("not a JSONPath: {0}")]
    Syntax(String),
    /// Valid, but over one of the limits.
    #[error("{what} is {found}, the limit is {limit}")]
    Limit {
        /// What is limited.
        what: &'static str,
        /// What the path has.
        found: usize,
        /// What is allowed.
        limit: usize,
    },
    /// `$` within a filter, which would make every element depend on the whole document.
    #[error("`$` inside a filter is not supported; use `@`, the element at hand")]
    RootInFilter,
    /// The pattern of `match()` or `search()` is no literal, so that every event would compile it anew.
    #[error("the pattern of match() and search() must be a string in quotes")]
    PatternNotLiteral,
    /// The pattern of `match()` or `search()` is no regular expression that can be evaluated.
    #[error("not a regular expression: {0}")]
    Pattern(String),
}

/// A parsed path within the limits of rules. Two paths are equal if they select the same, however they are spelt.
#[derive(Clone)]
pub struct Path {
    /// As it was written, without blanks outside of brackets.
    text: Box<str>,
    query: Query,
    /// How many regular expressions its filters have.
    patterns: usize,
}

impl Path {
    /// Parses an expression and checks it against the limits of this module.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        limit("length in bytes", text.len(), PATH_BYTES_MAX)?;
        let mut cursor = Cursor::new(text);
        parser::whole(&mut cursor).map_err(|fault| match fault.error {
            PathError::Syntax(message) => {
                PathError::Syntax(format!("{message} at column {}", Place::of(text, fault.at).column))
            },
            other => other,
        })
    }

    /// The expression as it was written, without blanks outside of brackets.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The nodes that the path selects, in the order of the RFC; members of objects in the order of the document.
    pub fn select<'a>(&self, root: &'a Node) -> Vec<&'a Node> {
        self.query.select(root)
    }

    /// The same, for a path of a rule and any event: only a plain path (names, indexes, wildcards) may look at as many nodes
    /// as there are.
    ///
    /// # Errors
    /// [`TooManyNodes`] if another path looks at more than 100,000.
    pub fn select_bounded<'a>(&self, root: &'a Node) -> Result<Vec<&'a Node>, TooManyNodes> {
        let mut steps = if self.query.is_plain() { Steps::unlimited() } else { Steps::of_rule() };
        let nodes = self.query.selected(root, &mut steps);
        steps.enough_for(nodes)
    }

    /// The names on its way, if it leads from one member to the next and nowhere else; none at all for `$`.
    pub fn names(&self) -> Option<Vec<&str>> {
        let names = self.query.segments.iter().map(|segment| match segment {
            Segment::Child(selectors) => match &**selectors {
                [Selector::Name(name)] => Some(&**name),
                _ => None,
            },
            Segment::Descendant(_) => None,
        });
        names.collect()
    }

    /// Its segments.
    pub(crate) fn query(&self) -> &Query {
        &self.query
    }

    /// How many regular expressions its filters have.
    pub(crate) fn patterns(&self) -> usize {
        self.patterns
    }

    /// The path without its last segment, if that is the shorthand `.name`.
    pub(crate) fn without_last(&self, name: &str) -> Option<Self> {
        let text = self.text.strip_suffix(name)?.strip_suffix('.')?;
        let mut segments = self.query.segments.clone();
        match segments.pop()? {
            Segment::Child(selectors) if matches!(&*selectors, [Selector::Name(last)] if **last == *name) => {
            },
            Segment::Child(_) | Segment::Descendant(_) => return None,
        }
        Some(Self { text: text.into(), query: Query { segments }, patterns: self.patterns })
    }
}

impl PartialEq for Path {
    fn eq(&self, other: &Self) -> bool {
        self.query == other.query
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Path({})", self.text)
    }
}

pub(crate) fn limit(what: &'static str, found: usize, limit: usize) -> Result<(), PathError> {
    if found > limit { Err(PathError::Limit { what, found, limit }) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
