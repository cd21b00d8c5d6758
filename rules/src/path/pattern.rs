//! Regular expressions, compiled once when a rule is read and bounded in size.
//!
//! `match()` and `search()` take I-Regexp (RFC 9485), whose only difference to the engine that matters is the dot: it
//! stands for anything but line feed *and* carriage return.

use regex::{Regex, RegexBuilder};

use super::PathError;

/// The longest regular expression, in bytes.
pub(crate) const PATTERN_BYTES_MAX: usize = 512;
/// The largest compiled regular expression, in bytes of the engine's program: up to some 5 ms to compile.
const PROGRAM_BYTES_MAX: usize = 1024 * 1024;
/// How deep groups may nest.
const NESTING_MAX: u32 = 32;

/// The second argument of `match()` or `search()`.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    /// `match()` compares the whole string, `search()` looks for a part of it.
    whole: bool,
    /// As it was written.
    text: Box<str>,
    /// Nothing where the argument is a literal that is no string: then nothing matches.
    regex: Option<Regex>,
}

impl Pattern {
    /// Compiles an I-Regexp.
    pub(super) fn new(text: &str, whole: bool) -> Result<Self, PathError> {
        let dotted = with_dots(text);
        let source = if whole { format!("^(?:{dotted})$") } else { dotted };
        // The text alone first: an unbalanced bracket must not close the group around it.
        compile(text, false)?;
        let regex = build(&source, false)?;
        Ok(Self { whole, text: text.into(), regex: Some(regex) })
    }

    /// The pattern that matches nothing, for a literal that is no string.
    pub(super) fn of_no_string(text: String, whole: bool) -> Self {
        Self { whole, text: text.into(), regex: None }
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        self.regex.as_ref().is_some_and(|regex| regex.is_match(text))
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        (self.whole, &self.text, self.regex.is_some()) == (other.whole, &other.text, other.regex.is_some())
    }
}

/// Compiles a regular expression within the limits of rules.
pub(crate) fn compile(text: &str, ignore_case: bool) -> Result<Regex, PathError> {
    super::limit("length of a regular expression in bytes", text.len(), PATTERN_BYTES_MAX)?;
    build(text, ignore_case)
}

fn build(source: &str, ignore_case: bool) -> Result<Regex, PathError> {
    let built = RegexBuilder::new(source)
        .case_insensitive(ignore_case)
        .size_limit(PROGRAM_BYTES_MAX)
        .dfa_size_limit(PROGRAM_BYTES_MAX)
        .nest_limit(NESTING_MAX)
        .build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(limit) => PathError::Pattern(format!(
            "it is larger than {limit} bytes when it is compiled; use smaller repetitions"
        )),
        other => PathError::Pattern(last_line(&other.to_string())),
    })
}

/// The engine draws the pattern with a mark under the fault; its last line says what is wrong.
fn last_line(message: &str) -> String {
    let last = message.lines().next_back().unwrap_or(message).trim();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

/// The pattern with every dot outside of classes replaced.
fn with_dots(text: &str) -> String {
    let (mut dotted, mut escaped, mut class) = (String::with_capacity(text.len()), false, false);
    for next in text.chars() {
        match next {
            '.' if !escaped && !class => {
                dotted.push_str(r"[^\n\r]");
                continue;
            },
            '[' if !escaped => class = true,
            ']' if !escaped => class = false,
            _ => {},
        }
        escaped = next == '\\' && !escaped;
        dotted.push(next);
    }
    dotted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_is_no_line_end() {
        for (text, subject, expected) in [
            ("a.c", "abc", true),
            ("a.c", "a\rc", false),
            ("a.c", "a\nc", false),
            ("a[.]c", "a.c", true),
            ("a[.]c", "abc", false),
            (r"a\.c", "abc", false),
            (r"a\\.c", "a\\xc", true),
            ("a.c", "a\u{2028}c", true),
            ("a|bc", "abc", false),
        ] {
            assert_eq!(Pattern::new(text, true).unwrap().matches(subject), expected, "{text} {subject:?}");
        }
        assert!(Pattern::new("b.", false).unwrap().matches("abcd"));
    }

    #[test]
    fn costly_and_broken_patterns_are_refused_with_a_reason() {
        let refused = |text: &str| Pattern::new(text, true).unwrap_err().to_string();
        assert!(refused(&"a".repeat(513)).contains("the limit is 512"));
        assert!(refused(r"(a{900}){900}").contains("larger than"));
        assert!(refused(r"\p{L}{200}").contains("larger than"));
        assert!(refused("a)(b").contains("unopened group"), "{}", refused("a)(b"));
        assert!(refused("[a").contains("unclosed"), "{}", refused("[a"));
        assert!(refused(&"(".repeat(100)).contains("regular expression"));
    }
}
