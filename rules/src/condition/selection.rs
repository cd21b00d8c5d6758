//! Names of selections, and what is shared while the conditions of one rule are read.

use std::collections::BTreeMap;
use std::fmt;

use super::Stated;
use super::text::KEYWORDS;

/// The most tests in the conditions of one rule.
pub(crate) const TESTS_MAX: usize = 1024;
/// The most regular expressions in the conditions of one rule: each costs up to some milliseconds to compile.
pub(crate) const PATTERNS_MAX: usize = 64;

/// The conditions of a rule that have names.
pub type Selections = BTreeMap<SelectionName, Stated>;

/// A selection's name: a letter or `_`, then letters, digits and `_`; no keyword of the text form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SelectionName(Box<str>);

impl SelectionName {
    /// The name, if the text is one.
    pub fn new(text: &str) -> Option<Self> {
        let sound = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && text.bytes().next().is_some_and(|first| !first.is_ascii_digit());
        (sound && !KEYWORDS.contains(&text)).then(|| Self(text.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SelectionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a condition may refer to, and what the conditions of its rule have used up.
#[derive(Debug)]
pub(crate) struct Scope<'a> {
    names: &'a [SelectionName],
    /// Whether the condition at hand is itself a selection.
    pub(crate) in_selection: bool,
    pub(crate) used: Used,
}

/// How much of its limits a rule has used up.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Used {
    tests: usize,
    patterns: usize,
}

impl<'a> Scope<'a> {
    pub(crate) fn new(names: &'a [SelectionName]) -> Self {
        Self { names, in_selection: false, used: Used::default() }
    }

    /// Whether the rule has a selection of that name.
    pub(crate) fn has(&self, text: &str) -> bool {
        self.names.iter().any(|name| name.as_str() == text)
    }

    /// The selection that the text names; otherwise what is wrong and what was expected.
    pub(crate) fn selection(&self, text: &str) -> Result<SelectionName, (String, String)> {
        if self.in_selection {
            return Err((
                format!("`{text}` is a name in a selection"),
                "no other selection; one names none".to_owned(),
            ));
        }
        let known = self.names.iter().find(|name| name.as_str() == text);
        known.cloned().ok_or_else(|| {
            let names: Vec<_> = self.names.iter().map(|name| format!("`{name}`")).collect();
            let expected = if names.is_empty() {
                format!("a path such as $.{text}, or a selection of that name")
            } else {
                format!("a path such as $.{text}, or one of the selections {}", names.join(", "))
            };
            (format!("there is no selection `{text}`"), expected)
        })
    }

    /// Counts a test with so many regular expressions, before they are compiled.
    pub(super) fn count(&mut self, patterns: usize) -> Result<(), (String, String)> {
        self.used.tests += 1;
        self.used.patterns += patterns;
        let over = |what: &str, found: usize, limit: usize| {
            (format!("the conditions of the rule have {found} {what}"), format!("at most {limit}"))
        };
        if self.used.tests > TESTS_MAX {
            return Err(over("tests", self.used.tests, TESTS_MAX));
        }
        if self.used.patterns > PATTERNS_MAX {
            return Err(over("regular expressions", self.used.patterns, PATTERNS_MAX));
        }
        Ok(())
    }
}
