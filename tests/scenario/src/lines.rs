//! The lines of a scenario, and the words and JSON texts in one.

use std::fmt;

use serde_json::value::RawValue;

/// What is wrong with a scenario file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// The line, from 1.
    pub line: usize,
    /// What was found.
    pub message: String,
    /// What should stand there.
    pub expected: String,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}; expected {}", self.line, self.message, self.expected)
    }
}

impl std::error::Error for Malformed {}

/// A line with the indented lines that go on with it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Where it begins, from 1.
    pub(crate) number: usize,
    /// What it says, over all its lines.
    pub(crate) text: String,
}

/// Puts lines together: one that is indented goes on with the one before, unless it is an expectation. What begins with `#` is
/// a comment.
pub(crate) fn lines(text: &str) -> Result<Vec<Line>, Malformed> {
    let mut lines: Vec<Line> = Vec::new();
    let mut after = 0;
    for (number, line) in (1..).zip(text.lines()) {
        let content = line.trim();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        // The end of a JSON text may stand at the beginning of a line.
        let begins = content.starts_with("=>") || !line.starts_with([' ', '\t', '}', ']']);
        if begins {
            lines.push(Line { number, text: content.to_owned() });
            after = number;
            continue;
        }
        let last = lines.last_mut().ok_or_else(|| Malformed {
            line: number,
            message: "the line is indented, and there is none that it goes on with".to_owned(),
            expected: "`rule`, a time, or `#` at the beginning of the line".to_owned(),
        })?;
        // Line breaks are kept, comments between them too, so that places in JSON can be told.
        last.text += &"\n".repeat(number - after);
        last.text += line;
        after = number;
    }
    Ok(lines)
}

/// Goes through a line, word by word.
pub(crate) struct Words<'a> {
    number: usize,
    text: &'a str,
    rest: &'a str,
}

impl<'a> Words<'a> {
    pub(crate) fn of(line: &'a Line) -> Self {
        Self { number: line.number, text: &line.text, rest: line.text.trim_start() }
    }

    /// The next word, without taking it.
    pub(crate) fn peek(&self) -> Option<&'a str> {
        self.rest.split_whitespace().next()
    }

    /// The next word.
    pub(crate) fn word(&mut self, expected: &str) -> Result<&'a str, Malformed> {
        let word = self.peek().ok_or_else(|| self.wrong("the line ends", expected))?;
        self.skip(word.len());
        Ok(word)
    }

    /// The next word, if it is this one.
    pub(crate) fn take(&mut self, word: &str) -> bool {
        let is_next = self.peek() == Some(word);
        if is_next {
            self.skip(word.len());
        }
        is_next
    }

    /// The next JSON text.
    pub(crate) fn json(&mut self, expected: &str) -> Result<&'a RawValue, Malformed> {
        let mut values = serde_json::Deserializer::from_str(self.rest).into_iter::<&'a RawValue>();
        match values.next() {
            Some(Ok(value)) => {
                let length = values.byte_offset();
                self.skip(length);
                Ok(value)
            },
            Some(Err(error)) => {
                let line = self.line() + error.line().saturating_sub(1);
                let error = error.to_string();
                // It counts lines from the beginning of the text.
                let error = error.split(" at line ").next().unwrap_or_default();
                Err(Malformed {
                    line,
                    message: format!("this is not JSON: {error}"),
                    expected: expected.to_owned(),
                })
            },
            None => Err(self.wrong("the line ends", expected)),
        }
    }

    /// Makes sure that nothing is left.
    pub(crate) fn end(&self, expected: &str) -> Result<(), Malformed> {
        match self.peek() {
            None => Ok(()),
            Some(word) => Err(self.wrong(format!("`{word}` is too much"), expected)),
        }
    }

    /// An error at this place.
    pub(crate) fn wrong(&self, message: impl Into<String>, expected: impl Into<String>) -> Malformed {
        Malformed { line: self.line(), message: message.into(), expected: expected.into() }
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default().trim_start();
    }

    fn line(&self) -> usize {
        let passed = self.text.len() - self.rest.len();
        let passed = self.text.get(..passed).unwrap_or_default();
        self.number + passed.matches('\n').count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indented_lines_go_on_and_expectations_stand_alone() {
        let text = "# head\nrule a {\n  # inside\n  \"b\": 1}\n\n1s event {}\n    => firing a\n";
        let found = lines(text).unwrap();
        let shown: Vec<_> = found.iter().map(|line| (line.number, line.text.as_str())).collect();
        assert_eq!(shown, [(2, "rule a {\n\n  \"b\": 1}"), (6, "1s event {}"), (7, "=> firing a")]);
        let mut words = Words::of(&found[0]);
        assert_eq!((words.word("").unwrap(), words.word("").unwrap()), ("rule", "a"));
        assert_eq!(words.json("").unwrap().get(), "{\n\n  \"b\": 1}");
        assert!(words.end("").is_ok());
    }

    #[test]
    fn broken_json_is_told_by_its_line() {
        let found = lines("rule a\n  {\"b\":\n  tru}").unwrap();
        let mut words = Words::of(&found[0]);
        words.word("").unwrap();
        words.word("").unwrap();
        assert_eq!(words.json("a rule").unwrap_err().line, 3);
        assert_eq!(lines("  a").unwrap_err().line, 1);
    }
}
