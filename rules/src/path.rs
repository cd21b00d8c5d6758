//! JSONPath expressions (RFC 9535): parsed once, checked against the limits of rules, evaluated on a payload.

use std::fmt;

use jsonpath_rust::parser::model::{
    Comparable, Comparison, Filter, FilterAtom, FnArg, JpQuery, Segment, Selector, SingularQuery, Test,
    TestFunction,
};
use jsonpath_rust::parser::parse_json_path;
use jsonpath_rust::query::js_path_process;
use serde_json::Value;

/// The longest path, in bytes.
pub(crate) const PATH_BYTES_MAX: usize = 4096;
/// The most segments in one path.
pub(crate) const SEGMENTS_MAX: usize = 16;
/// The most descendant segments (`..`) in one path.
pub(crate) const DESCENDANTS_MAX: usize = 1;
/// How deep filters may stand within filters.
pub(crate) const FILTER_NESTING_MAX: usize = 2;
/// How deep functions and parentheses may nest: the parser's time is exponential in it.
pub(crate) const FUNCTION_NESTING_MAX: usize = 3;

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
}

/// A parsed path within the limits of rules.
#[derive(Clone, PartialEq)]
pub struct Path {
    text: String,
    query: JpQuery,
}

impl Path {
    /// Parses an expression and checks it against the limits of this module.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        limit("length in bytes", text.len(), PATH_BYTES_MAX)?;
        let outline = Outline::of(text);
        limit("nesting of parentheses", outline.parentheses, FUNCTION_NESTING_MAX + FILTER_NESTING_MAX)?;
        if outline.blank_outside_brackets {
            // The parser would take `$.a b` for one member named `a b`.
            return Err(PathError::Syntax("there is a blank outside of brackets".to_owned()));
        }
        let query =
            parse_json_path(text).map_err(|error| PathError::Syntax(first_line(&error.to_string())))?;
        let mut shape = Shape::default();
        shape.segments(&query.segments, 0)?;
        limit("number of segments", shape.segments, SEGMENTS_MAX)?;
        limit("number of descendant segments", shape.descendants, DESCENDANTS_MAX)?;
        Ok(Self { text: text.to_owned(), query })
    }

    /// The expression as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The nodes that the path selects, in the order of the RFC; none where the query cannot be evaluated.
    pub fn select<'a>(&self, document: &'a Value) -> Vec<&'a Value> {
        match js_path_process(&self.query, document) {
            Ok(nodes) => nodes.into_iter().map(|node| node.val()).collect(),
            Err(_) => Vec::new(),
        }
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Path({})", self.text)
    }
}

fn limit(what: &'static str, found: usize, limit: usize) -> Result<(), PathError> {
    if found > limit { Err(PathError::Limit { what, found, limit }) } else { Ok(()) }
}

/// The parser lists its alternatives over several lines; the first names the place.
fn first_line(message: &str) -> String {
    let tidy: Vec<&str> = message.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    tidy.join(" ")
}

/// What can be seen of a path before the parser runs, outside of its strings.
#[derive(Default)]
struct Outline {
    /// How deep round brackets nest.
    parentheses: usize,
    /// Whether there is white space outside of square brackets.
    blank_outside_brackets: bool,
}

impl Outline {
    fn of(text: &str) -> Self {
        let mut outline = Self::default();
        let (mut round, mut square, mut quote, mut escaped) = (0usize, 0usize, None, false);
        for byte in text.bytes() {
            match (quote, byte) {
                _ if escaped => escaped = false,
                (Some(_), b'\\') => escaped = true,
                (Some(open), _) if open == byte => quote = None,
                (Some(_), _) => {},
                (None, b'\'' | b'"') => quote = Some(byte),
                (None, b'(') => {
                    round += 1;
                    outline.parentheses = outline.parentheses.max(round);
                },
                (None, b')') => round = round.saturating_sub(1),
                (None, b'[') => square += 1,
                (None, b']') => square = square.saturating_sub(1),
                (None, byte) if byte.is_ascii_whitespace() && square == 0 => {
                    outline.blank_outside_brackets = true;
                },
                (None, _) => {},
            }
        }
        outline
    }
}

/// Counts what the limits are about while it walks a parsed query.
#[derive(Default)]
struct Shape {
    segments: usize,
    descendants: usize,
}

impl Shape {
    fn segments(&mut self, segments: &[Segment], filters: usize) -> Result<(), PathError> {
        segments.iter().try_for_each(|segment| self.segment(segment, filters))
    }

    fn segment(&mut self, segment: &Segment, filters: usize) -> Result<(), PathError> {
        self.segments += 1;
        match segment {
            Segment::Descendant(inner) => {
                self.descendants += 1;
                self.segments -= 1;
                self.segment(inner, filters)
            },
            Segment::Selector(selector) => self.selector(selector, filters),
            Segment::Selectors(selectors) => {
                selectors.iter().try_for_each(|selector| self.selector(selector, filters))
            },
        }
    }

