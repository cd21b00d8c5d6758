//! Cuts a body that arrives in parts into numbered lines. Holds one line at most, and of a line that is too long
//! nothing.

use bytes::{Bytes, BytesMut};
use rules::RULE_BYTES_MAX;

/// A line that is not blank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Its number, from 1; blank ones count.
    pub(super) number: u64,
    /// Its text without blanks around it; nothing if it is longer than a rule may be.
    pub(super) text: Option<Bytes>,
}

/// The line at hand.
#[derive(Debug)]
pub(super) struct Lines {
    number: u64,
    begun: BytesMut,
    too_long: bool,
}

impl Lines {
    pub(super) fn new() -> Self {
        Self { number: 1, begun: BytesMut::new(), too_long: false }
    }

    /// Takes the next part of the body and hands out the lines that end in it.
    pub(super) fn push(&mut self, part: &[u8], mut take: impl FnMut(Line)) {
        for (index, piece) in part.split(|byte| *byte == b'\n').enumerate() {
            if index > 0 {
                self.end(&mut take);
            }
            // A carriage return at the end is not the rule's.
            if self.begun.len() + piece.len() > RULE_BYTES_MAX + 1 {
                self.too_long = true;
                self.begun.clear();
            }
            if !self.too_long {
                self.begun.extend_from_slice(piece);
            }
        }
    }

    /// The body has ended, and with it the last line.
    pub(super) fn finish(mut self, mut take: impl FnMut(Line)) {
        self.end(&mut take);
    }

    fn end(&mut self, take: &mut impl FnMut(Line)) {
        let text = self.begun.split().freeze();
        let trimmed = text.trim_ascii();
        if self.too_long || trimmed.len() > RULE_BYTES_MAX {
            take(Line { number: self.number, text: None });
        } else if !trimmed.is_empty() {
            take(Line { number: self.number, text: Some(text.slice_ref(trimmed)) });
        }
        self.number += 1;
        self.too_long = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cut<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Vec<(u64, Option<String>)> {
        let mut found = Vec::new();
        let mut take = |line: Line| {
            let text = line.text.map(|text| String::from_utf8(text.to_vec()).unwrap());
            found.push((line.number, text));
        };
        let mut lines = Lines::new();
        for part in parts {
            lines.push(part, &mut take);
        }
        lines.finish(&mut take);
        found
    }

    fn line(number: u64, text: &str) -> (u64, Option<String>) {
        (number, Some(text.to_owned()))
    }

    #[test]
    fn lines_are_numbered_and_blank_ones_passed() {
        assert_eq!(cut([b"\n {\"a\":1} \r\n\n{}".as_slice()]), [line(2, "{\"a\":1}"), line(4, "{}")]);
        assert_eq!(cut([b"a".as_slice(), b"b\nc", b"\n"]), [line(1, "ab"), line(2, "c")]);
        assert!(cut([b"".as_slice()]).is_empty() && cut([]).is_empty());
    }

    #[test]
    fn a_line_that_is_too_long_is_named_and_not_held() {
        let (fits, long) = ("x".repeat(RULE_BYTES_MAX), "x".repeat(RULE_BYTES_MAX + 1));
        let text = format!("{fits}\r\n{long}\n{{}}\n{long}{long}{long}");
        let expected = [line(1, &fits), (2, None), line(3, "{}"), (4, None)];
        assert_eq!(cut([text.as_bytes()]), expected);
        assert_eq!(cut(text.as_bytes().chunks(1000)), expected);
        let mut lines = Lines::new();
        for _ in 0..100 {
            lines.push(fits.as_bytes(), |_| {});
            assert!(lines.begun.capacity() <= 4 * RULE_BYTES_MAX);
        }
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_the_body_is_parted(text in "[ab \r\n]{0,40}", size in 1..10_usize) {
            prop_assert_eq!(cut(text.as_bytes().chunks(size)), cut([text.as_bytes()]));
        }
    }
}
