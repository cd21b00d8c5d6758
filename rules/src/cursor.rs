//! A cursor over text: what the parsers of documents, paths and conditions share.
//!
//! Positions are byte offsets, always on a character's boundary; people get a [`Place`].

/// Where something stands in a text, both from 1; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The character within the line.
    pub column: usize,
}

impl Place {
    /// The place of a byte offset.
    pub(crate) fn of(text: &str, at: usize) -> Self {
        let before = text.get(..at).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before.chars().count()
                - before.get(..line_start).map_or(0, |lines| lines.chars().count())
                + 1,
        }
    }
}

/// A position in a text that moves forward.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The byte offset of the next character.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// What has not been read yet.
    pub(crate) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The text between two offsets.
    pub(crate) fn between(&self, from: usize, to: usize) -> &'a str {
        self.text.get(from..to).unwrap_or_default()
    }

    /// The next byte; zero stands for the end, and no grammar here gives NUL a meaning.
    pub(crate) fn peek(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    /// Whether everything has been read.
    pub(crate) fn is_done(&self) -> bool {
        self.at >= self.text.len()
    }

    /// Passes the next character.
    pub(crate) fn next_char(&mut self) -> Option<char> {
        let next = self.rest().chars().next()?;
        self.at += next.len_utf8();
        Some(next)
    }

    /// Passes the text if it comes next.
    pub(crate) fn eat(&mut self, wanted: &str) -> bool {
        let found =
            self.text.as_bytes().get(self.at..).is_some_and(|rest| rest.starts_with(wanted.as_bytes()));
        if found {
            self.at += wanted.len();
        }
        found
    }

    /// Passes ASCII bytes as long as they are of the kind, and answers them.
    pub(crate) fn eat_while(&mut self, kind: impl Fn(u8) -> bool) -> &'a str {
        let from = self.at;
        while !self.is_done() && kind(self.peek()) {
            self.at += 1;
        }
        self.between(from, self.at)
    }

    /// Passes blanks: space, tab, line feed and carriage return, in JSON as in paths.
    pub(crate) fn skip_blanks(&mut self) {
        // Blanks are rare where nobody has laid the text out.
        if self.peek() <= b' ' {
            self.eat_while(is_blank);
        }
    }

    /// Back to an offset that [`Cursor::at`] answered before.
    pub(crate) fn return_to(&mut self, at: usize) {
        self.at = at;
    }

    /// What comes next, for an error about a text that its author may see: a character in backticks, or the end.
    pub(crate) fn found(&self) -> String {
        match self.rest().chars().next() {
            None => "the end".to_owned(),
            Some(next) if next.is_control() => format!("the character U+{:04X}", u32::from(next)),
            Some(' ') => "a blank".to_owned(),
            Some(next) => format!("`{next}`"),
        }
    }
}

/// White space of JSON and of RFC 9535.
pub(crate) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_lines_and_characters_from_one() {
        let place = |at| {
            let Place { line, column } = Place::of("ä\nöü", at);
            (line, column)
        };
        assert_eq!(place(0), (1, 1));
        assert_eq!(place(2), (1, 2));
        assert_eq!(place(3), (2, 1));
        assert_eq!(place(5), (2, 2));
        assert_eq!(place(7), (2, 3));
        assert_eq!(place(99), (2, 3));
    }
}