    fn selector(&mut self, selector: &Selector, filters: usize) -> Result<(), PathError> {
        match selector {
            Selector::Filter(filter) => {
                limit("nesting of filters", filters + 1, FILTER_NESTING_MAX)?;
                self.filter(filter, filters + 1)
            },
            Selector::Name(_) | Selector::Wildcard | Selector::Index(_) | Selector::Slice(..) => Ok(()),
        }
    }

    fn filter(&mut self, filter: &Filter, filters: usize) -> Result<(), PathError> {
        match filter {
            Filter::Or(parts) | Filter::And(parts) => {
                parts.iter().try_for_each(|part| self.filter(part, filters))
            },
            Filter::Atom(FilterAtom::Filter { expr, .. }) => self.filter(expr, filters),
            Filter::Atom(FilterAtom::Test { expr, .. }) => self.test(expr, filters),
            Filter::Atom(FilterAtom::Comparison(comparison)) => self.comparison(comparison, filters),
        }
    }

    fn comparison(&mut self, comparison: &Comparison, filters: usize) -> Result<(), PathError> {
        let (left, right) = comparison.vals();
        for side in [left, right] {
            match side {
                Comparable::Literal(_) | Comparable::SingularQuery(SingularQuery::Current(_)) => {},
                Comparable::SingularQuery(SingularQuery::Root(_)) => return Err(PathError::RootInFilter),
                Comparable::Function(function) => self.function(function, filters)?,
            }
        }
        Ok(())
    }

    fn test(&mut self, test: &Test, filters: usize) -> Result<(), PathError> {
        match test {
            Test::RelQuery(segments) => self.segments(segments, filters),
            Test::AbsQuery(_) => Err(PathError::RootInFilter),
            Test::Function(function) => self.function(function, filters),
        }
    }

    fn function(&mut self, function: &TestFunction, filters: usize) -> Result<(), PathError> {
        match function {
            TestFunction::Custom(name, _) => {
                Err(PathError::Syntax(format!("`{name}` is not a function of RFC 9535")))
            },
            TestFunction::Length(argument) => self.argument(argument, filters),
            TestFunction::Value(argument) | TestFunction::Count(argument) => self.argument(argument, filters),
            TestFunction::Search(text, pattern) | TestFunction::Match(text, pattern) => {
                self.argument(text, filters)?;
                self.argument(pattern, filters)
            },
        }
    }

    fn argument(&mut self, argument: &FnArg, filters: usize) -> Result<(), PathError> {
        match argument {
            FnArg::Literal(_) => Ok(()),
            FnArg::Test(test) => self.test(test, filters),
            FnArg::Filter(filter) => self.filter(filter, filters),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn selects_by_name_index_wildcard_and_filter() {
        let document = json!({"acl": [{"scope": "anyone", "n": 1}, {"scope": "team", "n": 2}]});
        let cases = [
            ("$.acl[0].n", vec![json!(1)]),
            ("$.acl[*].n", vec![json!(1), json!(2)]),
            ("$.acl[?(@.scope == 'team')].n", vec![json!(2)]),
            ("$..n", vec![json!(1), json!(2)]),
            ("$.missing", vec![]),
        ];
        for (text, expected) in cases {
            let path = Path::parse(text).unwrap();
            assert_eq!(path.select(&document), expected.iter().collect::<Vec<_>>(), "{text}");
        }
    }

    #[test]
    fn a_text_that_is_no_path_is_refused_with_its_place() {
        for text in ["", "acl", "$.", "$.a[", "$.a b"] {
            assert!(matches!(Path::parse(text), Err(PathError::Syntax(_))), "{text}");
        }
    }

    #[test]
    fn every_limit_is_named() {
        let limited = |text: &str| match Path::parse(text) {
            Err(PathError::Limit { what, .. }) => what,
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(limited(&format!("$.{}", "a".repeat(5000))), "length in bytes");
        assert_eq!(limited(&format!("${}", ".a".repeat(17))), "number of segments");
        assert_eq!(limited("$..a..b"), "number of descendant segments");
        assert_eq!(limited("$[?(@[?(@[?(@.a)])])]"), "nesting of filters");
        assert_eq!(
            limited(&format!("$[?{}@.a{}]", "(".repeat(40), ")".repeat(40))),
            "nesting of parentheses"
        );
    }

    #[test]
    fn the_root_inside_a_filter_is_refused() {
        for text in ["$.a[?(@.b == $.c)]", "$.a[?($.c)]", "$.a[?count($.c) > 1]"] {
            assert_eq!(Path::parse(text), Err(PathError::RootInFilter), "{text}");
        }
    }
}
